"""Small CSV tables with errors that name file, column and what was found."""

from pathlib import Path

import numpy as np
import pandas as pd


def read_columns(path: Path, columns: tuple[str, ...]) -> dict[str, list[str]]:
    """Read named columns of a CSV as text.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No CSV, or a column is missing; the message names file, column and what was found.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. It needs the columns {', '.join(columns)}.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no readable CSV ({str(error).strip()}).") from None
    missing = [c for c in columns if c not in table]
    if missing:
        raise ValueError(f"{path}: missing column {missing[0]!r}. Found columns: {', '.join(table)}.")
    return {c: table[c].tolist() for c in columns}


def groups_named(path: Path, names: list[str]) -> np.ndarray:
    """Group of each named sample, from a CSV ``id,group``.

    Raises:
        ValueError: A sample has no row.
    """
    table = read_columns(path, ("id", "group"))
    group = dict(zip(table["id"], table["group"], strict=True))
    missing = [name for name in names if name not in group]
    if missing:
        raise ValueError(f"{path}: no group for {len(missing)} samples, the first is id {missing[0]}.")
    return np.array([group[name] for name in names])


def rows_named(path: Path, names: list[str]) -> np.ndarray:
    """Rows of the samples that a CSV ``id,reason`` names, int64.

    Raises:
        ValueError: A name that no sample has.
    """
    ids = set(read_columns(path, ("id", "reason"))["id"])
    unknown = sorted(ids - set(names))
    if unknown:
        raise ValueError(f"{path}: id {unknown[0]!r} is not in the data ({len(names)} samples).")
    return np.array([row for row, name in enumerate(names) if name in ids], np.int64)
