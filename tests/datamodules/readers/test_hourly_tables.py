"""Hourly tables: both formats, both ways to count hours, and everything that can be wrong in them."""

import datetime as dt
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

from datamodules.readers import hourly_tables
from datamodules.readers.holidays import dutch_holidays, easter
from datamodules.readers.hourly_tables import read_hourly


def frame(days=3):
    hours = np.arange(days * 24)
    return pd.DataFrame({"date": 20120227 + hours // 24, "hour": hours % 24 + 1, "gas": hours * 1.0})  # a leap year


def read(tmp_path, table, **changes):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    return read_hourly(path, "date", "hour", ["gas"], **changes)


def sheet(tmp_path, rows, header=("date", "hour", "gas")):
    book = Workbook()
    for row in (header, *rows):
        book.active.append(row)
    path = tmp_path / "table.xlsx"
    book.save(path)
    return path


def test_hours_are_put_onto_a_grid_of_days(tmp_path):
    table = read(tmp_path, frame())
    assert table.days.astype(str).tolist() == ["2012-02-27", "2012-02-28", "2012-02-29"] and not table.notes
    np.testing.assert_array_equal(table.values["gas"], np.arange(72.0).reshape(3, 24))


def test_a_gap_is_missing_and_days_stay_in_their_place(tmp_path):
    table = read(tmp_path, frame().drop(index=range(20, 50)))
    assert len(table.days) == 3 and np.isnan(table.values["gas"].reshape(-1)).nonzero()[0].tolist() == list(
        range(20, 50)
    )


def test_unsorted_rows_are_sorted_and_noted(tmp_path):
    table = read(tmp_path, frame().sample(frac=1, random_state=0))
    np.testing.assert_array_equal(table.values["gas"].reshape(-1), np.arange(72.0))
    assert "sorted" in table.notes[0]


def test_hours_from_0_to_23_are_the_same_hours(tmp_path):
    table = read(tmp_path, frame().assign(hour=lambda t: t["hour"] - 1))
    np.testing.assert_array_equal(table.values["gas"].reshape(-1), np.arange(72.0))
    assert "0..23" in table.notes[0]


def test_hours_that_stand_twice_are_counted_or_refused(tmp_path):
    table = frame()
    twice = read(tmp_path, pd.concat([table, table[5:8]]))
    np.testing.assert_array_equal(twice.values["gas"].reshape(-1), np.arange(72.0))
    assert any("3 hours stood twice" in note for note in twice.notes)
    with pytest.raises(ValueError, match=r"2012-02-27, hour 6 stands twice .*rows 7 and 74.*Keep one row"):
        read(tmp_path, pd.concat([table, table[5:6].assign(gas=7.5)]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"gas": "cons"}), "missing column 'gas'. Found columns: date, hour, cons"),
        (lambda t: t.astype({"gas": object}).replace({"gas": {4.0: "n/k"}}), "'gas' holds 'n/k' in row 6"),
        (lambda t: t.assign(gas=np.inf), "'gas' holds inf in row 2"),
        (lambda t: t.assign(hour=t["hour"].replace(3, 25)), "hour in row 4 is 25; expected whole numbers"),
        (lambda t: t.assign(hour=t["hour"].replace(3, 0)), "the hour in row 4 is 0; .*not both"),
        (lambda t: t.assign(date=t["date"].astype(str).replace("20120228", "1402/11/14")), "'date' holds '1402/11/14'"),
        (lambda t: t[:0], "no rows below its header"),
    ],
)
def test_a_broken_table_is_an_error_that_names_the_place(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, change(frame()))


def test_a_sheet_of_excel_with_its_own_kinds_of_cells(tmp_path):
    rows = [(dt.datetime(2023, 2, 3), dt.time(h), h + 0.5) for h in range(24)]
    path = sheet(tmp_path, [*rows, (None, None, None)], ("date", " hour", "gas "))
    table = read_hourly(path, "date", "hour", ["gas"], ("holiday",))
    assert table.days.astype(str).tolist() == ["2023-02-03"] and set(table.values) == {"gas"}
    np.testing.assert_array_equal(table.values["gas"], [np.arange(24) + 0.5])


def test_formulas_without_values_are_refused(tmp_path):
    path = sheet(tmp_path, [("2023-02-03", h, f"=B{h + 1}*2") for h in range(1, 25)])
    with pytest.raises(
        ValueError, match=r"cell C2 holds the formula =B2\*2 without a value. Open the file .* and save"
    ):
        read_hourly(path, "date", "hour", ["gas"])


def test_text_that_is_called_xlsx_and_an_empty_sheet_are_refused(tmp_path):
    path = tmp_path / "table.xlsx"
    path.write_text("date,hour,gas\n")
    with pytest.raises(ValueError, match="cannot be read as XLSX .* or as CSV"):
        read_hourly(path, "date", "hour", ["gas"])
    Workbook().save(path)
    with pytest.raises(ValueError, match="the first sheet is empty"):
        read_hourly(path, "date", "hour", ["gas"])


