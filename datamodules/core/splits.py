"""Splits as pure functions of (labels, groups, seed): nothing here reads a file or the global random state.

Letters: N samples, P parts, C classes. The three ways to deal are in ``stratify.py``.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .stratify import by_class, by_groups, by_indicator


def partition(labels: ArrayLike, groups: ArrayLike | None, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Deal N samples into parts that resemble each other in their classes.

    * one label a sample, no groups: every class is within one sample of its share in every part;
    * indicator labels, no groups: iterative stratification (Sechidis et al., 2011, "On the Stratification of
      Multi-Label Data", algorithm 1), rarest class first;
    * groups: whole groups, the heaviest first, each to the part where it lowers the deviation of the class
      shares most, then single moves as long as one helps.

    Args:
        labels: (N,) or (N, 1) class numbers or names, or (N, C) with C > 1 of 0/1, the classes that a sample
            holds. For regression pass zeros.
        groups: (N,) str or int (patient, site), kept whole; None if samples are independent.
        fractions: P shares that sum to 1; a part of share 0 stays empty.
        seed: equal seeds give equal parts.

    Returns:
        (N,) int64, the part number 0..P-1 of each sample.

    Raises:
        ValueError: for shapes that do not fit, fractions that do not sum to 1, or fewer groups than parts.
    """
    table, groups = _checked(labels, groups)
    return _partition(table, groups, fractions, np.random.default_rng(seed))


def split_indices(
    labels: ArrayLike,
    groups: ArrayLike | None,
    fold: int,
    folds: int,
    seed: int,
    test_fraction: float = 0.0,
) -> dict[str, np.ndarray]:
    """Train, validation and test rows of one fold.

    The test part is carved out first, so it is the same for every ``fold`` and every ``folds``.
    What is left is dealt into ``folds`` parts, of which number ``fold`` validates.

    Args:
        labels: as in ``partition``. A class may have fewer members than there are folds.
        groups: as in ``partition``.
        fold: 0..folds-1.
        folds: 2 or more.
        seed: equal seeds give equal splits.
        test_fraction: share of all samples held out for the test, 0 <= share < 1.

    Returns:
        ``{"train", "val", "test"}``: sorted int64 rows, disjoint, together all N. ``test`` may be empty.

    Raises:
        ValueError: for a fold out of range, or too few samples or groups for so many folds.
    """
    if folds < 2:
        raise ValueError(f"folds={folds}: need 2 or more, one to validate and the others to train.")
    if not 0 <= fold < folds:
        raise ValueError(f"fold={fold} is out of range: with folds={folds} the folds are 0..{folds - 1}.")
    table, groups = _checked(labels, groups)
    rest, test = _carved(table, groups, test_fraction, seed)
    units, name = (len(rest), "samples") if groups is None else (len(np.unique(groups[rest])), "groups")
    if units < folds:
        after = f" after the test part of {len(test)} samples" if len(test) else ""
        fewer = f"Use folds={units} or fewer." if units > 1 else "A split needs 2 or more; look at --data.groups."
        raise ValueError(f"folds={folds}, but there are only {units} {name}{after}. {fewer}")
    kept = None if groups is None else groups[rest]
    part = _partition(table[rest], kept, [1 / folds] * folds, np.random.default_rng([seed, 2]))
    return {"train": rest[part != fold], "val": rest[part == fold], "test": test}


