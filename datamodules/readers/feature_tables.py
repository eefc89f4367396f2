"""Tables: CSV to typed columns, and columns to features whose numbers are fitted on the train part alone."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

UNKNOWN = ("", "unknown")  # texts that say as much as an empty cell
MAX_CATEGORIES = 50  # a text column with more distinct values is an identifier or free text, and no feature


def read_header(path: Path, needed: Sequence[str]) -> list[str]:
    """Column names of a CSV.

    Raises:
        ValueError: The file is empty, or lacks a needed column.
    """
    header = list(read_csv(path, nrows=0).columns)
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(f"{path}: missing column {missing[0]!r}. Found columns: {', '.join(header)}.")
    return header


def read_csv(path: Path, **options) -> pd.DataFrame:
    """``pandas.read_csv`` with errors that name the file."""
    try:
        return pd.read_csv(path, **options)
    except ValueError as error:  # pandas' own errors of parsing and decoding are of this kind
        raise ValueError(f"{path}: not a readable CSV ({' '.join(str(error).split())}).") from None


def typed_columns(frame: pd.DataFrame, path: Path, like: np.ndarray | None = None) -> np.ndarray:
    """A structured array (N,) of the columns that can be features: numbers as float32 (NaN is missing), text as bytes.

    Args:
        frame: The table.
        path: Its file, for messages.
        like: Columns of another table, such as the training table; the same ones are taken, in the same kinds.

    Returns:
        Fields of dtype ``f4``, or ``S<width>`` with UTF-8 text, where an empty text is missing or unknown. Without
        ``like``, text columns with more than 50 distinct values are left out, and columns without any.

    Raises:
        ValueError: Text or infinity in a column of numbers.
    """
    fields: dict[str, np.ndarray] = {}
    for name in frame.columns if like is None else like.dtype.names or ():
        column = frame[name]
        number = is_numeric_dtype(column) if like is None else like.dtype[name].kind == "f"
        if number:
            values = pd.to_numeric(column, errors="coerce").to_numpy(np.float32, na_value=np.nan)
            wrong = np.isinf(values) | (np.isnan(values) & column.notna().to_numpy())
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(
                    f"{path}: column {name!r} holds {column.iloc[row]} in row {row + 2}; expected finite numbers, "
                    "or nothing where the value is missing."
                )
            if like is not None or not np.isnan(values).all():
                fields[name] = values
        else:
            codes, texts = pd.factorize(column)  # missing: code -1, which picks the empty text at the end
            if like is not None or len(texts) <= MAX_CATEGORIES:
                names = ["" if str(text).strip().lower() in UNKNOWN else str(text) for text in texts]
                fields[name] = np.char.encode(np.array([*names, ""]), "utf-8")[codes]
    columns = np.empty(len(frame), [(name, values.dtype) for name, values in fields.items()])
    for name, values in fields.items():
        columns[name] = values
    return columns


def categories(column: np.ndarray) -> np.ndarray:
    """Sorted distinct texts of a column, without the empty one."""
    texts = np.unique(column)
    return texts[texts != b""]


def category_codes(column: np.ndarray, known: np.ndarray) -> np.ndarray:
    """int64 (N,) place of each text in sorted ``known`` (1 or more); -1 where it is missing or not known."""
    place = np.searchsorted(known, column).clip(max=len(known) - 1)
    return np.where(known[place] == column, place, -1).astype(np.int64)


class TableEncoder:
    """Columns -> float32 features, not yet scaled.

    A number stays as it is, NaN where it is missing. A category becomes one feature for each value, 1 or 0, all 0
    where it is missing. Either has a further feature that is 1 where it is missing, if the table has such gaps.

    Which features there are follows from the whole train pool, so that the members of all folds read tables of one
    width; what is fitted (``scaling``) comes from the train part alone, and each network keeps its own.

    Args:
        columns: Structured array (N,) of the train pool, from ``typed_columns``.
    """

    def __init__(self, columns: np.ndarray) -> None:
        self._features: list[tuple[str, str, Callable[[np.ndarray], np.ndarray]]] = []  # name, column, function
        for name in columns.dtype.names or ():
            number = columns.dtype[name].kind == "f"
            pool = columns[name]
            gaps = np.isnan(pool) if number else pool == b""
            values = np.unique(pool[~gaps])
            if number and len(values) > 1:
                self._features.append((name, name, np.asarray))
            elif len(values) > 1:
                for value in values.tolist():
                    self._features.append((f"{name}={value.decode()}", name, partial(np.equal, value)))
            if gaps.any() and not gaps.all():
                function = np.isnan if number else partial(np.isin, test_elements=values, invert=True)
                self._features.append((f"{name} missing", name, function))
        self.names = [name for name, _, _ in self._features]
        self._numbers = np.array([function is np.asarray for _, _, function in self._features], bool)

    def __call__(self, columns: np.ndarray) -> np.ndarray:
        """float32 (N, T) of a table with the same columns; ``names`` has the T names."""
        out = np.zeros((len(columns), len(self.names)), np.float32)
        for i, (_, column, function) in enumerate(self._features):
            out[:, i] = function(columns[column])
        return out

    def scaling(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``mean`` and ``scale`` float32 (T,) of the train part's rows; a network reads (table - mean) * scale.

        Mean and 1 / standard deviation for numbers, 0 and 1 for the others. A feature that does not vary in the train
        part has scale 0, because no weight on it is trained.
        """
        mean, scale = np.zeros(len(self.names)), np.ones(len(self.names))
        for i, values in enumerate(table.T.astype(np.float64)):
            known = values[~np.isnan(values)]
            if not len(known) or known.min() == known.max():
                scale[i] = 0
            elif self._numbers[i]:
                mean[i], scale[i] = known.mean(), 1 / known.std()
        return mean.astype(np.float32), scale.astype(np.float32)
