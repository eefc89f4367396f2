"""What every data set shares: where the data comes from, cleaning, splits; how it is served stands in ``serving``."""

import hashlib
from pathlib import Path

import numpy as np
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from datamodules.readers.side_tables import groups_named, rows_named

from .serving import Serving
from .source import Arrays, find_folder, share
from .splits import assert_disjoint, bag_indices, split_indices
from .statistics import channel_statistics, class_counts


class DataModule(Serving):
    """A data set in named parts (``train``, ``val``, ``test``, ``predict``), served as dict batches.

    A subclass sets ``title`` and ``files`` and implements ``read`` and ``simulate``; both return pools of arrays
    of equal length: ``{"train": {...}, "test": {...}, "predict": {...}}``. The ``train`` pool is split into folds;
    a ``test`` pool has labels of its own; a ``predict`` pool has none. Without a ``test`` pool and with
    ``test_fraction: 0`` the validation fold is scored again as ``test``, and results say so.

    Batches hold ``id`` (int64 row number in the file), the arrays, and ``group`` (int64) where groups are known.
    ``image`` arrives as float32 in [0, 1], ``mask`` and ``label`` as int64.

    Args:
        root: Folder of the data, or its parent.
        source: ``real``, ``simulated``, or ``auto``: real data if it stands under ``root``, else the simulated set.
        batch_size: Samples a batch and device.
        num_workers: Worker processes, for sets of files; sets in memory need none.
        seed: Seed of the split and of the simulated data.
        fold: Number of the validation fold, from 0.
        folds: Number of folds; 1 / folds of the data is for validation.
        test_fraction: Share held out for the test part before folds are made, where the data has no test part.
        groups: ``auto`` (the data's own groups, if any), ``none`` (samples split one by one), or a CSV ``id,group``.
        bag: Number of a bootstrap bag; replaces the folds: train is drawn with replacement, val is out of bag.
        exclude: CSV ``id,reason`` of samples to leave out of the ``train`` pool.
        augment: List of augmentations for the train part (see ``datamodules/augment.py``).
        samples_per_epoch: Samples an epoch when a subclass weights them; None means as many as there are.
        limit: Use only so many samples of each pool, for trials: the first ones, without losing a class.
    """

    files: tuple[str, ...] = ()
    how_to_get: str = "See docs/data.md for the format and where it comes from."
    class_names: list[str] | None = None  # in the order of the labels, where the data itself names its classes
    splits: bool = True  # False where the parts are given, so that there are no folds
    variant: tuple = ()  # values of a subclass's arguments that decide what `read` and `simulate` return

    def __init__(
        self,
        root: str = "data",
        source: str = "auto",
        batch_size: int = 32,
        num_workers: int = 0,
        seed: int = 0,
        fold: int = 0,
        folds: int = 5,
        test_fraction: float = 0.0,
        groups: str = "auto",
        bag: int | None = None,
        exclude: str | None = None,
        augment: list | None = None,
        samples_per_epoch: int | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(augment)
        if source not in ("auto", "real", "simulated"):
            raise ValueError(f"source={source!r}: choose auto, real or simulated.")
        for name, value in (("batch_size", batch_size), ("limit", limit)):
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: need 1 or more.")
        self.save_hyperparameters(logger=False)
        # A dict here (inspect gives one): setup decodes all files, leaves out those that cannot be, and names them.
        self.broken: dict[str, list[str]] | None = None
        self.notes: list[str] = []  # what the user should know: shown once, kept in results.json

    # ---- for subclasses ---------------------------------------------------------------------------------------

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read the real data from ``folder``, where all ``files`` stand. Broken data is an error, never a fallback."""
        raise NotImplementedError(f"{type(self).__name__} reads no real data.")

    def simulate(self) -> dict[str, Arrays]:
        """Make the simulated data: same arrays as ``read``."""
        raise NotImplementedError(f"{type(self).__name__} has no simulated data.")

    def labels_for_split(self, pool: Arrays) -> np.ndarray:
        """Labels that folds are stratified by: (N,) classes, or (N, C) 0/1 for classes a sample holds."""
        return pool["label"] if "label" in pool else np.zeros(len(pool["id"]), np.int64)

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Rows of the train pool to leave out, found in the data itself."""
        return np.zeros(0, np.int64)

    def kept(self, name: str, pool: Arrays) -> np.ndarray | None:
        """Rows of a pool to use; None for all."""
        return None if self.hparams.limit is None else self.limited(pool)

    def limited(self, pool: Arrays) -> np.ndarray:
        """Rows, in order, that ``limit`` keeps: the first ones, or of a file sorted by class the first of each."""
        size = len(pool["id"])
        first = np.arange(min(self.hparams.limit, size))
        if "label" not in pool or len(first) == size:
            return first
        label = pool["label"].astype(np.int64)
        counts = np.bincount(label)
        if (2 * np.bincount(label[first], minlength=len(counts)) >= counts * len(first) / size).all():
            return first
        self.note(f"limit={len(first)}: the first ones hold too few of a class, so the first of each class are kept.")
        order = np.argsort(label, kind="stable")
        place = np.empty(size)  # within its class, from 0 to 1: the lowest of all keep the shares of the classes
        place[order] = np.concatenate([(np.arange(n) + 0.5) / n for n in counts if n])
        return np.sort(np.argsort(place, kind="stable")[: len(first)])

    def statistics(self) -> dict[str, Tensor]:
        """Fitted on the train part: ``mean`` and ``std`` (C,) of images in [0, 1], ``class_counts`` (K,)."""
        pool, rows = self.pools["train"], self.parts["train"]
        found = channel_statistics(pool["image"], rows) if "image" in pool else {}
        for key in ("label", "mask"):
            if key in pool:
                found["class_counts"] = class_counts(pool[key][rows])
        return found

    # ---- where the data comes from ----------------------------------------------------------------------------

    def load(self) -> dict[str, Arrays]:
        """Read or simulate the pools, and note which."""
        h = self.hparams
        folder = None if h.source == "simulated" else find_folder(h.root, self.title, self.files, self.how_to_get)
        self.folder = folder
        if folder is not None:
            self.data_source = "real"
            stamps = tuple((folder / name).stat().st_mtime_ns for name in self.files)
            key = (type(self), self.variant, str(folder.resolve()), self.files, stamps)
            return share(key, lambda: self.read(folder))
        looked = f"Looked for {' and '.join(self.files)} in {Path(h.root)} and {Path(h.root) / self.title}"
        if h.source == "real":
            raise FileNotFoundError(f"{looked}: not there. {self.how_to_get} Then set --data.root.")
        self.data_source = "simulated"
        if h.source == "auto":
            self.note(
                f"SIMULATED DATA. {looked}: not there. Scores on simulated data say nothing about the real task. "
                f"{self.how_to_get} Then set --data.root."
            )
        return share((type(self), self.variant, "simulated", h.seed), self.simulate)

    def note(self, text: str) -> None:
        """Tell the user once, and keep the text for results.json and the report."""
        if text not in self.notes:
            self.notes.append(text)
            rank_zero_info(text)

    def read_groups(self, pool: Arrays) -> np.ndarray | None:
        """Groups of the train pool as int64 codes, or None."""
        if self.hparams.groups == "none":
            return None
        if self.hparams.groups == "auto":
            names = pool.get("group")
        else:
            names = groups_named(Path(self.hparams.groups), self.names("train", pool["id"]))
        return None if names is None else np.unique(names, return_inverse=True)[1].astype(np.int64)

    def names(self, pool: str, ids: np.ndarray) -> list[str]:
        """Names of samples as files write them; the row number where the data has no names."""
        return [str(i) for i in ids]

    # ---- setup ------------------------------------------------------------------------------------------------

    def setup(self, stage: str | None = None) -> None:
        """Load, clean and split. A second call does nothing.

        Raises:
            FileNotFoundError: Data that is missing with ``source: real``, or present in part.
            ValueError: Data that is broken, an empty part, or groups on both sides of a split.
        """
        if self.parts:
            return
        h = self.hparams
        self.pools = self.load()
        for name, pool in self.pools.items():
            size = len(next(iter(pool.values())))
            pool.setdefault("id", np.arange(size, dtype=np.int64))
            if (rows := self.kept(name, pool)) is not None:
                for key in pool:
                    pool[key] = pool[key][rows]
        train = self.pools["train"]
        keep = np.ones(len(train["id"]), bool)
        keep[self.outliers(train)] = False
        keep[self.excluded(train)] = False
        rows = np.flatnonzero(keep)
        if len(rows) < 2:
            raise ValueError(
                f"{self.title}: {len(rows)} of {len(keep)} training samples are left after cleaning; need 2 or more. "
                "Check the file, --data.exclude and --data.limit."
            )
        groups = self.read_groups(train)
        train.pop("group", None)
        labels = self.labels_for_split(train)[rows]
        kept_groups = None if groups is None else groups[rows]
        if h.bag is None:
            fraction = 0.0 if "test" in self.pools else h.test_fraction
            parts = split_indices(labels, kept_groups, h.fold, h.folds, h.seed, fraction)
        else:
            parts = bag_indices(labels, kept_groups, h.bag, h.seed)
        assert_disjoint(parts, kept_groups)
        if groups is not None:
            train["group"] = groups
        self.parts = {part: rows[chosen] for part, chosen in parts.items() if len(chosen)}
        for part, pool in (("test", "test"), ("predict", "predict")):
            if pool in self.pools:
                self.parts[part] = np.arange(len(self.pools[pool]["id"]))
                if not len(self.parts[part]):
                    raise ValueError(f"{self.title}: the {part} part holds no samples. Check the files and options.")
        kind = f"bag {h.bag}" if h.bag is not None else f"fold {h.fold} of {h.folds}"
        kind += ", grouped" if groups is not None else ""
        self.split = {"train": kind, "val": kind, "test": "test part", "predict": "unlabelled part"}
        if "test" not in self.parts:
            self.parts["test"] = self.parts["val"]
            self.split["test"] = f"validation {kind}, which also chose the checkpoint"
        for part in ("train", "val"):
            if part not in self.parts:
                raise ValueError(f"{self.title}: the {part} part of {kind} is empty; use fewer folds.")

    def excluded(self, pool: Arrays) -> np.ndarray:
        """Rows named in the ``exclude`` CSV."""
        if self.hparams.exclude is None:
            return np.zeros(0, np.int64)
        path = Path(self.hparams.exclude)
        rows = rows_named(path, self.names("train", pool["id"]))
        self.note(f"{len(rows)} samples left out by {path.name}.")
        return rows

    def sizes(self) -> dict[str, int]:
        """Samples in each part."""
        return {part: len(rows) for part, rows in self.parts.items()}

    @property
    def scores_validation(self) -> bool:
        """Whether the ``test`` part is the validation part, for want of a test part."""
        return self.parts["test"] is self.parts["val"]

    def fingerprint(self, split: bool = True) -> str:
        """Sha256 over the arrays and, with ``split``, the split in use."""
        digest = hashlib.sha256()
        for name in sorted(self.pools):
            for key in sorted(self.pools[name]):
                digest.update(f"{name}/{key}".encode())
                digest.update(np.ascontiguousarray(self.pools[name][key]).tobytes())
        for part in sorted(self.parts) if split else ():
            digest.update(self.parts[part].tobytes())
        return digest.hexdigest()
