"""Mars terrain (assignment A1): gray pictures 64x128 with a class for every pixel."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.audit.duplicates import repeated_mask_outliers
from datamodules.core.base import Arrays, DataModule
from datamodules.readers.npz import as_uint8, read_npz
from datamodules.readers.side_tables import groups_named
from datamodules.simulate import make_terrain

HEIGHT, WIDTH, CLASSES = 64, 128, 5
FILE = "mars_for_students.npz"


class MarsDataModule(DataModule):
    """Train pool: ``image`` (N, 1, 64, 128), ``mask`` (N, 64, 128) in 0..4; predict pool: ``image``.

    Reads ``mars_for_students.npz`` with ``training_set`` (N, 2, 64, 128) and ``test_set`` ((N, 64, 128),
    (N, 1, 64, 128) or (N, 2, 64, 128)), and groups from ``sources.csv`` (``id,group``) if it stands beside it.
    Folds are stratified by the classes a picture holds.

    Args:
        clean: Leave out the planted pictures that share one mask.
        rare_weight: How many times as often pictures with big rocks are drawn; 1 serves every picture once.
        **kwargs: Arguments of ``DataModule``.
    """

    title = "mars"
    files = (FILE,)
    submission = "submission.csv"
    acts_later = ("clean", "rare_weight")
    how_to_get = "The course hands out mars_for_students.npz (docs/data.md describes it); put it there."

    def __init__(self, clean: bool = True, rare_weight: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check both sets."""
        path = folder / FILE
        arrays = read_npz(path, ("training_set",), ("test_set",))
        training = arrays["training_set"]
        if training.ndim != 4 or training.shape[1:] != (2, HEIGHT, WIDTH):
            raise ValueError(
                f"{path}: training_set has shape {training.shape}; expected (N, 2, {HEIGHT}, {WIDTH}), image and mask."
            )
        if not len(training):
            raise ValueError(f"{path}: training_set is empty.")
        train = {
            "image": as_uint8(training[:, :1], path, "training_set image"),
            "mask": as_uint8(training[:, 1], path, "training_set mask", CLASSES - 1),
        }
        sources = folder / "sources.csv"
        if sources.is_file():
            train["group"] = groups_named(sources, list(map(str, range(len(training)))), note=self.note)
        pools = {"train": train}
        if "test_set" in arrays:
            pools["predict"] = {"image": as_uint8(self._test_images(arrays["test_set"], path), path, "test_set")}
        return pools

    @staticmethod
    def _test_images(test: np.ndarray, path: Path) -> np.ndarray:
        """(N, 1, 64, 128) from any of the three shapes; a second channel is an empty mask."""
        images = test[:, None] if test.ndim == 3 else test
        if images.ndim != 4 or images.shape[1] not in (1, 2) or images.shape[2:] != (HEIGHT, WIDTH):
            raise ValueError(
                f"{path}: test_set has shape {test.shape}; expected (N, {HEIGHT}, {WIDTH}) "
                "or (N, 1 or 2, height, width)."
            )
        return images[:, :1]

    def simulate(self) -> dict[str, Arrays]:
        """Terrain of ``make_terrain`` in the same arrays; small, so that the default run takes minutes."""
        made = make_terrain(n=300, n_test=100, sites=15, outliers=24, seed=self.hparams.seed)
        training = made["training_set"]
        train = {"image": training[:, :1], "mask": training[:, 1], "group": np.array(made["groups"])}
        return {"train": train, "predict": {"image": made["test_set"][:, None]}}

    def labels_for_split(self, pool: Arrays) -> np.ndarray:
        """(N, 5): 1 where a picture holds the class."""
        return np.stack([(pool["mask"] == k).any((1, 2)) for k in range(CLASSES)], 1).astype(np.int64)

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Pictures that share one mask by the dozen; real repeated masks stay."""
        rows = repeated_mask_outliers(pool["mask"])
        if not len(rows):
            return rows
        if not self.hparams.clean:
            self.note(f"{len(rows)} pictures share one mask; kept, because clean is false.")
            return rows[:0]
        self.note(f"{len(rows)} of {len(pool['mask'])} pictures share one mask: planted outliers, left out.")
        return rows

    def sample_weights(self) -> Tensor | None:
        """``rare_weight`` for pictures with big rocks."""
        if self.hparams.rare_weight == 1:
            return None
        rare = (self.pools["train"]["mask"][self.parts["train"]] == CLASSES - 1).any((1, 2))
        return torch.from_numpy(np.where(rare, self.hparams.rare_weight, 1.0))

    def write_submission(self, path: Path, batches: Iterable[dict]) -> int:
        """Write ``id`` and 8,192 columns of the flattened mask, row by row as batches come.

        Args:
            path: CSV to write.
            batches: ``id`` (B,) and ``prob`` (B, 5, 64, 128) in the order of the test set.

        Returns:
            Number of pictures written.
        """
        count = 0
        with path.open("wb") as file:
            file.write(",".join(["id", *map(str, range(HEIGHT * WIDTH))]).encode() + b"\n")
            for batch in batches:
                masks = batch["prob"].argmax(1).flatten(1).to(torch.uint8).cpu().numpy()
                # Classes are single digits: ",d" for each pixel, 50 times faster than a CSV writer.
                cells = np.full((*masks.shape, 2), ord(","), np.uint8)
                cells[..., 1] = masks + ord("0")
                for name, row in zip(batch["id"].tolist(), cells, strict=True):
                    file.write(str(name).encode() + row.tobytes() + b"\n")
                count += len(masks)
        return count
