"""Public image sets that exist in several file layouts, have a labelled test part, and can be downloaded."""

from pathlib import Path

import numpy as np

from datamodules.core.base import DataModule
from datamodules.core.source import Arrays, places, stands
from datamodules.core.splits import partition


class PublicImages(DataModule):
    """Train and test pools of ``image`` uint8 (N, C, H, W) and ``label`` (N,), from the first layout that is there.

    A subclass lists ``layouts``: each is a tuple of files that together hold the set, each file a tuple of the names it
    may have, the usual one first. It implements ``read`` (which finds the layout that is there in ``self.files``),
    ``simulate`` and ``fetch``.

    Args:
        download: Download the set into ``root`` if it is not there, and verify it if it is.
        train_size: Keep so many samples of the train part, the same share of every class: for studies with few
            labels. The validation part stays whole. None keeps all.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: ``train_size`` is larger than the train part, or leaves a class out (from ``setup``).
    """

    layouts: tuple[tuple[tuple[str, ...], ...], ...] = ()
    acts_later = ("download", "train_size")

    def __init__(self, download: bool = False, train_size: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.fetched = False

    def fetch(self, root: Path) -> None:
        """Download the set into ``root``, or verify the one that stands there."""
        raise NotImplementedError(f"{type(self).__name__} has no public address.")

    def prepare_data(self) -> None:
        """Download or verify once, in one process: the command line asks for it, and then the trainer."""
        if self.hparams.download and self.hparams.source != "simulated" and not self.fetched:
            self.fetch(Path(self.hparams.root))
            self.fetched = True

    def choose_layout(self) -> None:
        """Set ``files`` to the first layout whose files all stand in one folder, or else to the first layout.

        Raises:
            FileNotFoundError: Only a part of a layout is there.
        """
        partial = None
        for layout in self.layouts:
            for place in places(self.hparams.root, self.title):
                there = [next((name for name in names if stands(place / name)), None) for names in layout]
                if all(there):
                    self.files = tuple(there)
                    return
                if any(there) and partial is None:
                    held = next(filter(None, there))
                    partial = f"{place} holds {held} but not {layout[there.index(None)][0]}. {self.how_to_get}"
        if partial:
            raise FileNotFoundError(partial)
        self.files = tuple(names[0] for names in self.layouts[0])

    def load(self) -> dict[str, Arrays]:
        """Read or simulate the pools."""
        if self.hparams.source != "simulated":
            self.choose_layout()
        return super().load()

    def setup(self, stage: str | None = None) -> None:
        """Load and split, then keep ``train_size`` samples of the train part."""
        if self.parts:
            return
        super().setup(stage)
        size = self.hparams.train_size
        if size is not None:
            try:
                self.parts["train"] = self.few(self.parts["train"], size)
            except ValueError:
                self.parts = {}  # else a second call would find a set that is ready
                raise
            self.part_kind["train"] += f", {len(self.parts['train'])} samples of it"

    def few(self, rows: np.ndarray, size: int) -> np.ndarray:
        """``size`` of ``rows``, stratified by class, drawn with the seed of the split; off by one for uneven shares."""
        labels = self.labels_for_split(self.pools["train"])[rows]
        classes = len(np.unique(labels))
        if not classes <= size <= len(rows):
            raise ValueError(
                f"train_size={size}: the train part has {len(rows)} samples of {classes} classes; "
                f"choose {classes} to {len(rows)}."
            )
        if size == len(rows):
            return rows
        chosen = partition(labels, None, [size / len(rows), 1 - size / len(rows)], self.hparams.seed) == 0
        if len(np.unique(labels[chosen])) < classes:
            raise ValueError(
                f"train_size={size} leaves out a class that is rare: choose more of the {len(rows)} samples."
            )
        return rows[chosen]


def checked_labels(labels: np.ndarray, images: np.ndarray, classes: int, where: str) -> np.ndarray:
    """Labels as int64 (N,), compared with the images (N, ...) they belong to.

    Raises:
        ValueError: Counts that disagree, an empty set, a fraction, text, or a label out of range.
    """
    labels = np.asarray(labels)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1 or len(labels) != len(images):
        raise ValueError(f"{where}: {len(images)} images and labels of shape {labels.shape}; expected one each.")
    if not len(labels):
        raise ValueError(f"{where}: no images. Download or copy it again.")
    if labels.dtype.kind == "f" and (labels == np.floor(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{where}: labels have dtype {labels.dtype}; expected whole numbers.")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise ValueError(
            f"{where}: label {labels[wrong[0]]} in {len(wrong)} samples, the first is number {wrong[0]}; "
            f"expected 0..{classes - 1}."
        )
    return labels.astype(np.int64)


def simulated_pools(made: dict) -> dict[str, Arrays]:
    """Pools from ``{train,test}_{images,labels}`` with images (N, H, W) or (N, H, W, C)."""
    return {
        part: {"image": channels_first(made[f"{part}_images"]), "label": made[f"{part}_labels"].astype(np.int64)}
        for part in ("train", "test")
    }


def channels_first(images: np.ndarray) -> np.ndarray:
    """(N, H, W) -> (N, 1, H, W); (N, H, W, C) -> (N, C, H, W)."""
    return images[:, None] if images.ndim == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
