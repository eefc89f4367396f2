"""Pictures a second from a folder of JPEGs: decoding and serving alone, against a DataLoader with albumentations.

    python benchmarks/folder.py                                  # 2,870 drawn JPEGs of up to 144 pixels
    python benchmarks/folder.py --root data/brain_tumor/Training --size 128 --workers 2

Three ways to fill batches of the same size from the same files, with the same flip and rotation, without a network:
``ImageFolderDataModule`` decoding in workers, with its policy; the same kept in memory, augmented in batches; and what
a person writes by hand, a ``Dataset`` that opens a file with PIL and applies albumentations, under ``DataLoader``. All
run in one process and take turns; the median of the rounds counts, the first round of each is left out: it starts
workers, and fills the memory.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import albumentations as A
import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from datamodules import ImageFolderDataModule
from datamodules.core.loader import to_float
from datamodules.simulate.brain_scans import make_brain_scans

TURN = {"limit": 10, "p": 0.8}


class ByHand(Dataset):
    """A file, a decoder, albumentations.

    Args:
        files: Pictures.
        size: Side in pixels.
    """

    def __init__(self, files: list[Path], size: int) -> None:
        self.files = files
        self.change = A.Compose([A.Resize(size, size), A.HorizontalFlip(p=0.5), A.Rotate(**TURN)])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> torch.Tensor:
        with Image.open(self.files[row]) as image:
            pixels = self.change(image=np.asarray(image.convert("RGB")))["image"]
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float().div_(255)


def by_hand(root: Path, size: int, batch: int, workers: int) -> Callable[[], int]:
    """An epoch over all files, and how many pictures it served."""
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    loader = DataLoader(ByHand(files, size), batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0,
                        worker_init_fn=lambda _: cv2.setNumThreads(0))  # fmt: skip
    return lambda: sum(len(images) for images in loader)


def ours(root: Path, size: int, batch: int, workers: int) -> Callable[[], int]:
    """The same from ``ImageFolderDataModule``: without workers from memory, augmented in batches."""
    policy = [{"HorizontalFlip": {"p": 0.5}}, {"Rotate": TURN}] if workers else "none"
    augment = None if workers else ["hflip", {"rotate": {"degrees": TURN["limit"], "p": TURN["p"]}}]
    data = ImageFolderDataModule(root=str(root), source="real", size=size, batch_size=batch, num_workers=workers,
                                 policy=policy, augment=augment, folds=10)  # fmt: skip
    data.setup("fit")
    loader, generator = data.train_dataloader(), torch.Generator().manual_seed(0)
    epochs = iter(range(1_000_000))

    def epoch() -> int:
        loader.sampler.set_epoch(next(epochs))
        served = 0
        for samples in loader:
            samples = to_float(samples)
            served += len((data.augment(samples, generator) if augment else samples)["image"])
        return served

    return epoch


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of folders with pictures; default: drawn ones")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        if options.root is None:
            make_brain_scans(Path(drawn), scans=820)
        root = options.root or Path(drawn) / "Training"
        size, batch, workers = options.size, options.batch, options.workers
        ways = {
            f"ours, {workers} workers": ours(root, size, batch, workers),
            "ours, in memory": ours(root, size, batch, 0),
            f"DataLoader and albumentations, {workers} workers": by_hand(root, size, batch, workers),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds + 1):
            for name, epoch in ways.items():
                begin = time.perf_counter()
                rates[name].append(epoch() / (time.perf_counter() - begin))
    base = statistics.median(rates[list(ways)[-1]][1:])
    for name, values in rates.items():
        middle = statistics.median(values[1:])
        print(f"{name:45s} {middle:8.0f} pictures/s  x {middle / base:.2f}")


if __name__ == "__main__":
    main()
