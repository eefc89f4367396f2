"""Three 8x8 patterns of red and white cells (assignment D12): generated, or read from pictures of such grids."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datamodules.core.base import DataModule
from datamodules.core.source import Arrays, places
from datamodules.core.unlabelled import found_pictures
from datamodules.readers.modes import as_rgb
from datamodules.readers.picture_names import picture_files
from datamodules.readers.pictures import reason_of

SIDE = 8
PATTERNS = {  # generated: a plus, a ring and stairs, which differ from each other in 24 cells or more
    "plus": ["00011000", "00011000", "00011000", "11111111", "11111111", "00011000", "00011000", "00011000"],
    "ring": ["11111111", "10000001", "10000001", "10000001", "10000001", "10000001", "10000001", "11111111"],
    "stairs": ["10000000", "11000000", "11100000", "11110000", "11111000", "11111100", "11111110", "11111111"],
}


class PatternsDataModule(DataModule):
    """Train part: the patterns themselves, one each. Val and test parts: copies with flipped cells.

    ``image`` uint8 (N, 1, 8, 8) of 0 (white) and 255 (red), ``label`` the number of the pattern, ``flips`` int64 how
    many cells differ from it. Reads every ``*.png`` in ``<root>/patterns``, in the order of their names: a grid of 8x8
    cells of any size, of which the centre of each cell counts.

    Args:
        copies: Copies of each pattern for each number of flipped cells, in val and in test.
        max_flips: Copies have 0 to so many flipped cells, all at different places.
        **kwargs: Arguments of ``DataModule``, without folds, bags and ``exclude``: the parts are given.

    Raises:
        ValueError: ``max_flips`` out of range, a fold, bag or ``exclude``, fewer than two pictures, or two equal ones
            (from ``setup``).
    """

    title, splits = "patterns", False
    how_to_get = "Put pictures of 8x8 grids there (PNG, two or more)."

    def __init__(self, copies: int = 20, max_flips: int = 28, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if not 0 <= max_flips <= SIDE * SIDE or copies < 1:
            raise ValueError(f"copies={copies}, max_flips={max_flips}: need 1 or more, and 0 to {SIDE * SIDE}.")
        changed = [k for k, v in (("bag", None), ("exclude", None), ("fold", 0)) if getattr(self.hparams, k) != v]
        if changed:
            raise ValueError(f"--data.{changed[0]}: there is nothing to split or clean. Train and val parts are given.")

    def load(self) -> dict[str, Arrays]:
        """Read the pictures that stand there, or generate the patterns."""
        self._look()
        return super().load()

    def _look(self) -> None:
        """Set ``files`` and ``class_names`` by the pictures that stand there."""
        h = self.hparams
        for place in places(h.root, self.title) if h.source != "simulated" else ():
            self.files = tuple(p.name for p in picture_files(place.glob("*")) if p.suffix.lower() == ".png")
            if self.files:
                self.class_names = [Path(name).stem for name in self.files]
                return
        self.files, self.class_names = ("*.png",), list(PATTERNS)

    def facts(self) -> dict[str, Any]:
        """Names of the pictures, and that they are gray."""
        self._look()
        return {**super().facts(), "in_channels": 1}

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check the pictures."""
        grids = [read_grid(folder / name) for name in self.files]
        if len(grids) < 2:
            raise ValueError(f"{folder} holds one picture, {self.files[0]}; need two or more patterns to tell apart.")
        for i, first in enumerate(grids):
            for j, second in enumerate(grids[:i]):
                if (first == second).all():
                    raise ValueError(f"{folder}: {self.files[j]} and {self.files[i]} show the same pattern.")
        return self.pools_of(np.stack(grids))

    def read_unlabelled(self, place: Path) -> Arrays:
        """Grids of the user's own."""
        source, names = found_pictures(place, self.note)
        return {"name": names, "image": image_of(np.stack([read_grid(source.path / name) for name in names]))}

    def simulate(self) -> dict[str, Arrays]:
        """The generated patterns."""
        return self.pools_of(np.array([[[int(c) for c in row] for row in rows] for rows in PATTERNS.values()]))

    def pools_of(self, grids: np.ndarray) -> dict[str, Arrays]:
        """Pools of grids (P, 8, 8) of 0 and 1: train holds the grids and, after them, the copies of val."""
        rng = np.random.default_rng([self.hparams.seed, len(grids)])
        exact = arrays(grids, np.arange(len(grids)), np.zeros(len(grids), np.int64))
        val, test = self.copies_of(grids, rng), self.copies_of(grids, rng)
        return {"train": {key: np.concatenate([exact[key], val[key]]) for key in exact}, "test": test}

    def copies_of(self, grids: np.ndarray, rng: np.random.Generator) -> Arrays:
        """Each grid ``copies`` times with 0, 1, ... ``max_flips`` flipped cells."""
        h = self.hparams
        label, flips = (
            a.reshape(-1)
            for a in np.broadcast_arrays(
                np.arange(len(grids)), np.arange(h.max_flips + 1)[:, None], np.zeros((h.copies, 1, 1), int)
            )[:2]
        )
        order = rng.random((len(label), SIDE * SIDE)).argsort(1).argsort(1)
        flipped = (order < flips[:, None]).reshape(-1, SIDE, SIDE)
        return arrays(grids[label] ^ flipped, label, flips)

    def kept(self, name: str, pool: Arrays) -> np.ndarray | None:
        """With ``limit`` the first ones, but a copy of each pattern is left for val."""
        if self.hparams.limit is None or name == "predict":
            return None
        least = 2 * (int(pool["label"].max()) + 1)
        return np.arange(min(max(self.hparams.limit, least), len(pool["label"])))

    def split(self, pool: Arrays, rows: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
        """The parts are given: the patterns, then their copies."""
        patterns = int(pool["label"].max()) + 1
        return {"train": rows[:patterns], "val": rows[patterns:]}

    def name_parts(self, grouped: bool) -> None:
        """See the class."""
        copies = f"copies with 0 to {self.hparams.max_flips} flipped cells"
        self.part_kind = {"train": "the patterns", "val": copies, "test": f"other {copies}"}


def image_of(grids: np.ndarray) -> np.ndarray:
    """uint8 (N, 1, 8, 8) of 0 and 255 from grids (N, 8, 8) of 0 and 1."""
    return (grids[:, None] * 255).astype(np.uint8)


def arrays(grids: np.ndarray, label: np.ndarray, flips: np.ndarray) -> Arrays:
    """One pool from grids (N, 8, 8) of 0 and 1."""
    return {"image": image_of(grids), "label": label.astype(np.int64), "flips": flips.astype(np.int64)}


def read_grid(path: Path) -> np.ndarray:
    """(8, 8) of 0 (white) and 1 (red) from a picture of a grid: the pixel at the centre of each cell, as one sees it.

    A cell is red where green and blue are, on average, below half.

    Raises:
        ValueError: No picture, or one smaller than 8x8.
    """
    try:
        with Image.open(path) as picture:
            rgb = np.asarray(as_rgb(picture), np.float32)
    except Exception as error:  # PIL and its readers raise errors of a dozen kinds for broken files
        raise ValueError(
            f"{path}: cannot be read ({reason_of(error)}). Is it truncated? Save it as PNG again."
        ) from None
    height, width = rgb.shape[:2]
    if min(height, width) < SIDE:
        raise ValueError(f"{path}: {width}x{height} pixels; a grid of {SIDE}x{SIDE} cells needs at least one a cell.")
    rows, columns = (((np.arange(SIDE) + 0.5) * size / SIDE).astype(int) for size in (height, width))
    return (rgb[np.ix_(rows, columns)][..., 1:].mean(-1) < 127.5).astype(np.int64)
