"""Orders of an epoch's samples as functions of (seed, epoch, rank) alone: a resumed run sees what an unbroken one sees.

Lightning calls ``set_epoch`` at the start of every epoch. Training shards have equal length, because gradients are
averaged step by step; evaluation shards are not padded, so that each sample is counted once.
"""

from collections.abc import Iterator

import torch
from torch import Tensor


class EpochSampler:
    """Each row once in a random order, or rows drawn by their weights.

    Args:
        rows: int64 (N,), the rows of the data to serve.
        shuffle: Draw a new order each epoch. Without it the rows come as given.
        seed: Seed of the order.
        weights: float (N,), chance of each row to be drawn, with replacement; None serves each row once.
        samples: Samples an epoch while shuffling; None means N. Without weights as many different ones as there are,
            then the next round.
        rank: This process.
        world: Number of processes.
    """

    def __init__(
        self,
        rows: Tensor,
        shuffle: bool,
        seed: int = 0,
        weights: Tensor | None = None,
        samples: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.rows, self.shuffle, self.seed, self.weights = rows, shuffle, seed, weights
        self.total = samples or len(rows) if shuffle else len(rows)
        self.rank, self.world, self.epoch = rank, world, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def generator(self) -> torch.Generator:
        """Random numbers of the epoch."""
        return torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)

    def whole(self) -> Tensor:
        """Rows of all ranks for the current epoch, int64."""
        if not self.shuffle:
            return self.rows
        generator = self.generator()
        if self.weights is not None:
            return self.rows[torch.multinomial(self.weights, self.total, replacement=True, generator=generator)]
        rounds = -(-self.total // len(self.rows))
        chosen = torch.cat([torch.randperm(len(self.rows), generator=generator) for _ in range(rounds)])
        return self.rows[chosen[: self.total]]

    def order(self) -> Tensor:
        """Rows of this rank for the current epoch, int64."""
        rows = self.whole()
        if self.shuffle:
            rows = torch.cat([rows, rows[: -len(rows) % self.world]])
        return rows[self.rank :: self.world]

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())

    def __len__(self) -> int:
        if self.shuffle:
            return -(-self.total // self.world)
        return len(range(self.rank, self.total, self.world))


class LengthBuckets(EpochSampler):
    """Batches of samples of like length, in random order: less padding, and each sample once an epoch.

    Random chunks of 50 batches are sorted by length and cut into batches, which are then shuffled. Without
    ``shuffle`` all rows are sorted by length.

    Args:
        rows: int64 (N,).
        lengths: int64 (N,), length of the sample of each row.
        batch_size: Samples a batch and process.
        **kwargs: Arguments of ``EpochSampler``.
    """

    CHUNK = 50  # batches: more sort better, fewer mix better

    def __init__(self, rows: Tensor, lengths: Tensor, batch_size: int, **kwargs) -> None:
        super().__init__(rows, **kwargs)
        self.lengths, self.batch_size = lengths, batch_size
        self.length_of = torch.zeros(int(rows.max()) + 1, dtype=torch.int64).index_put((rows,), lengths)

    def whole(self) -> Tensor:
        """See the class."""
        rows = super().whole()
        if not self.shuffle:
            return rows[self.length_of[rows].argsort(stable=True)]
        size = self.batch_size * self.world  # the ranks take turns, so each gets a batch of like lengths
        # A short batch stays the last, and may be dropped: it is one of chance, where the longest samples would be it.
        even = len(rows) - len(rows) % size
        last, chunks = rows[even:], rows[:even].split(size * self.CHUNK)
        batches = [b for c in chunks for b in c[self.length_of[c].argsort(stable=True)].split(size)]
        generator = self.generator().manual_seed(self.seed * 1_000_003 + self.epoch + 500_000)
        order = torch.randperm(len(batches), generator=generator).tolist()
        return torch.cat([*(batches[i] for i in order), last])


class Streams(EpochSampler):
    """Rows that follow each other, such as windows of one text, as parallel streams: for a state carried over batches.

    With B samples a batch the rows are cut into B streams; batch t holds window t of each. Sample b of a batch thus
    goes on where sample b of the batch before ended. Where N is no multiple of B the last batch is shorter: the first
    streams have one window more.

    Args:
        rows: int64 (N,), in their order.
        batch_size: Streams a process.
        **kwargs: Arguments of ``EpochSampler``; ``shuffle`` changes nothing.
    """

    def __init__(self, rows: Tensor, batch_size: int, shuffle: bool = False, **kwargs) -> None:
        super().__init__(rows, shuffle=False, **kwargs)
        self.batch_size = batch_size

    def whole(self) -> Tensor:
        """See the class."""
        streams = min(self.batch_size * self.world, len(self.rows))
        pieces = torch.tensor_split(self.rows, streams)  # the first ones are one longer
        steps = len(pieces[0])
        return torch.cat([torch.stack([p[t] for p in pieces if t < len(p)]) for t in range(steps)])
