"""Samples that are alike in one respect, such as a body site, are held out together: an estimate under shift.

Folds of random patients ask how good a network is on more of the same. Data from elsewhere differs, and a network that
leans on what is common here falls there. Leaving out one site, age band or colour at a time shows some of that.
"""

import numpy as np

from datamodules.readers.wording import listed

from .source import Arrays

COLOUR_SIZE = 32  # pixels: clusters of colour are those of the files, whatever size or light a network is shown
BANDS = 5  # of a number: as many samples in each
MAX_VALUES = 20  # of a column of text; more are names, and no respect in which samples are alike


class HeldOut:
    """What a ``DataModule`` of pictures with a table (``columns`` in its pools) holds out beside random groups.

    Args:
        hold_out: A column of the table, or ``colour``: folds keep samples together that are alike in it, by value, in
            five bands of a number, or in as many clusters of colour as folds. With as many ``folds`` as values each is
            left out once. Groups, such as patients, stay whole and go by their commonest value; training samples of
            other groups that have a held-out one are left out.
        **kwargs: Arguments of ``DataModule``.
    """

    def __init__(self, hold_out: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)

    def split(self, pool: Arrays, rows: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
        """By what ``hold_out`` names.

        Raises:
            ValueError: The table has no such column, or it cannot be held out.
        """
        name = self.hparams.hold_out
        if name is None:
            return super().split(pool, rows, groups)
        columns = pool["columns"].dtype.names or ()
        if name != "colour" and name not in columns:
            raise ValueError(f"hold_out={name}: no column of the table. Choose colour, {', '.join(columns)}.")
        if name == "colour":
            codes = by_colour(self.plain_images("train", rows, COLOUR_SIZE), self.hparams.folds, self.hparams.seed)
        else:
            codes, values = alike(pool["columns"][name][rows], name)
            self.note(f"hold_out={name}: {len(values)} values, {listed(values, MAX_VALUES)}.")
        own, whole = np.full((2, len(pool["id"])), -1)
        own[rows], whole[rows] = codes, keep_whole(codes, groups)
        parts = super().split(pool, rows, whole[rows])
        held = np.concatenate([part for name, part in parts.items() if name != "train"])
        stays = ~np.isin(own[parts["train"]], whole[held])
        if not stays.all():
            self.note(
                f"hold_out={name}: {(~stays).sum()} training samples with a value that is held out are left out; "
                f"{(own[held] != whole[held]).sum()} of {len(held)} that are held out have another one than most of "
                "their group."
            )
        return {**parts, "train": parts["train"][stays]}

    def name_parts(self, grouped: bool) -> None:
        """Also say what is held out."""
        super().name_parts(grouped)
        if (name := self.hparams.hold_out) is not None:
            kinds = self.part_kind.items()
            self.part_kind = {part: kind if part == "predict" else f"{kind}, by {name}" for part, kind in kinds}


def alike(column: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """int64 (N,) code of each value, and what the codes mean; bands of equal counts for numbers.

    Args:
        column: float (N,) with NaN for a missing number, or bytes (N,), empty where missing.
        name: Of the column, for messages.

    Raises:
        ValueError: One value alone, or text of more than 20.
    """
    number = column.dtype.kind == "f"
    missing = np.isnan(column) if number else column == b""
    if number:
        edges = np.unique(np.nanquantile(column, np.linspace(0, 1, BANDS + 1)[1:-1])) if not missing.all() else []
        codes = np.searchsorted(edges, column, side="right")
        names = [f"below {edges[0]:g}" if len(edges) else "all", *(f"{edge:g} and above" for edge in edges)]
    else:
        values, codes = np.unique(column, return_inverse=True)
        names = [value.decode() for value in values]
    codes = np.where(missing, len(names), codes).astype(np.int64)
    used, codes = np.unique(codes, return_inverse=True)
    if not 2 <= len(used) <= MAX_VALUES:
        raise ValueError(
            f"hold_out={name}: the column has {len(used)} different values; expected 2 to {MAX_VALUES}, or numbers."
        )
    return codes, [[*names, "missing"][code] for code in used]


def by_colour(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """int64 (N,): clusters of pictures uint8 (N, 3, H, W) by mean and deviation of their channels."""
    from sklearn.cluster import KMeans  # a second, for one option

    flat = images.reshape(len(images), 3, -1).astype(np.float32)
    features = np.concatenate([flat.mean(2), flat.std(2)], 1)
    features = (features - features.mean(0)) / np.maximum(features.std(0), 1e-6)
    return KMeans(count, n_init=3, random_state=seed).fit_predict(features).astype(np.int64)


def keep_whole(codes: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """The commonest code of its group for each sample, so that no patient stands on two sides of a split."""
    if groups is None:
        return codes
    place = np.unique(groups, return_inverse=True)[1]
    counts = np.zeros((place.max() + 1, codes.max() + 1), np.int64)
    np.add.at(counts, (place, codes), 1)
    return counts.argmax(1)[place]
