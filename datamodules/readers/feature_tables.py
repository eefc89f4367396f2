"""Tables: CSV to typed columns."""

import csv
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from .text_files import check_even, check_once, column_name, separator_of
from .wording import short

UNKNOWN = ("", "unknown", "na", "n/a", "nan", "none", "null", "-", "?")  # say as much as an empty cell
MAX_CATEGORIES = 50  # a text column with more distinct values is an identifier or free text, and no feature
MIN_SUBCLASS = 10  # rows; a rarer name teaches its class, and no more
MOSTLY = 0.9  # a column of numbers where so many of its cells begin as numbers do: the others are errors
NUMBER = r"^[<>~≈±]?\s*[-+]?(?:[\d.,\s']*\d)(?:e[-+]?\d+)?\s*%?$"  # also <1, 3,5, 1 000 and 40 %: meant as numbers


def read_header(path: Path, needed: Sequence[str]) -> list[str]:
    """Column names of a CSV.

    Raises:
        ValueError: The file is empty, or lacks a needed column.
    """
    header = list(read_csv(path, needed, nrows=0).columns)
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(f"{path}: missing column {missing[0]!r}. Found columns: {short(', '.join(header), 400)}.")
    return header


def read_csv(path: Path, wanted: Sequence[str] = (), usecols: Sequence[str] | None = None, **options) -> pd.DataFrame:
    """``pandas.read_csv`` of a table as people save it; errors name the file.

    Blanks and quotation marks around names do not count, a column is of one kind from top to bottom, and the file
    may have a byte order mark, be UTF-16 or ISO-8859-1, separate by commas, semicolons or tabs, and have one of these
    at the end of its rows.

    Args:
        path: The file.
        wanted: Names that tell the separator; ``usecols`` where that is given.
        usecols: Columns to read; None reads all.
        **options: Of ``pandas.read_csv``.

    Raises:
        ValueError: No CSV, a column that is read stands twice, or rows of another length than the first; names the row.
    """
    with path.open("rb") as file:
        start = file.read(2**16)
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    first = start.decode(encoding, errors="replace").split("\n", 1)[0]
    options |= {"sep": separator_of(first, usecols or wanted), "low_memory": False, "skipinitialspace": True}
    check_once(path, [column_name(cell) for cell in first.split(options["sep"])], usecols)
    # Where rows end with a comma, pandas would take the first column for an index, or refuse them without a choice.
    options |= {"index_col": False, "usecols": lambda name: usecols is None or column_name(name) in usecols}
    try:
        try:
            frame = pd.read_csv(path, encoding=encoding, **options)
        except UnicodeDecodeError:
            encoding = "iso-8859-1"
            frame = pd.read_csv(path, encoding=encoding, **options)
    except ValueError as error:  # pandas' own errors of parsing and decoding are of this kind
        raise ValueError(f"{path}: not a readable CSV ({short(error)}).") from None
    frame.columns = [column_name(name) for name in frame.columns]
    if "nrows" not in options and set(usecols or wanted) <= set(frame.columns):  # else the caller says what is missing
        check_rows(path, encoding, options["sep"])
    return frame


def check_rows(path: Path, encoding: str, mark: str) -> None:
    """Raise a ValueError where a row has not as many fields as the first, but for an empty one at its end.

    pandas says nothing of it: it fills the end of short rows with gaps, so that a lost cell moves those behind it.
    """
    # Counting separators outside of quotes takes half of the csv module's time, which so reads those rows
    # alone whose count differs, that go on in the next line, or where a quote stands within a field: 5" pipe.
    head: list[str] = []
    uneven: list[tuple[int, int]] = []
    with path.open(encoding=encoding, newline="") as lines:
        for number, line in enumerate(lines, 1):
            pieces = line.split('"')
            opened = all(piece == "" or piece[-1] == mark for piece in pieces[:-1:2])
            if opened and len(pieces) % 2 == 1 and "".join(pieces[::2]).count(mark) + 1 == len(head):
                continue
            try:
                row = next(csv.reader(chain([line], lines), delimiter=mark, skipinitialspace=True))
            except csv.Error as error:
                raise ValueError(f"{path}, row {number}: not a readable CSV ({short(error)}).") from None
            if len(row) < 2 and not "".join(row).strip():
                continue
            head = head or row
            more = len(row) - len(head)
            if more and not (more == 1 and not row[-1].strip()) and not (more == -1 and not head[-1].strip()):
                uneven.append((number, len(row)))
    check_even(path, uneven, len(head))


def check_names(path: Path, names: pd.Series) -> None:
    """Raise a ValueError where a row has no name, or the name of another row."""
    for wrong, problem in ((names.isna(), "is empty"), (names.duplicated(), "stands twice")):
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise ValueError(
                f"{path}: {names.name} {short(names.iloc[row])} in row {row + 2} {problem} ({wrong.sum()} such rows). "
                f"Each row needs a name of its own."
            )


