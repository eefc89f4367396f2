"""What every data set shares: where the data comes from, cleaning, splits; how it is served stands in ``serving``."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from .pools import check_labels, clean_rows, code_groups, digest_of, first_rows, take_groups
from .serving import Serving
from .source import DEFAULT_ROOT, Arrays, load_pools, serve_alike
from .splits import assert_disjoint, bag_indices, split_indices
from .statistics import channel_statistics, class_counts, target_statistics
from .unlabelled import pictures_like


class DataModule(Serving):
    """A data set in named parts (``train``, ``val``, ``test``, ``predict``), served as dict batches.

    A subclass sets ``title`` and ``files`` and implements ``read`` and ``simulate``; both return pools of arrays
    of equal length: ``{"train": {...}, "test": {...}, "predict": {...}}``. The ``train`` pool is split into folds;
    a ``test`` pool has labels of its own; a ``predict`` pool has none. Without a ``test`` pool and with
    ``test_fraction: 0`` the validation fold is scored again as ``test``, and results say so.

    What must be learnt from training rows alone (a vocabulary, a scaler) is returned by ``fit``, applied by ``encode``
    and travels in the checkpoint. Everything that ``read`` or ``simulate`` return may depend on the arguments only.

    Batches hold ``id`` (int64 row number in the file), the arrays, and ``group`` (int64) where groups are known.
    ``image`` arrives as float32 in [0, 1], ``mask`` and ``label`` as int64.

    Args:
        root: Folder of the data, or its parent.
        source: ``real``, ``simulated``, or ``auto``: real data if it stands under ``root``; where it does not, the
            simulated set, but only if ``root`` is the default: a folder that was named must hold the data.
        batch_size: Samples a batch and device.
        num_workers: Worker processes, for sets of files; sets in memory need none.
        seed: Seed of the split and of the simulated data.
        fold: Number of the validation fold, from 0.
        folds: Number of folds; 1 / folds of the data is for validation.
        test_fraction: Share held out for the test part before folds are made, where the data has no test part.
        groups: ``auto`` (the data's own groups, if any), ``none`` (samples split one by one), or a CSV ``id,group``.
        bag: Number of a bootstrap bag; replaces the folds: train is drawn with replacement, val is out of bag.
        exclude: CSV ``id,reason`` of samples to leave out of the ``train`` pool.
        augment: List of augmentations for the train part (see ``datamodules/augment``).
        samples_per_epoch: Samples an epoch; None means as many as there are.
        limit: Use only so many samples of each pool, for trials: the first ones, without losing a class.
        predict: Samples of your own, without labels, in place of the data's: a folder of pictures or one picture,
            brought to the data's size, colour or gray.

    Attributes:
        folder: Folder of the real data; None where none is read, and before ``setup``.
        data_source: After ``setup``: ``real``, ``simulated`` (in place of a real set) or ``made`` (there is none).
        part_kind: Part -> what it is in words, such as ``fold 0 of 5, grouped``.
        fitted: What ``fit`` returned, or what a checkpoint brought.
        notes: What the user should know: shown once, kept in results.json.
    """

    files: tuple[str, ...] = ()
    how_to_get: str = "See docs/data.md for the format and where it comes from."
    class_names: list[str] | None = None  # in the order of the labels, where the data itself names its classes
    splits: bool = True  # False where the parts are given, so that there are no folds
    submission: str | None = None  # name of the assignment's submission file; then there is `write_submission`
    learns_facts: bool = False  # whether `facts` tell of what `fit` learns, so that those of weights are of theirs
    acts_later: tuple[str, ...] = ()  # arguments of a subclass that `read` and `simulate` do not look at

    def __init__(
        self,
        root: str = DEFAULT_ROOT,
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
        augment: list[Any] | None = None,
        samples_per_epoch: int | None = None,
        limit: int | None = None,
        predict: str | None = None,
    ) -> None:
        super().__init__(augment)
        if source not in ("auto", "real", "simulated"):
            raise ValueError(f"source={source!r}: choose auto, real or simulated.")
        for name, value in (("batch_size", batch_size), ("limit", limit), ("samples_per_epoch", samples_per_epoch)):
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: need 1 or more.")
        self.save_hyperparameters(logger=False)
        # A dict here (inspect gives one): setup decodes all files, leaves out those that cannot be, and names them.
        self.broken: dict[str, list[str]] | None = None
        self.folder: Path | None = None
        self.data_source = ""
        self.part_kind: dict[str, str] = {}
        self.group_names: list[str] = []  # what the codes in ``group`` mean
        self.fitted: dict[str, Any] = {}
        self.notes: list[str] = []
        self._raw: dict[str, Arrays] = {}
        self._digest: str | None = None

    # ---- for subclasses ---------------------------------------------------------------------------------------

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read the real data from ``folder``, where all ``files`` stand. Broken data is an error, never a fallback."""
        raise NotImplementedError(f"{type(self).__name__} reads no real data.")

    def simulate(self) -> dict[str, Arrays]:
        """Make the simulated data: same arrays as ``read``."""
        raise NotImplementedError(f"{type(self).__name__} has no simulated data.")

    def read_unlabelled(self, place: Path) -> Arrays:
        """The pool of samples that ``predict`` names; ``name`` and what else those of ``read`` have but labels."""
        return pictures_like(self.title, self.pools["train"], place, self.note)

    def facts(self) -> dict[str, Any]:
        """What a network is built from, before any data is read: it fills arguments of the task that are left away."""
        return {} if self.class_names is None else {"class_names": list(self.class_names)}

    def labels_for_split(self, pool: Arrays) -> np.ndarray:
        """Labels that folds are stratified by: (N,) classes, or (N, C) 0/1 for classes a sample holds."""
        return pool["label"] if "label" in pool else np.zeros(len(pool["id"]), np.int64)

    def split(self, pool: Arrays, rows: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
        """Deal ``rows`` of the train pool into ``train``, ``val`` and perhaps ``test``: stratified, groups whole.

        A series overrides it with ``splits_in_order``. ``groups`` are the codes of ``rows``, or None.
        """
        h = self.hparams
        labels = self.labels_for_split(pool)[rows]
        fraction = 0.0 if "test" in self.pools else h.test_fraction
        if h.bag is not None:
            parts = bag_indices(labels, groups, h.bag, h.seed, fraction)
        else:
            parts = split_indices(labels, groups, h.fold, h.folds, h.seed, fraction)
        return {part: rows[chosen] for part, chosen in parts.items()}

    def fit(self, train: Arrays) -> dict[str, Any]:
        """Learn from the rows of the train part what ``encode`` needs: plain values and tensors, by name."""
        return {}

    def encode(self, pool: Arrays) -> Arrays:
        """Arrays of a pool as batches hold them, by what was ``fitted``."""
        return pool

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Rows of the train pool to leave out, found in the data itself."""
        return np.zeros(0, np.int64)

    def kept(self, name: str, pool: Arrays) -> np.ndarray | None:
        """Rows of a pool to use; None for all. Outliers are found first: of few samples many copies are few."""
        if self.hparams.limit is None or (name == "predict" and self.hparams.predict is not None):
            return None
        rows = np.setdiff1d(np.arange(len(pool["id"])), self.outliers(pool) if name == "train" else [])
        return rows[self.limited({key: values[rows] for key, values in pool.items() if values.ndim == 1})]

    def limited(self, pool: Arrays) -> np.ndarray:
        """Rows, in order, that ``limit`` keeps; ``pool`` without its arrays of more than one axis."""
        return first_rows(pool, self.hparams.limit, self.note)

    def statistics(self) -> dict[str, Tensor]:
        """Of the train part: ``mean``, ``std`` (C,), ``class_counts`` (K,), ``target_mean``, ``target_std`` (D,)."""
        pool, rows = self.pools["train"], self.parts["train"]
        statistics = channel_statistics(pool["image"], rows) if "image" in pool else {}
        for key in ("label", "mask"):
            if key in pool:
                statistics["class_counts"] = class_counts(pool[key][rows])
        if "target" in pool:
            statistics |= target_statistics(pool["target"][rows])
        return statistics

    # ---- where the data comes from ----------------------------------------------------------------------------

    def load(self) -> dict[str, Arrays]:
        """Read or simulate the pools, and note which.

        Raises:
            FileNotFoundError: The data is not there, and was asked for: by ``source: real`` or by naming a folder.
        """
        return load_pools(self)

    def serves_as(self, other: "DataModule") -> bool:
        """Whether batches of both hold the same for the same samples: equal arguments, and the same fitted."""
        return serve_alike(self, other)

    def note(self, text: str, shown: str | None = None) -> None:
        """Tell the user once, in short where ``shown`` is set, and keep the text for results.json and the report."""
        if text not in self.notes:
            self.notes = [*self.notes, text]  # a new list: what reading notes is found again where it is not repeated
            rank_zero_info(shown or text)

    def names(self, pool: str, ids: np.ndarray) -> list[str]:
        """Names of samples as files write them: ``name`` of a pool, found by ``id``; the id where it has no names."""
        held = self.pools[pool]
        return [str(i) for i in (held["name"][np.searchsorted(held["id"], ids)] if "name" in held else ids)]

    # ---- setup ------------------------------------------------------------------------------------------------

    def setup(self, stage: str | None = None) -> None:
        """Load, clean, split, fit and encode. A second call does nothing.

        Raises:
            FileNotFoundError: Data that is missing and was asked for, or present in part.
            ValueError: Data that is broken, an empty part, or groups on both sides of a split.
        """
        if self.parts:
            return
        self.pools = self.load()
        if self.hparams.predict is not None:
            self.pools["predict"] = self.read_unlabelled(Path(self.hparams.predict))
        for name, pool in self.pools.items():
            pool.setdefault("id", np.arange(len(next(iter(pool.values()))), dtype=np.int64))
            check_labels(f"{self.title}, {name} pool", pool)
        listed = {name: self.names(name, pool["id"]) for name, pool in self.pools.items()}
        for name, pool in self.pools.items():
            if (rows := self.kept(name, pool)) is not None:
                pool.update({key: values[rows] for key, values in pool.items()})
        self._raw = {name: dict(pool) for name, pool in self.pools.items()}
        train = self.pools["train"]
        rows = clean_rows(self, train, listed["train"])
        groups = self.read_groups(sum(listed.values(), []), rows)
        parts = self.split(train, rows, None if groups is None else groups[rows])
        assert_disjoint(parts, groups)
        self.parts = {part: rows for part, rows in parts.items() if len(rows)}
        for part in ("test", "predict"):
            if part in self.pools:
                self.parts[part] = np.arange(len(self.pools[part]["id"]))
                if not len(self.parts[part]):
                    raise ValueError(f"{self.title}: the {part} part holds no samples. Check the files and options.")
        self.name_parts(grouped=groups is not None)
        for part in ("train", "val"):
            if part not in self.parts:
                raise ValueError(f"{self.title}: the {part} part of {self.part_kind[part]} is empty; use fewer folds.")
        if not self.fitted:
            used = np.unique(self.parts["train"])
            self.fitted = self.fit({key: value[used] for key, value in train.items()})
        self.pools = {name: self.encode(pool) for name, pool in self.pools.items()}

    def read_groups(self, listed: list[str], rows: np.ndarray) -> np.ndarray | None:
        """Put ``group`` of all pools into codes; those of train, of which ``rows`` are used, or None.

        ``listed`` are all names of all pools.
        """
        if (source := self.hparams.groups) not in ("auto", "none"):
            names = {name: self.names(name, pool["id"]) for name, pool in self.pools.items()}
            take_groups(Path(source), self.pools, names, listed, self.note)
        self.group_names = code_groups(self.title, self.pools, rows, use=source != "none")
        return self.pools["train"].get("group")

    def name_parts(self, grouped: bool) -> None:
        """Fill ``part_kind``; without a test part, let validation be scored as ``test``."""
        h = self.hparams
        kind = f"bag {h.bag}" if h.bag is not None else f"fold {h.fold} of {h.folds}"
        kind += ", grouped" if grouped else ""
        self.part_kind = {"train": kind, "val": kind, "test": "test part", "predict": "unlabelled part"}
        if "test" not in self.parts and "val" in self.parts:
            self.parts["test"] = self.parts["val"]
            self.part_kind["test"] = f"validation {kind}, which also chose the checkpoint"

    # ---- what is known of the data ----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What was fitted: a checkpoint keeps it."""
        return {"fitted": self.fitted} if self.fitted else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what was fitted elsewhere, in place of a ``fit`` in ``setup``."""
        self.fitted = state_dict.get("fitted", {})

    def take_fitted(self, checkpoint: dict[str, Any]) -> None:
        """Take what a checkpoint holds for this data module (Lightning keeps it under the name of the class)."""
        self.load_state_dict(checkpoint.get(type(self).__qualname__, {}))

    @property
    def scores_validation(self) -> bool:
        """Whether the ``test`` part is the validation part, for want of a test part."""
        return self.parts["test"] is self.parts["val"]

    def fingerprint(self, split: bool = True) -> str:
        """Sha256 over the arrays as they were read and, with ``split``, the split in use."""
        if self._digest is None:
            self._digest = digest_of(self._raw)
        if not split:
            return self._digest
        digest = hashlib.sha256(self._digest.encode())
        for part in sorted(self.parts):
            digest.update(f"{part}".encode() + self.parts[part].tobytes())
        return digest.hexdigest()
