"""Blood cells (assignment B1): RGB pictures of single stained cells, eight types."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.audit.duplicates import content_hash, exact_duplicates
from datamodules.core.base import DataModule
from datamodules.core.source import Arrays, find_folder
from datamodules.core.statistics import class_counts
from datamodules.readers.npz import as_uint8, read_npz
from datamodules.simulate import make_smear

CLASSES = 8
COURSE = ("training_set.npz", "train_data.npz")
MEDMNIST = tuple(f"bloodmnist{size}.npz" for size in ("", "_64", "_128", "_224"))
SPLITS = ("train", "val", "test")


class BloodCellsDataModule(DataModule):
    """``image`` (N, 3, H, W) and ``label`` (N,) in 0..7.

    Reads the course's ``training_set.npz`` or ``train_data.npz``: ``images`` (N, 96, 96, 3) and ``labels`` (N, 1) or
    (N,). Or BloodMNIST's ``bloodmnist.npz`` (28 pixels) or ``bloodmnist_64.npz``, ``_128``, ``_224``: ``train_images``,
    ``train_labels`` and the same for ``val`` and ``test``; its train and val together are the train pool, and its
    test is the test part. The first of these files that is there is taken.

    Args:
        clean: Leave out planted pictures (exact copies by the dozen) and all but one of each set of duplicates.
        oversample: ``none``, or ``balanced``: training draws each class equally often.
        resize: Side in pixels that pictures are brought to when read; None keeps theirs.
        file: Name of the file to read, where several are there.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: An unknown choice or file name.
    """

    title = "blood_cells"
    files = (COURSE[0],)
    how_to_get = (
        "The course hands out training_set.npz (or train_data.npz); bloodmnist_64.npz of MedMNIST does as well "
        "(docs/data.md describes both). Put it there."
    )

    def __init__(
        self,
        clean: bool = True,
        oversample: str = "none",
        resize: int | None = None,
        file: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if oversample not in ("none", "balanced"):
            raise ValueError(f"oversample={oversample!r}: choose none or balanced.")
        if resize is not None and resize < 8:
            raise ValueError(f"resize={resize}: need 8 pixels or more.")
        if file is not None and file not in (*COURSE, *MEDMNIST):
            raise ValueError(f"file={file!r}: choose one of {', '.join((*COURSE, *MEDMNIST))}.")
        self.save_hyperparameters(logger=False)

    def load(self) -> dict[str, Arrays]:
        """Choose the file, then read or simulate."""
        h = self.hparams
        names = [h.file] if h.file else [*COURSE, *MEDMNIST]
        present = (name for name in names if find_folder(h.root, self.title, (name,), self.how_to_get))
        self.files = (next(present, names[0]),)
        return super().load()

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check one of the formats."""
        path = folder / self.files[0]
        if path.name in COURSE:
            return {"train": self.pool(path, read_npz(path, ("images", "labels")), "")}
        arrays = read_npz(path, tuple(f"{part}_{key}" for part in SPLITS for key in ("images", "labels")))
        train, val, test = (self.pool(path, arrays, f"{part}_") for part in SPLITS)
        return {"train": {key: np.concatenate([train[key], val[key]]) for key in train}, "test": test}

    def pool(self, path: Path, arrays: Arrays, prefix: str) -> Arrays:
        """Check and convert ``images`` and ``labels`` of one part."""
        images, labels = arrays[f"{prefix}images"], arrays[f"{prefix}labels"]
        if images.ndim != 4 or images.shape[3] != 3 or min(images.shape[1:3]) < 8:
            raise ValueError(
                f"{path}: {prefix}images has shape {images.shape}; expected (N, H, W, 3), colours last, "
                "H and W of 8 or more."
            )
        if labels.shape not in ((len(images),), (len(images), 1)):
            raise ValueError(
                f"{path}: {prefix}labels has shape {labels.shape}; expected ({len(images)},) or ({len(images)}, 1), "
                f"one class number for each of the {prefix}images."
            )
        if not len(images):
            raise ValueError(f"{path}: {prefix}images is empty.")
        if images.dtype.kind == "f" and 0 < np.nanmax(images) <= 1:
            raise ValueError(f"{path}: {prefix}images holds 0..1; expected 0..255. Multiply by 255 and save again.")
        images = as_uint8(images, path, f"{prefix}images").transpose(0, 3, 1, 2)
        return {
            "image": resized(images, self.hparams.resize),
            "label": as_uint8(labels.reshape(-1), path, f"{prefix}labels", CLASSES - 1),
        }

    def simulate(self) -> dict[str, Arrays]:
        """Cells of ``make_smear`` in the same arrays."""
        made = make_smear(seed=self.hparams.seed)
        images = made["images"].transpose(0, 3, 1, 2)
        return {"train": {"image": resized(images, self.hparams.resize), "label": made["labels"].reshape(-1)}}

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Planted pictures, duplicates, and copies of pictures of a test pool."""
        duplicates = exact_duplicates(pool["image"], pool["label"])
        leaks = np.zeros(0, np.int64)
        if "test" in self.pools:
            leaks = np.flatnonzero(np.isin(*(content_hash(p["image"]) for p in (pool, self.pools["test"]))))
        drop = np.union1d(duplicates.drop, leaks)
        if not len(drop):
            return drop
        planted, spare = sum(map(len, duplicates.planted)), sum(len(group) - 1 for group in duplicates.repeated)
        text = (
            f"{planted} of {len(pool['label'])} pictures are exact copies of {len(duplicates.planted)} planted ones, "
            f"and {spare} are duplicates ({len(duplicates.conflicts)} sets with conflicting labels)"
        )
        text += f"; {len(leaks)} stand in the test pool, too" if len(leaks) else ""
        if not self.hparams.clean:
            self.note(f"{text}; kept, because clean is false.")
            return drop[:0]
        self.note(f"{text}: left out.")
        return drop

    def sample_weights(self) -> Tensor | None:
        """For ``balanced``, the inverse of the class's frequency in the train part."""
        if self.hparams.oversample == "none":
            return None
        labels = self.pools["train"]["label"][self.parts["train"]]
        return 1.0 / class_counts(labels)[torch.from_numpy(labels).long()].double()


def resized(images: np.ndarray, side: int | None) -> np.ndarray:
    """Pictures uint8 (N, 3, H, W) brought to ``side`` by antialiased bilinear interpolation; None keeps them."""
    if side is None or images.shape[2:] == (side, side):
        return np.ascontiguousarray(images)
    done = np.empty((*images.shape[:2], side, side), np.uint8)
    for start in range(0, len(images), 512):  # 512 float pictures at a time, not the whole set
        block = torch.from_numpy(np.ascontiguousarray(images[start : start + 512])).float()
        block = F.interpolate(block, (side, side), mode="bilinear", antialias=True)
        done[start : start + 512] = block.round().clamp(0, 255).byte().numpy()
    return done