def typed_columns(
    frame: pd.DataFrame, path: Path, like: np.ndarray | None = None, left_out: Callable[[str], None] | None = None
) -> np.ndarray:
    """A structured array (N,) of the columns that can be features: numbers as float32 (NaN is missing), text as bytes.

    Args:
        frame: The table.
        path: Its file, for messages.
        like: Columns of another table, such as the training table; the same ones are taken, in the same kinds.
        left_out: Is told which columns are no features, and why.

    Returns:
        Fields of dtype ``f4``, or ``S<width>`` with UTF-8 text, where an empty text is missing or unknown. Without
        ``like``, text columns with more than 50 distinct values are left out, and columns without any.

    Raises:
        ValueError: Text or infinity in a column of numbers.
    """
    fields: dict[str, np.ndarray] = {}
    for name in frame.columns if like is None else like.dtype.names or ():
        column = frame[name]
        if like.dtype[name].kind == "f" if like is not None else meant_as_numbers(column):
            fields[name] = numbers(column, path)
            reason = "holds no value" if np.isnan(fields[name]).all() else ""
        else:
            codes, texts = pd.factorize(column)  # missing: code -1, which picks the empty text at the end
            names = ["" if unknown(text) else str(text).strip() for text in texts]
            fields[name] = np.char.encode(np.array([*names, ""]), "utf-8")[codes]
            reason = f"text of {len(texts)} values, more than {MAX_CATEGORIES}" if len(texts) > MAX_CATEGORIES else ""
        if like is None and reason:
            del fields[name]
            if left_out is not None:
                left_out(f"{path.name}: column {name!r} is no feature: {reason}.")
    columns = np.empty(len(frame), [(name, values.dtype) for name, values in fields.items()])
    for name, values in fields.items():
        columns[name] = values
    return columns


def unknown_rows(like: np.ndarray, count: int) -> np.ndarray:
    """``count`` rows of ``typed_columns`` as ``like``, of which no value is known."""
    columns = np.zeros(count, like.dtype)  # of text, empty
    for name in like.dtype.names or ():
        if like.dtype[name].kind == "f":
            columns[name] = np.nan
    return columns


def unknown(text: object) -> bool:
    """Whether a cell says that its value is not known."""
    return str(text).strip().lower() in UNKNOWN


def meant_as_numbers(column: pd.Series) -> bool:
    """Whether a column is one of numbers, perhaps with odd cells: ``<1``, a decimal comma, 40 %."""
    if is_numeric_dtype(column):
        return True
    texts = column.dropna().astype(str).str.strip()
    texts = texts[~texts.str.lower().isin(UNKNOWN)]
    return len(texts) > 0 and float(texts.str.match(NUMBER, case=False).mean()) >= MOSTLY


def numbers(column: pd.Series, path: Path, dtype: type[np.floating] = np.float32) -> np.ndarray:
    """``dtype`` (N,) of a column, NaN where a cell is empty or says that it is unknown.

    Raises:
        ValueError: Text or infinity; names the row and how many there are.
    """
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype, na_value=np.nan)
    wrong = np.isinf(values) | (np.isnan(values) & column.notna().to_numpy())
    if wrong.any() and not is_numeric_dtype(column):
        wrong &= ~column.map(unknown).to_numpy(bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{path}: column {column.name!r} holds {shown(column.iloc[row])} in row {row + 2} ({int(wrong.sum())} such "
            "cells); expected finite numbers such as 3.5, or nothing where the value is missing."
        )
    return values


def shown(cell: object) -> str:
    """A cell as messages show it: text in quotation marks."""
    return repr(short(cell)) if isinstance(cell, str) else str(cell)


def has(columns: np.ndarray, name: str, kind: str) -> bool:
    """Whether a structured array has a field of this name and kind of dtype."""
    return name in (columns.dtype.names or ()) and columns.dtype[name].kind == kind


def categories(column: np.ndarray) -> np.ndarray:
    """Sorted distinct texts of a column, without the empty one."""
    texts = np.unique(column)
    return texts[texts != b""]


def category_codes(column: np.ndarray, known: np.ndarray) -> np.ndarray:
    """int64 (N,) place of each text in sorted ``known`` (1 or more); -1 where it is missing or not known."""
    place = np.searchsorted(known, column).clip(max=len(known) - 1)
    return np.where(known[place] == column, place, -1).astype(np.int64)


def subclass_codes(label: np.ndarray, names: pd.Series) -> tuple[np.ndarray, list[tuple[int, str]]]:
    """What each class is made of, by a name that rows have beside their label.

    Args:
        label: Integers (N,).
        names: Texts (N,), perhaps missing. One that stands under two labels makes two subclasses.

    Returns:
        Code of each row, int64 (N,), -1 where the name is missing or rarer than ``MIN_SUBCLASS``; and (label, name) of
        each code. A label without any ends the list with the name "", so that each has one; without names at all, none.
    """
    names = names.fillna("").str.strip()
    names = names.mask(names.str.lower().isin(UNKNOWN), "")
    pairs = pd.Series(list(zip(label.tolist(), names, strict=True)))
    known = sorted(pair for pair, count in pairs.value_counts().items() if pair[1] and count >= MIN_SUBCLASS)
    codes = {pair: code for code, pair in enumerate(known)}
    bare = [(k, "") for k in np.unique(label).tolist() if known and k not in dict(known)]
    return np.array([codes.get(pair, -1) for pair in pairs], np.int64), known + bare