def test_holidays_that_move():
    days = {2008: (3, 23), 2011: (4, 24), 2012: (4, 8), 2038: (4, 25), 2285: (3, 22)}
    assert {year: (easter(year).month, easter(year).day) for year in days} == days
    known = dutch_holidays(2012)
    assert {dt.date(2012, 5, 17), dt.date(2012, 5, 28), dt.date(2012, 4, 30)} <= known
    assert dt.date(2012, 5, 29) not in known
    royal = {2012: (4, 30), 2013: (4, 30), 2014: (4, 26), 2015: (4, 27), 2024: (4, 27), 2025: (4, 26)}  # as they were
    held = {year: {d for d in dutch_holidays(year) if d.month == 4 and d.day >= 26} for year in royal}
    assert held == {year: {dt.date(year, *day)} for year, day in royal.items()}


def test_a_sheet_that_unpacks_to_too_much_and_a_book_without_sheets_are_refused(tmp_path, monkeypatch):
    path = sheet(tmp_path, [[20120101, 1, 1.0]])
    monkeypatch.setattr(hourly_tables, "LARGEST_SHEET", 1000)
    with pytest.raises(ValueError, match="table.xlsx cannot be read as XLSX .it unpacks to"):
        read_hourly(path, "date", "hour", ["gas"])
    monkeypatch.undo()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/workbook.xml"] = re.sub(rb"<sheets>.*</sheets>", b"<sheets/>", members["xl/workbook.xml"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="table.xlsx cannot be read as XLSX .list index out of range"):
        read_hourly(path, "date", "hour", ["gas"])


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("cell", [dt.datetime(2023, 5, 3), dt.date(2023, 5, 3), dt.time(5), dt.timedelta(hours=5)])
def test_a_number_that_excel_turned_into_a_date_is_named(tmp_path, cell, many):
    rows = [("2023-02-03", h, cell if many or h == 5 else 3.5) for h in range(1, 25)]
    words = rf"column 'gas' holds '.*' in row {2 if many else 6} \({24 if many else 1} such cells\); expected finite"
    with pytest.raises(ValueError, match=words):
        read_hourly(sheet(tmp_path, rows), "date", "hour", ["gas"])


def test_hours_of_excel_as_a_span_and_a_gap_among_dates(tmp_path):
    path = sheet(tmp_path, [("2023-02-03", dt.timedelta(hours=h), 1.0) for h in range(1, 25)])
    with pytest.raises(ValueError, match=r"column 'hour' holds '0 days 01:00:00' in row 2"):
        read_hourly(path, "date", "hour", ["gas"])
    path = sheet(tmp_path, [("2023-02-03", 1, None), ("2023-02-03", 2, dt.datetime(2023, 5, 3))])
    with pytest.raises(ValueError, match=r"column 'gas' holds '2023-05-03 00:00:00' in row 3 \(1 such"):
        read_hourly(path, "date", "hour", ["gas"])


@pytest.mark.parametrize("name", ["gas", "gas ", "hour"])
def test_a_column_that_stands_twice_in_a_sheet_is_refused(tmp_path, name):
    path = sheet(tmp_path, [("2023-02-03", 1, 3.5, 7.0, None, 1)], ("date", "hour", "gas", name, None, None, "x"))
    with pytest.raises(ValueError, match=f"table.xlsx: the column '{name.strip()}' stands twice. Keep one"):
        read_hourly(path, "date", "hour", ["gas"])


def test_columns_of_a_sheet_that_are_not_read_may_stand_twice(tmp_path):
    header = ("date", "hour", "gas", "note", None, "note", None, "end")
    path = sheet(tmp_path, [("2023-02-03", 1, 3.5, "a", "b", "c", "d", "e")], header)
    assert read_hourly(path, "date", "hour", ["gas"]).values["gas"][0, 0] == 3.5


@pytest.mark.parametrize("date", [np.inf, -np.inf, 1e300])
def test_a_date_that_is_no_finite_number_is_named(tmp_path, date):
    table = frame().astype({"date": float})
    table.loc[3, "date"] = date
    with pytest.raises(ValueError, match=r"column 'date' holds .* in row 5 \(1 such cells\); expected Gregorian"):
        read(tmp_path, table)


ROWS = frame(1).to_csv(index=False).splitlines()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([*ROWS[:10], "20120227,10", *ROWS[11:]], "row 11: 2 fields; the first row has 3 .1 such rows"),
        ([*ROWS[:-1], ROWS[-1][:9]], "row 25: 2 fields; the first row has 3"),
        ([*ROWS, "20120228,1,1.0,2.0"], "row 26: 4 fields; the first row has 3"),
        ([ROWS[0], *(f"{row},9" for row in ROWS[1:])], "row 2: 4 fields; the first row has 3 .24 such rows"),
        (["# by hand", *ROWS], "missing column 'date'. Found columns: # by hand"),
    ],
)
def test_rows_of_another_length_are_named(tmp_path, lines, words):
    (tmp_path / "t.csv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=f"t.csv.*{words}"):
        read_hourly(tmp_path / "t.csv", "date", "hour", ["gas"])


@pytest.mark.parametrize("rows", [slice(1, None), slice(0, None), slice(7, 9)])
def test_a_comma_at_the_end_of_rows_is_no_column(tmp_path, rows):
    lines = ROWS.copy()
    lines[rows] = [f"{row}," for row in lines[rows]]
    (tmp_path / "t.csv").write_text("\n".join([*lines, "", "  "]))
    table = read_hourly(tmp_path / "t.csv", "date", "hour", ["gas"])
    np.testing.assert_array_equal(table.values["gas"], [np.arange(24.0)])
