"""Small tables beside a data set: which group a sample belongs to, which samples are left out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .feature_tables import unknown
from .text_files import read_columns
from .wording import short

ANY = "iso-8859-1"  # names of files may be in it, and it reads any bytes


def whole_groups(groups: Sequence[object], names: Sequence[str]) -> np.ndarray:
    """Names of groups, one a sample; where a cell is empty, or says ``unknown``, the sample is a group of its own."""
    pairs = zip(groups, names, strict=True)
    return np.array([f"(alone) {name}" if unknown(group) else str(group).strip() for group, name in pairs])


def groups_named(
    path: Path,
    names: Sequence[str],
    known: Sequence[str] = (),
    note: Callable[[str], None] | None = None,
    complete: bool = True,
) -> np.ndarray | None:
    """Group of each named sample, from a CSV ``id,group``; see ``whole_groups`` for gaps.

    Args:
        path: The CSV.
        names: Name of each sample.
        known: Further names that may stand in it: samples that were left out before, or of another part.
        note: Is told of ids that are neither.
        complete: Whether each sample must have a row. Else those without one are groups of their own, and nothing is
            returned where none has one.

    Raises:
        ValueError: A sample has no row, or two rows of different groups.
    """
    table = read_columns(path, ("id", "group"), fallback=ANY)
    group: dict[str, str] = {}
    values = ("" if unknown(value) else value.strip() for value in table["group"])
    for name, value in zip(map(str.strip, table["id"]), values, strict=True):
        if group.setdefault(name, value) != value:
            raise ValueError(
                f"{path}: id {short(name)!r} has the groups {group[name]!r} and {value!r}. Keep one row for it."
            )
    missing = [name for name in names if name not in group]
    if not complete:
        if len(missing) == len(names):
            return None
        group |= dict.fromkeys(missing, "")
    elif missing:
        raise ValueError(
            f"{path}: no group for {len(missing)} samples, the first is id {short(missing[0])}."
            f"{written(group, missing)}"
        )
    if note is not None and (beside := sorted(set(group) - set(names) - set(known))):
        note(f"{path.name}: id {short(beside[0])!r} is not in the data ({len(beside)} such ids). Look at its spelling.")
    return whole_groups([group[name] for name in names], names)


def rows_named(path: Path, names: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Rows of the samples that a CSV with a column ``id`` names, int64.

    Args:
        path: The CSV; other columns, such as ``reason``, are for people.
        names: Name of each row.
        known: Names that a row may have had, for samples that were left out before.

    Raises:
        ValueError: A name that no sample has.
    """
    ids = {name.strip() for name in read_columns(path, ("id",), fallback=ANY)["id"]}
    if beside := sorted(ids - set(known)):
        raise ValueError(
            f"{path}: id {short(beside[0])!r} is not in the data ({len(beside)} such ids; {len(known)} samples)."
            f"{written(known, beside)}"
        )
    return np.array([row for row, name in enumerate(names) if name in ids], np.int64)


def written(there: Sequence[str] | dict, missing: Sequence[str]) -> str:
    """How a file's ids differ from the data's, where numbers were written as decimals or with zeros before them."""
    first = missing[0]
    for name in there:
        try:
            alike = name != first and float(name) == float(first)
        except ValueError:
            continue
        if alike:
            return f" It has {name!r} where {first!r} is meant: ids are compared as text."
    return f" Ids look like {', '.join(repr(short(name, 40)) for name in list(there)[:3])}."