def bag_indices(
    labels: ArrayLike, groups: ArrayLike | None, bag: int, seed: int, test_fraction: float = 0.0
) -> dict[str, np.ndarray]:
    """Bootstrap number ``bag``: as many groups (or samples) as there are, drawn with replacement.

    The test part is carved out first, the same as that of ``split_indices``. Without groups and with one label a
    sample the draw is made within each class, so that no bag loses a rare class.

    Args:
        labels: as in ``partition``.
        groups: as in ``partition``; groups are drawn whole.
        bag: 0 or more; each number is another draw.
        seed: equal seeds give equal bags.
        test_fraction: share of all samples held out for the test, 0 <= share < 1.

    Returns:
        ``{"train", "val", "test"}``: sorted int64 rows, ``train`` with repetition, ``val`` those never drawn (out
        of bag, about 37 %). ``test`` may be empty.

    Raises:
        ValueError: if there are so few groups or samples that nothing stays out of the bag.
    """
    if bag < 0:
        raise ValueError(f"bag={bag}: bags are numbered from 0.")
    table, groups = _checked(labels, groups)
    rest, test = _carved(table, groups, test_fraction, seed)
    table, groups = table[rest], None if groups is None else groups[rest]
    unit = np.arange(len(table)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = unit.max() + 1
    stratum = table.argmax(1) if groups is None and (table.sum(1) == 1).all() else np.zeros(count, dtype=np.int64)
    rng = np.random.default_rng([seed, 3, bag])
    for _ in range(100):  # tiny sets: a bag that holds everything is drawn again
        members = (np.flatnonzero(stratum == s) for s in np.unique(stratum))
        drawn = np.concatenate([rng.choice(m, size=len(m)) for m in members])
        times = np.bincount(drawn, minlength=count)[unit]
        if (times == 0).any():
            return {"train": np.repeat(rest, times), "val": rest[times == 0], "test": test}
    name = "samples" if groups is None else "groups"
    raise ValueError(f"With {count} {name} nothing stays out of the bag to validate on. Use more data or folds.")


def assert_disjoint(parts: Mapping[str, ArrayLike], groups: ArrayLike | None) -> None:
    """Raise if a group, or without groups a sample, stands in two parts.

    Args:
        parts: name -> rows, as returned by ``split_indices`` or ``bag_indices``.
        groups: (N,) of the whole set, or None.

    Raises:
        ValueError: naming the group (or sample) and the two parts.
    """
    unit = "sample" if groups is None else "group"
    names = list(parts)
    rows = {name: np.asarray(parts[name], dtype=np.int64) for name in names}
    held = {name: np.unique(r if groups is None else np.asarray(groups)[r]) for name, r in rows.items()}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            both = np.intersect1d(held[first], held[second])
            if len(both):
                raise ValueError(
                    f"{unit} {both[0].item()!r} is in {first!r} and in {second!r} ({len(both)} of them). "
                    "Scores on such a split flatter: split by groups, before any copying or oversampling."
                )


def _checked(labels: ArrayLike, groups: ArrayLike | None) -> tuple[np.ndarray, np.ndarray | None]:
    """(N, C) 0/1 table of the classes each sample holds, and the groups as an array of N or None."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # argmax of an (N, 1) array is all zeros: no stratification, and nobody notices
    if labels.ndim not in (1, 2) or not len(labels):
        raise ValueError(f"labels have shape {labels.shape}; expected (N,) or (N, C) with N of 1 or more.")
    if labels.ndim == 1:
        names, inverse = np.unique(labels, return_inverse=True)
        table = np.zeros((len(labels), len(names)), dtype=np.int64)
        table[np.arange(len(labels)), inverse] = 1
    elif not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels of shape {labels.shape} must be 0 or 1 (which classes a sample holds).")
    else:
        table = labels.astype(np.int64)
    if groups is not None:
        groups = np.asarray(groups)
        groups = groups.astype(str) if groups.dtype == object else groups
        if groups.shape != (len(table),):
            raise ValueError(f"groups have shape {groups.shape}; expected one for each of {len(table)} labels.")
    return table, groups


def _carved(table: np.ndarray, groups: np.ndarray | None, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows for training and validation, and those of the test part."""
    if not 0 <= fraction < 1:
        raise ValueError(f"test_fraction={fraction}: need a share from 0 up to, but not including, 1.")
    rest, test = np.arange(len(table)), np.empty(0, dtype=np.int64)
    if fraction > 0:
        held_out = _partition(table, groups, (1 - fraction, fraction), np.random.default_rng([seed, 1])) == 1
        rest, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        if not len(test):
            advice = "Raise it." if len(table) > 2 else "Add samples: train, validation and test part need one each."
            raise ValueError(f"test_fraction={fraction} of {len(table)} samples is an empty test part. {advice}")
    return rest, test


def _partition(
    table: np.ndarray, groups: np.ndarray | None, fractions: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.ndim != 1 or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"fractions={list(fractions)} must be 0 or more and sum to 1; they sum to {shares.sum():g}.")
    if groups is not None:
        part = by_groups(table, groups, shares[shares > 0], rng)
    elif (table.sum(1) == 1).all():
        part = by_class(table.argmax(1), shares[shares > 0], rng)
    else:
        part = by_indicator(table, shares[shares > 0], rng)
    return np.flatnonzero(shares > 0)[part]
