"""Batches of pictures that are decoded and changed in worker processes."""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.augment.file_policy import Policy
from datamodules.core.loader import TensorLoader
from datamodules.core.samplers import EpochSampler
from datamodules.readers.pictures import BrokenFile, Pictures, channels_first


class FileDataset(Dataset):
    """Whole batches of pictures and of the arrays beside them, for a list of (row, seed).

    Args:
        pictures: Decoded pictures by row.
        tensors: name -> tensor (N, ...), on the CPU.
        policy: Changes the pictures of rows that come with a seed.
    """

    def __init__(self, pictures: Pictures, tensors: dict[str, Tensor], policy: Policy) -> None:
        self.pictures, self.tensors, self.policy = pictures, tensors, policy

    def __len__(self) -> int:
        return len(self.pictures.names)

    def __getitems__(self, items: list[tuple[int, int | None]]) -> dict[str, Tensor]:
        """A batch with ``image`` uint8 (B, channels, size, size)."""
        rows = torch.tensor([row for row, _ in items])
        batch = {name: tensor[rows] for name, tensor in self.tensors.items()}
        channels = self.pictures.channels
        images = torch.empty(len(items), channels, *self.pictures.shape, dtype=torch.uint8)
        for i, (row, seed) in enumerate(items):
            image = self.pictures[row]
            image = image if seed is None else self.policy(image, seed)
            images[i] = torch.from_numpy(channels_first(image, channels).copy())
        return batch | {"image": images}


class SeededBatches:
    """Batches of (row, seed) in the order of a sampler: what the worker processes are sent.

    The seed of a training sample is a pure function of (seed, epoch, rank, place in the order). It travels with the
    row, so it does not matter which worker makes the batch, how many there are, whether they know the epoch, and
    whether the run was resumed. Without shuffling the seed is None, and the sample is not augmented.

    Args:
        sampler: Order of the rows.
        batch_size: Samples a batch.
        count: Batches an epoch.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int, count: int) -> None:
        self.sampler, self.batch_size, self.count = sampler, batch_size, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[tuple[int, int | None]]]:
        s = self.sampler
        rows = s.order().tolist()
        seeds: list[int | None] = [None] * len(rows)
        if s.shuffle:
            seeds = np.random.default_rng([s.seed, s.epoch, s.rank]).integers(2**63, size=len(rows)).tolist()
        for start in range(0, self.count * self.batch_size, self.batch_size):
            end = start + self.batch_size
            yield list(zip(rows[start:end], seeds[start:end], strict=True))


class FileLoader(TensorLoader):
    """Serve pictures from files, decoded and augmented in worker processes; pictures are uint8 on the CPU.

    Not a ``DataLoader``, but has one: Lightning would rebuild it for prediction, and would start its workers before
    the sampler is told the epoch. This one starts with the first batch.

    Args:
        dataset: Makes batches.
        sampler: Gives the rows of each epoch. Lightning finds it under this name and sets its epoch.
        batch_size: Samples a batch and process.
        drop_last: Leave out a short last batch, unless it is the only one.
        num_workers: Worker processes, kept from epoch to epoch; 0 decodes in this one.
        pin_memory: Page-locked batches, which a GPU copies faster.
    """

    def __init__(
        self,
        dataset: FileDataset,
        sampler: EpochSampler,
        batch_size: int,
        drop_last: bool = False,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        super().__init__(dataset.tensors, sampler, batch_size, drop_last)
        self.dataset, self.num_workers, self.pin_memory = dataset, num_workers, pin_memory
        self._workers: DataLoader | None = None

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        if self._workers is None:
            self.dataset.pictures.source.close()  # the processes that start now must not share the handle
            self._workers = DataLoader(
                self.dataset,
                batch_sampler=SeededBatches(self.sampler, self.batch_size, len(self)),
                num_workers=self.num_workers,
                persistent_workers=self.num_workers > 0,
                pin_memory=self.pin_memory,
                collate_fn=unchanged,
                worker_init_fn=single_thread,
                generator=torch.Generator(),  # else each epoch takes a number from the global stream
            )
        try:
            yield from self._workers
        except BrokenFile as error:  # one from a worker has the worker's traceback before its message
            raise BrokenFile(str(error).rsplit("BrokenFile: ", 1)[-1].strip()) from None

    def stop(self) -> None:
        """End the worker processes; the next iteration starts new ones."""
        self._workers = None


def unchanged(batch: dict) -> dict:
    """The dataset returns whole batches: nothing to collate."""
    return batch


def single_thread(worker: int) -> None:
    """One thread for each worker, as PyTorch does for its own."""
    cv2.setNumThreads(0)
