"""Batches sliced from tensors on the training device, in an order that depends on seed and epoch alone."""

from collections.abc import Iterator

import torch
from torch import Tensor


class EpochSampler:
    """Order of one epoch's samples, sharded by rank.

    Lightning calls ``set_epoch`` at the start of every epoch; the order is a pure function of (seed, epoch), so
    that a resumed run sees the samples an unbroken one would have seen. Training shards have equal length (the
    order is padded from its own start), because gradients are averaged step by step; evaluation shards are not
    padded, so that each sample is counted once.

    Args:
        rows: int64 (N,), the rows of the data to serve.
        shuffle: Draw a new order each epoch. Without it the rows come as given.
        seed: Seed of the order.
        weights: float (N,), chance of each row to be drawn, with replacement; None serves each row once.
        samples: Samples an epoch when ``weights`` are given; None means N.
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
        self.total = len(rows) if weights is None else samples or len(rows)
        self.rank, self.world, self.epoch = rank, world, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def order(self) -> Tensor:
        """Rows of this rank for the current epoch, int64."""
        rows = self.rows
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            if self.weights is not None:
                chosen = torch.multinomial(self.weights, self.total, replacement=True, generator=generator)
            else:
                chosen = torch.randperm(len(rows), generator=generator)
            rows = rows[chosen]
            rows = torch.cat([rows, rows[: -len(rows) % self.world]])
        return rows[self.rank :: self.world]

    def __iter__(self) -> Iterator[int]:
        return iter(self.order().tolist())

    def __len__(self) -> int:
        if self.shuffle:
            return -(-self.total // self.world)
        return len(range(self.rank, self.total, self.world))


class TensorLoader:
    """Serve batches as slices of tensors, without workers and without collating.

    Args:
        tensors: name -> tensor (N, ...), all on one device, which is the device of the batches.
        sampler: Gives the rows of each epoch. Lightning finds it under this name and sets its epoch.
        batch_size: Samples a batch and process.
        drop_last: Leave out a short last batch, unless it is the only one.
    """

    def __init__(
        self, tensors: dict[str, Tensor], sampler: EpochSampler, batch_size: int, drop_last: bool = False
    ) -> None:
        self.tensors, self.sampler = tensors, sampler
        self.batch_sampler = None  # Lightning looks for it where it finds a sampler
        self.batch_size, self.drop_last = batch_size, drop_last
        self.device = next(iter(tensors.values())).device

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + int(rest > 0 and not (self.drop_last and full > 0))

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = self.sampler.order().to(self.device)
        for step in range(len(self)):
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            # a copy of whole rows: tensor[rows] takes twenty times as long for small pictures on CPUs
            yield {name: tensor.index_select(0, rows) for name, tensor in self.tensors.items()}


def to_float(batch: dict) -> dict:
    """``image`` uint8 -> float32 in [0, 1]; ``mask`` and ``label`` -> int64; other keys stay."""
    out = dict(batch)
    if "image" in out and out["image"].dtype == torch.uint8:
        out["image"] = out["image"].float().div_(255)
    for key in ("mask", "label"):
        if key in out:
            out[key] = out[key].long()
    return out
