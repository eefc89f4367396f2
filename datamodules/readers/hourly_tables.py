"""Hourly tables, CSV or XLSX: a date, an hour and numbers a row, put onto a grid of days and hours.

Letters: N days that follow each other, 24 hours each.
"""

import datetime as dt
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from .feature_tables import numbers, read_csv, shown
from .text_files import check_once
from .wording import short

HOURS = 24
DATE = r"^\s*(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[T ].*)?$"  # 2023-02-03 or 20230203, perhaps with a time of the day
LARGEST_SHEET = 2**29  # bytes that an XLSX may unpack to: twenty years of hours have a tenth of it
TIMES = (dt.date, dt.time, dt.timedelta)  # what Excel makes of a number that looks like one; datetimes are dates


@dataclass
class Hourly:
    """Numbers on a grid of days and hours.

    Args:
        days: datetime64[D] (N,), without gaps.
        values: Name -> float64 (N, 24), NaN where the hour is not in the table.
        notes: What was mended, in sentences.
    """

    days: np.ndarray
    values: dict[str, np.ndarray]
    notes: list[str] = field(default_factory=list)


def read_hourly(path: Path, date: str, hour: str, columns: list[str], optional: tuple[str, ...] = ()) -> Hourly:
    """Read a table, sort it and put it onto the grid. Names of columns are compared without blanks at their ends.

    Hours are 1..24 (hour 1 ends at one o'clock) or 0..23; which of both follows from the column.

    Args:
        path: CSV, or XLSX of which the first sheet is read.
        date: Column of dates: a date, text as 2023-02-03, or a number as 20230203.
        hour: Column of hours.
        columns: Columns of numbers that must be there. An empty cell is a missing value.
        optional: Columns that are read where they are.

    Raises:
        ValueError: A missing column, one that stands twice, text or a date in a column of numbers, a row of another
            length, a formula without a value, a date that is none, hours outside of their range, or an hour that stands
            twice with different numbers. Names file, column and row.
    """
    frame = read_sheet(path) if path.suffix.lower() == ".xlsx" else read_csv(path, [date, hour, *columns])
    frame.columns = [str(name).strip() for name in frame.columns]
    check_once(path, list(frame.columns), (date, hour, *columns, *optional))
    if missing := [name for name in (date, hour, *columns) if name not in frame]:
        raise ValueError(f"{path}: missing column {missing[0]!r}. Found columns: {short(', '.join(frame.columns))}.")
    if not len(frame):
        raise ValueError(f"{path} holds no rows below its header.")
    names = [*columns, *(name for name in optional if name in frame)]
    notes: list[str] = []
    day = days_of(frame[date], path)
    slot = slots_of(numbers_of(frame[hour].map(hour_of), path), path, notes)
    values = np.stack([numbers_of(frame[name], path) for name in names], 1)
    place = (day - day.min()).astype(np.int64) * HOURS + slot
    order = np.argsort(place, kind="stable")
    if (order != np.arange(len(order))).any():
        notes.append("Rows were not in the order of time, and were sorted.")
    twice = np.flatnonzero(np.diff(place[order]) == 0)
    first, second = order[twice], order[twice + 1]
    differ = ~((values[first] == values[second]) | (np.isnan(values[first]) & np.isnan(values[second]))).all(1)
    if differ.any():
        a, b = int(first[differ.argmax()]), int(second[differ.argmax()])
        raise ValueError(
            f"{path}: {day[a]}, {hour} {frame[hour].iloc[a]} stands twice with different numbers "
            f"(rows {a + 2} and {b + 2}; {int(differ.sum())} such hours). Keep one row for each hour."
        )
    if len(twice):
        notes.append(f"{len(twice)} hours stood twice with the same numbers; one row of each was kept.")
    grid = np.full(((int(place.max()) // HOURS + 1) * HOURS, len(names)), np.nan)
    grid[place] = values
    days = day.min() + np.arange(len(grid) // HOURS)
    return Hourly(days, {name: grid[:, i].reshape(-1, HOURS) for i, name in enumerate(names)}, notes)


def read_sheet(path: Path) -> pd.DataFrame:
    """The first sheet of an XLSX, the first row as names.

    Raises:
        ValueError: No such file of Excel, or a formula whose value was not saved.
    """
    try:
        values, formulas = (cells_of(path, data_only=data_only) for data_only in (True, False))
    except Exception as error:  # openpyxl raises errors of zip, XML and its own
        why = short(error) or type(error).__name__
        raise ValueError(f"{path} cannot be read as XLSX ({why}). Save it again, or as CSV.") from None
    for row, cells in formulas.items():
        for column, cell in enumerate(cells):
            if isinstance(cell, str) and cell.startswith("=") and values[row][column] is None:
                raise ValueError(
                    f"{path}: cell {get_column_letter(column + 1)}{row} holds the formula {short(cell, 60)} without "
                    "a value. Open the file in a spreadsheet program and save it there, which stores the "
                    "values, or export it as CSV."
                )
    rows = [values[row] for row in formulas if any(cell is not None for cell in values[row])]
    if not rows:
        raise ValueError(f"{path}: the first sheet is empty.")
    width = max(i for i, name in enumerate(rows[0]) if name is not None) + 1
    return pd.DataFrame([row[:width] for row in rows[1:]], columns=rows[0][:width])


def cells_of(path: Path, data_only: bool) -> dict[int, tuple]:
    """Number of a row -> cells, of the first sheet's rows that hold any: values, or formulas as they are written.

    Raises:
        ValueError: The archive unpacks to more than ``LARGEST_SHEET``.
    """
    with zipfile.ZipFile(path) as archive:
        if (size := sum(member.file_size for member in archive.infolist())) > LARGEST_SHEET:
            raise ValueError(f"it unpacks to {size / 2**30:.1f} GiB")
    sheet = load_workbook(path, read_only=True, data_only=data_only).worksheets[0]
    rows = enumerate(sheet.iter_rows(values_only=True), 1)
    return {number: row for number, row in rows if any(cell is not None for cell in row)}


def numbers_of(column: pd.Series, path: Path) -> np.ndarray:
    """float64 (N,) of a column as ``numbers`` reads it; dates and times, of which pandas makes numbers, are text."""
    cells = column.map(lambda cell: str(cell) if isinstance(cell, TIMES) and cell is not pd.NaT else cell)
    return numbers(cells, path, np.float64)


def hour_of(cell: object) -> object:
    """A cell of the column of hours: a time of day, which Excel makes of hours, as its hour."""
    return cell.hour if isinstance(cell, (dt.time, dt.datetime)) else cell


def days_of(column: pd.Series, path: Path) -> np.ndarray:
    """datetime64[D] (N,) of a column of dates.

    Raises:
        ValueError: A cell that is no date; names the row.
    """
    text = column.map(
        lambda cell: str(int(cell)) if isinstance(cell, (int, float, np.number)) and abs(cell) < np.inf else cell
    )
    parts = text.astype(str).str.extract(DATE)  # the day as it is written: no guess whether 01/02 is in January
    days = pd.to_datetime(parts[0] + "-" + parts[2] + "-" + parts[3], errors="coerce", format="%Y-%m-%d")
    outside = days.isna() | (days.dt.year < 1900) | (days.dt.year > 2100)
    if outside.any():
        row = int(outside.to_numpy().argmax())
        raise ValueError(
            f"{path}: column {column.name!r} holds {shown(column.iloc[row])} in row {row + 2} "
            f"({int(outside.sum())} such cells); expected Gregorian dates as 2023-02-03 or 20230203."
        )
    return days.to_numpy().astype("datetime64[D]")


def slots_of(hour: np.ndarray, path: Path, notes: list[str]) -> np.ndarray:
    """int64 (N,) place in the day, 0..23, of hours 1..24 or 0..23."""
    wrong = ~((hour >= 0) & (hour <= HOURS) & (hour == np.floor(hour)))
    if wrong.any() or ((hour == 0).any() and (hour == HOURS).any()):
        row = int(wrong.argmax()) if wrong.any() else int((hour == 0).argmax())
        raise ValueError(
            f"{path}: the hour in row {row + 2} is {hour[row]:g}; expected whole numbers 1..24 or 0..23, not both."
        )
    from_zero = bool((hour == 0).any())
    if from_zero:
        notes.append("Hours are 0..23: hour 0 is taken as the first of its day.")
    return hour.astype(np.int64) - (0 if from_zero else 1)
