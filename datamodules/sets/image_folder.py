"""Pictures in a folder for each class: the data set that most users bring."""

from pathlib import Path
from typing import Any

import numpy as np

from datamodules.audit.duplicates import near_duplicates, perceptual_hash
from datamodules.core.source import DEFAULT_ROOT, Arrays, places
from datamodules.core.splits import partition
from datamodules.pictures.files import FileDataModule
from datamodules.readers.class_folders import Tree, scan_classes
from datamodules.readers.pictures import BrokenFile, Pictures, Source, TreeSource
from datamodules.readers.wording import listed
from datamodules.simulate.picture_folders import make_picture_folder
from datamodules.simulate.scratch import scratch_folder

HASH_SIDE = 64  # pixels a side of the pictures that hashes are made of


class ImageFolderDataModule(FileDataModule):
    """Reads ``CLASS/*.jpg``, or ``train/CLASS/*.jpg`` with ``test/CLASS``, ``val/CLASS`` and ``predict`` beside it.

    Pictures stay files, decoded in workers (or kept in memory; see ``FileDataModule``), and are squeezed into a square.
    Classes are the folders of the train part that hold pictures, in alphabetical order; any names do. ``val`` takes the
    place of the folds; without ``test`` see ``test_fraction``. Names of pictures, in ``predictions.csv`` and in the
    CSVs of ``groups`` and ``exclude``, are their paths from the root. Files that are no pictures, or empty, are left
    out, counted and named.

    Args:
        near: Pictures whose 64-bit perceptual hashes differ in at most so many bits are one group, links chained, so
            that near copies never stand on both sides of a split. None leaves that to ``groups``.
        **kwargs: Arguments of ``FileDataModule``.

    Raises:
        ValueError: Fewer than two classes, or a class that the train part lacks (from ``facts`` or ``setup``); ``near``
            out of 0..64.
    """

    title = "image_folder"
    reserved = ("validates",)
    acts_later = ("policy", "size", "channels")
    pattern = "CLASS/*.jpg"
    how_to_get = "Put the pictures of each class in a folder of its name (docs/data.md)."

    def __init__(self, near: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if near is not None and not 0 <= near <= 64:
            raise ValueError(f"near={near}: need 0 (equal hashes) to 64 bits; 4 are near copies, above 10 is chance.")
        self._found: tuple[Path | None, Tree] | None = None

    def class_of(self, folder_name: str) -> str:
        """Class of the pictures in a folder of this name."""
        return folder_name

    # ---- what is there ----------------------------------------------------------------------------------------

    @property
    def found(self) -> tuple[Path | None, Tree]:
        """Folder with folders of classes in it, ``<root>/<title>``, or ``root`` where the user named one; its files.

        Where there is none: None, and the simulated files. Looked for once.
        """
        if self._found is None:
            h = self.hparams
            named = places(h.root, self.title)[: 1 if h.root == DEFAULT_ROOT else 2]
            trees = ((place, scan_classes(place)) for place in (named if h.source != "simulated" else ()))
            real = next(((place, tree) for place, tree in trees if tree.parts["train"]), None)
            self._found = real or (None, scan_classes(self.simulated_folder()))
        return self._found

    @property
    def tree(self) -> Tree:
        """The files, real or simulated."""
        return self.found[1]

    @property
    def class_names(self) -> list[str]:
        """Classes of the train part, in the order of their labels."""
        tree = self.tree
        names = sorted({self.class_of(name) for name in tree.parts["train"]})
        if [name.lower() for name in names] == ["predict"]:
            raise ValueError(
                f"{self.title}: predict stands alone. Leave --data.root as the run had it, and give this folder to "
                "--data.predict; or put train/CLASS/*.jpg beside it."
            )
        if len(names) < 2:
            bare = f" Without a picture: {listed(tree.bare, 3)}." if tree.bare else ""
            raise ValueError(
                f"{self.title}: the only class with pictures is {names[0]!r}; a classifier needs 2 or more folders "
                f"{self.pattern}.{bare}"
            )
        for part in ("val", "test"):
            lacking = sorted({self.class_of(name) for name in tree.parts.get(part, {})} - set(names))
            if lacking:
                raise ValueError(
                    f"{self.title}: {part} has the class {lacking[0]!r}, which train lacks; it has {', '.join(names)}. "
                    f"Rename the folder, or move pictures of it into train."
                )
        return names

    @property
    def splits(self) -> bool:
        """Whether there are folds to make: not where ``val`` is there."""
        return "val" not in self.tree.parts

    # ---- reading ----------------------------------------------------------------------------------------------

    def load(self) -> dict[str, Arrays]:
        """Find out which folders are there, and read their names."""
        place, _ = self.found
        self.files = (self.pattern,) if place is None else tuple(sorted(p.name for p in place.iterdir() if p.is_dir()))
        pools = super().load()
        if self.data_source == "simulated":
            self.folder = self.simulated_folder()
        return pools

    def simulated_folder(self) -> Path:
        """600 drawn pictures of four classes in folders, kept as long as the process."""
        return scratch_folder(make_picture_folder, self.hparams.seed, n=600)

    def simulate(self) -> dict[str, Arrays]:
        """Read from the files that were drawn."""
        return self.read(self.simulated_folder())

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Names and labels of all parts; groups where near copies are looked for."""
        tree, classes = self.tree, self.class_names
        for note in tree.notes():
            self.note(note)
        label = {name: classes.index(self.class_of(name)) for part in tree.parts.values() for name in part if name}

        def pool_of(*parts: str) -> Arrays:
            rows = [(n, label.get(c, 0), p == "val") for p in parts for c, names in tree.parts.get(p, {}).items()
                    for n in names]  # fmt: skip
            names, labels, validates = zip(*rows, strict=True) if rows else ((), (), ())
            arrays = {"name": np.array(names, str), "label": np.array(labels, np.int64)}
            return arrays | ({"validates": np.array(validates, bool)} if "val" in tree.parts else {})

        pools = {"train": pool_of("train", "val")} | ({"test": pool_of("test")} if tree.parts.get("test") else {})
        if self.hparams.near is not None:
            self.group_copies(folder, pools)
        if tree.parts.get("predict"):
            pools["predict"] = {"name": pool_of("predict")["name"]}
        return pools

    def group_copies(self, folder: Path, pools: dict[str, Arrays]) -> None:
        """Add ``group`` to all pools: near copies share one."""
        names = np.concatenate([pool["name"] for pool in pools.values()])
        group = np.arange(len(names))
        hashes, rows = hashes_of(TreeSource(folder), names)
        linked = near_duplicates(hashes, self.hparams.near)
        for members in linked:
            group[rows[members]] = rows[members[0]]
        count = sum(map(len, linked))
        self.note(
            f"{count} of {len(names)} pictures are near copies of others (at most {self.hparams.near} bits of 64 "
            f"apart), in {len(linked)} groups, the largest of {max(map(len, linked), default=0)}: kept on one side of "
            "the split."
        )
        for pool, part in zip(pools.values(), np.split(group, [len(pools["train"]["name"])]), strict=False):
            pool["group"] = part

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Rows whose near copy is a test picture, or, where validation has a folder of its own, one of those."""
        if self.hparams.near is None or self.hparams.groups != "auto":
            return super().outliers(pool)
        group, validates = pool["group"], pool.get("validates", np.zeros(len(pool["name"]), bool))
        left = ~validates & np.isin(group, group[validates])
        if "test" in self.pools:
            left |= np.isin(group, self.pools["test"]["group"])
        if left.any():
            self.note(f"{left.sum()} pictures are near copies of test or validation pictures and left out.")
        return np.flatnonzero(left)

    def limited(self, pool: Arrays) -> np.ndarray:
        """Of given parts so many of each."""
        if "validates" not in pool:
            return super().limited(pool)
        kept = []
        for validates in (False, True):
            side = np.flatnonzero(pool["validates"] == validates)
            kept.append(side[super().limited({key: values[side] for key, values in pool.items()})])
        return np.sort(np.concatenate(kept))

    def files_of(self, pool: str) -> Source:
        """See ``FileDataModule``."""
        return TreeSource(self.folder)

    def split(self, pool: Arrays, rows: np.ndarray, groups: np.ndarray | None) -> dict[str, Any]:
        """As in all data modules, or by the folders ``train`` and ``val``."""
        if self.splits:
            return super().split(pool, rows, groups)
        if given := [name for name, none in (("bag", None), ("fold", 0)) if self.hparams[name] != none]:
            raise ValueError(f"--data.{given[0]}: there is nothing to split, train and val have folders of their own.")
        validates = pool["validates"][rows]
        parts, train = {"val": rows[validates]}, rows[~validates]
        fraction = 0.0 if "test" in self.pools else self.hparams.test_fraction
        if fraction:
            kept = None if groups is None else groups[~validates]
            held_out = partition(pool["label"][train], kept, (1 - fraction, fraction), self.hparams.seed) == 1
            train, parts["test"] = train[~held_out], train[held_out]
        return {"train": train, **parts}

    def name_parts(self, grouped: bool) -> None:
        """Also call given parts what they are."""
        super().name_parts(grouped)
        if not self.splits:
            self.part_kind |= {"train": "folder train", "val": "folder val"}
            if self.scores_validation:
                self.part_kind["test"] = "folder val, which also chose the checkpoint"


def hashes_of(source: TreeSource, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Perceptual hashes (n,) and rows (n,) of the pictures that can be decoded; others are told of when served."""
    pictures = Pictures(source, names, HASH_SIDE)
    images, rows = np.empty((len(names), HASH_SIDE, HASH_SIDE, 3), np.uint8), []
    for row in range(len(names)):
        try:
            images[len(rows)] = pictures[row]
        except BrokenFile:
            continue
        rows.append(row)
    return perceptual_hash(images[: len(rows)]), np.array(rows, np.int64)
