"""What is done to pools of arrays before they are split: labels checked, groups coded, samples limited, digests."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.readers.side_tables import groups_named, rows_named

from .source import Arrays


def check_labels(where: str, pool: Arrays) -> None:
    """Let ``label`` be whole numbers from 0; floats that are whole are taken as such.

    Raises:
        ValueError: Other numbers, text, or a shape that is not (N,).
    """
    label = pool.get("label")
    if label is None:
        return
    if label.ndim != 1 or label.dtype.kind not in "iufb":
        raise ValueError(
            f"{where}: label has shape {label.shape} and dtype {label.dtype}; expected whole numbers (N,)."
        )
    wrong = np.flatnonzero(~(np.isfinite(label) & (label >= 0) & (label == np.floor(label))))
    if len(wrong):
        raise ValueError(
            f"{where}: label is {label[wrong[0]]} in row {wrong[0]} ({len(wrong)} such rows); classes are whole "
            "numbers from 0. Numbers to be predicted (regression) belong under the name target."
        )
    if label.dtype.kind == "f":
        pool["label"] = label.astype(np.int64)


def clean_rows(data: Any, train: Arrays, listed: list[str]) -> np.ndarray:
    """Rows of a data module's train pool without outliers and those that ``exclude`` names; ``listed`` are all names.

    Raises:
        ValueError: Fewer than two are left.
    """
    keep = np.ones(len(train["id"]), bool)
    keep[data.outliers(train)] = False
    if data.hparams.exclude is not None:
        path = Path(data.hparams.exclude)
        named = rows_named(path, data.names("train", train["id"]), listed)
        data.note(f"{len(named)} samples left out by {path.name}.")
        keep[named] = False
    rows = np.flatnonzero(keep)
    if len(rows) < 2:
        raise ValueError(
            f"{data.title}: {len(rows)} of {len(keep)} training samples are left after cleaning; need 2 or more. "
            "Check the file, --data.exclude and --data.limit."
        )
    return rows


def take_groups(
    path: Path, pools: dict[str, Arrays], names: dict[str, list[str]], listed: list[str], note: Callable[[str], None]
) -> None:
    """Let ``group`` be what a CSV ``id,group`` says, in place of the data's own.

    It must name all samples of the train pool, and may name some of a test pool with names of its own: rows that are
    known by their numbers have the same ones in both.

    Args:
        path: The CSV.
        pools: Get ``group``.
        names: Pool -> names of its samples.
        listed: All names that may stand in the CSV.
        note: Is told of ids that may not.
    """
    for pool in pools.values():
        pool.pop("group", None)
    pools["train"]["group"] = groups_named(path, names["train"], listed, note)
    if "test" in pools and not set(names["test"]) & set(names["train"]):
        group = groups_named(path, names["test"], listed, complete=False)
        if group is not None:
            pools["test"]["group"] = group


def code_groups(title: str, pools: dict[str, Arrays], rows: np.ndarray, use: bool) -> list[str]:
    """Put ``group`` of all pools, numbers or text, into int64 codes, equal names alike; without ``use`` drop them.

    Args:
        title: Of the data set, for errors.
        pools: Have ``group``, or some of them.
        rows: Those of the train pool that are used.
        use: Whether there are to be groups.

    Returns:
        The names, in the order of the codes.

    Raises:
        ValueError: A group stands in the rows of the train pool and in the test pool.
    """
    groups = {name: pool.pop("group") for name, pool in pools.items() if "group" in pool}
    if not use or "train" not in groups:
        return []
    as_text = any(names.dtype.kind not in "iu" for names in groups.values())
    parts = {name: names.astype(str) if as_text else names for name, names in groups.items()}
    names, codes = np.unique(np.concatenate(list(parts.values())), return_inverse=True)
    for name, part in zip(
        parts, np.split(codes.astype(np.int64), np.cumsum([len(p) for p in parts.values()])[:-1]), strict=True
    ):
        pools[name]["group"] = part
    if "test" in parts and len(both := np.intersect1d(pools["train"]["group"][rows], pools["test"]["group"])):
        trained = rows[np.flatnonzero(pools["train"]["group"][rows] == both[0])[0]]
        tested = np.flatnonzero(pools["test"]["group"] == both[0])[0]
        one, other = (pools[name].get("name", pools[name]["id"])[row] for name, row in
                      (("train", trained), ("test", tested)))  # fmt: skip
        raise ValueError(
            f"{title}: group {names[both[0]]} is in the train pool ({one}) and in the test pool ({other}), "
            f"{len(both)} in all, so test scores would flatter. Take them out of one (--data.exclude leaves out "
            "samples of the train pool), or set --data.groups none to score all the same."
        )
    return names.astype(str).tolist()


def first_rows(pool: Arrays, limit: int, note: Callable[[str], None]) -> np.ndarray:
    """The first ``limit`` rows, or of a file that is sorted by class the first of each, which is noted.

    Raises:
        ValueError: There are more classes.
    """
    size = len(pool["id"])
    first = np.arange(min(limit, size))
    if "label" not in pool or len(first) == size:
        return first
    label = pool["label"].astype(np.int64)
    counts = np.bincount(label)
    if limit < (classes := np.count_nonzero(counts)):
        raise ValueError(f"limit={limit} keeps fewer samples than there are classes: give {classes} or more.")
    if (2 * np.bincount(label[first], minlength=len(counts)) >= counts * len(first) / size).all():
        return first
    order = np.argsort(label, kind="stable")
    place = np.empty(size)  # within its class, from 0 to 1: the lowest of all keep the shares of the classes,
    place[order] = np.concatenate([np.append(-1, (np.arange(1, n) + 0.5) / n) for n in counts if n])  # and each class
    note(f"limit={len(first)}: the first ones hold too few of a class, so the first of each class are kept.")
    return np.sort(np.argsort(place, kind="stable")[: len(first)])


def digest_of(pools: dict[str, Arrays]) -> str:
    """Sha256 over the names and contents of all arrays."""
    digest = hashlib.sha256()
    for name in sorted(pools):
        for key in sorted(pools[name]):
            array = pools[name][key]
            digest.update(f"{name}/{key}".encode())
            # Python objects, such as texts of any length, have no bytes of their own
            text = array.dtype == object
            digest.update("\0".join(map(str, array.ravel())).encode() if text else np.ascontiguousarray(array))
    return digest.hexdigest()
