"""Pictures that stay encoded on disk until a batch needs them: bytes by name, decoding, dataset, loader."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .augment_files import Policy
from .loader import EpochSampler, TensorLoader

SUFFIXES = (".jpg", ".jpeg", ".png")


class BrokenFile(ValueError):
    """A file of pictures, or one picture in it, that cannot be read; the message says what to do."""


class HDF5Source:
    """Encoded pictures in an HDF5 file: the key is the name, the value the bytes (opaque, string or uint8 array).

    The file is opened when something is read, by each process for itself: a handle that was opened before a fork, or
    copied to another process, gives wrong bytes or hangs. Call ``close`` before worker processes are started.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None

    def _open(self) -> h5py.File:
        if self._file is None:
            try:
                self._file = h5py.File(self.path, "r")
            except OSError as error:
                raise BrokenFile(
                    f"{self.path}: not a whole HDF5 file ({error}). Copy or unpack it again; it may be truncated."
                ) from None
        return self._file

    def names(self) -> set[str]:
        """Names of all pictures."""
        return set(self._open())

    def read(self, name: str) -> bytes:
        """Encoded bytes of one picture."""
        value = self._open()[name][()]
        return value if isinstance(value, bytes) else value.tobytes()

    def total(self, names: Sequence[str]) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __getstate__(self) -> dict:
        return {"path": self.path, "_file": None}


class FolderSource:
    """Encoded pictures as files ``<name>.jpg``, ``.jpeg`` or ``.png`` in one folder.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        files = sorted(p.name for p in self.path.iterdir() if p.suffix.lower() in SUFFIXES)
        self._files = {name.rsplit(".", 1)[0]: name for name in files}

    def names(self) -> set[str]:
        """Names of all pictures."""
        return set(self._files)

    def read(self, name: str) -> bytes:
        """Encoded bytes of one picture."""
        return (self.path / self._files[name]).read_bytes()

    def total(self, names: Sequence[str]) -> int:
        """Bytes of the named files together."""
        return sum((self.path / self._files[name]).stat().st_size for name in names)

    def close(self) -> None:
        """Nothing stays open."""


def open_source(path: Path) -> HDF5Source | FolderSource:
    """A folder of pictures, or an HDF5 file."""
    return FolderSource(path) if Path(path).is_dir() else HDF5Source(path)


def decode(data: bytes, size: int) -> np.ndarray:
    """Encoded picture -> RGB uint8 (size, size, 3); other shapes are squeezed into the square.

    A JPEG that is larger than needed is decoded at the smallest of the scales 1/8, 1/4, 1/2, 1 that is not below
    ``size`` (fewer DCT coefficients, several times faster), and brought to ``size`` by antialiased bilinear
    interpolation.

    Raises:
        OSError, SyntaxError, ValueError: As PIL finds the data broken.
    """
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (size, size))
        image = image.convert("RGB")
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)


class Pictures:
    """Decoded pictures of one pool by row.

    Args:
        source: Where the bytes are.
        names: (N,) str, name of the picture of each row.
        size: Side in pixels.
        cache: Keep decoded pictures: 3 size^2 bytes for each that was read.
    """

    def __init__(self, source: HDF5Source | FolderSource, names: np.ndarray, size: int, cache: bool = False) -> None:
        self.source, self.names, self.size = source, names, size
        self.known = np.zeros(len(names) if cache else 0, bool)
        self.cache = np.empty((len(self.known), size, size, 3), np.uint8)  # pages are taken as they are written

    def __getitem__(self, row: int) -> np.ndarray:
        """uint8 (size, size, 3), not to be written to.

        Raises:
            BrokenFile: The picture cannot be decoded.
        """
        if len(self.known) and self.known[row]:
            return self.cache[row]
        name = str(self.names[row])
        try:
            image = decode(self.source.read(name), self.size)
        except (OSError, SyntaxError, ValueError) as error:
            raise BrokenFile(
                f"{self.source.path}: picture {name} cannot be decoded ({error}). Restore it, "
                "or leave it out of training by --data.exclude with a CSV id,reason."
            ) from None
        if len(self.known):
            self.cache[row], self.known[row] = image, True
        return image

    def decodes(self, row: int) -> bool:
        """Whether the picture of a row can be decoded."""
        try:
            self[row]
        except BrokenFile:
            return False
        return True

    def batch(self, rows: Sequence[int]) -> np.ndarray:
        """uint8 (n, 3, size, size) of some rows."""
        images = np.empty((len(rows), 3, self.size, self.size), np.uint8)
        for i, row in enumerate(rows):
            images[i] = self[row].transpose(2, 0, 1)
        return images


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
        """A batch with ``image`` uint8 (B, 3, size, size)."""
        rows = torch.tensor([row for row, _ in items])
        batch = {name: tensor[rows] for name, tensor in self.tensors.items()}
        images = torch.empty(len(items), 3, self.pictures.size, self.pictures.size, dtype=torch.uint8)
        for i, (row, seed) in enumerate(items):
            image = self.pictures[row]
            image = image if seed is None else self.policy(image, seed)
            images[i] = torch.from_numpy(image.transpose(2, 0, 1).copy())
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
