"""Tables as people write them: columns are found by name, numbers stay numbers, and what is left out is told."""

import csv

import numpy as np
import pandas as pd
import pytest

from datamodules.readers import feature_tables
from datamodules.readers.feature_tables import check_rows, read_csv, typed_columns
from datamodules.readers.table_encoder import TableEncoder, features_of

SIZES = [f"{k / 10:.1f}" for k in range(10, 110)]


def columns_of(tmp_path, size, **others):
    pd.DataFrame({"id": range(len(size)), "size": size, **others}).to_csv(tmp_path / "t.csv", index=False)
    told = []
    frame = read_csv(tmp_path / "t.csv")
    return typed_columns(frame[["size", *others]], tmp_path / "t.csv", left_out=told.append), told


@pytest.mark.parametrize("odd", ["<1", "3,5", "40 %", "1 000", "about 3", "1e400"])
def test_a_number_that_is_written_oddly_is_named_and_the_column_does_not_vanish(tmp_path, odd):
    with pytest.raises(ValueError, match=r"t\.csv: column 'size' holds .* in row 78 \(1 such cells\); expected finite"):
        columns_of(tmp_path, [*SIZES[:76], odd, *SIZES[77:]])


@pytest.mark.parametrize("mark", [",", "'"])
def test_a_column_of_decimal_commas_or_thousands_is_an_error_not_a_category(tmp_path, mark):
    with pytest.raises(ValueError, match=r"column 'size' holds .1.0. in row 2 \(100 such cells\)"):
        columns_of(tmp_path, [size.replace(".", mark) for size in SIZES])


@pytest.mark.parametrize("gap", ["", "NA", "unknown", "n/a", "-", "?", "null", "None"])
def test_words_for_a_gap_are_gaps(tmp_path, gap):
    columns, told = columns_of(tmp_path, [*SIZES[:76], gap, *SIZES[77:]])
    assert columns["size"].dtype == np.float32 and np.flatnonzero(np.isnan(columns["size"])).tolist() == [76]
    assert not told


def test_columns_that_are_no_features_are_named_with_the_reason(tmp_path):
    columns, told = columns_of(
        tmp_path, SIZES, code=[f"x{k}" for k in range(100)], nothing=[None] * 100, kind=["a"] * 100
    )
    assert columns.dtype.names == ("size", "kind")
    assert told == ["t.csv: column 'code' is no feature: text of 100 values, more than 50.",
                    "t.csv: column 'nothing' is no feature: holds no value."]  # fmt: skip


def test_a_large_file_does_not_mix_numbers_and_texts_of_numbers(tmp_path):
    n = 300_000  # pandas types chunks of a large file one by one, unless told not to
    values = np.where(np.arange(n) % 50_000 == 49_999, "unknown", "40.0")
    (tmp_path / "t.csv").write_text(
        "size,kind\n" + "\n".join(f"{v},{'a' if i % 2 else 'b'}" for i, v in enumerate(values))
    )
    columns = typed_columns(read_csv(tmp_path / "t.csv"), tmp_path / "t.csv")
    assert np.isnan(columns["size"]).sum() == 6 and set(columns["size"][~np.isnan(columns["size"])]) == {40}


@pytest.mark.parametrize(
    ("mark", "encoding"), [(",", "utf-8-sig"), (";", "utf-8"), ("\t", "utf-16"), (",", "iso-8859-1"), (";", "utf-16")]
)
def test_separators_and_encodings(tmp_path, mark, encoding):
    rows = [["id", " größe ", "ort"], ["0", "1.5", "Rücken"], ["1", "2.5", "Arm"]]
    (tmp_path / "t.csv").write_bytes("\r\n".join(mark.join(row) for row in rows).encode(encoding))
    frame = read_csv(tmp_path / "t.csv", usecols=["id", "größe", "ort"])
    assert list(frame.columns) == ["id", "größe", "ort"] and frame["größe"].tolist() == [1.5, 2.5]
    columns = typed_columns(frame[["größe", "ort"]], tmp_path / "t.csv")
    assert columns["ort"].tolist() == ["Rücken".encode(), b"Arm"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["1,leg,2.5", "2,3.5", "3,arm,4.5"], "row 3: 2 fields; the first row has 3 .1 such rows"),  # a lost cell
        (["1,leg,2.5", "2,arm,3"], ""),
        (["1,leg,2.5", "2,ar"], "row 3: 2 fields; the first row has 3 .1 such rows"),  # a cut file
        (["1,leg,2.5,4", "2,arm,3.5,4"], "row 2: 4 fields; the first row has 3 .2 such rows"),
        (["1,leg,2.5", "", '2,"a, b"",\nc",3.5', "  ", "3"], "row 6: 1 fields"),  # blank lines count, a text is one row
        (['1,5" pipe,2.5', "2,leg,3.5,"], ""),
        (['1, "a, b",2.5', '2,"5", 3.5'], ""),
        (['1,5", 3",2.5', "2,leg,3.5"], "row 2: 4 fields"),
    ],
)
@pytest.mark.parametrize("usecols", [None, ["id", "size"]])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_rows_of_another_length_are_refused_and_none_shifts(tmp_path, rows, words, usecols, encoding):
    (tmp_path / "t.csv").write_bytes("\r\n".join(["id,größe,size", *rows]).encode(encoding))
    if words:
        with pytest.raises(ValueError, match=rf"t\.csv, {words}.*quotes around it, and an empty cell its comma"):
            read_csv(tmp_path / "t.csv", usecols=usecols)
    else:
        frame = read_csv(tmp_path / "t.csv", usecols=usecols)
        assert frame["id"].tolist() == [1, 2] and (frame["size"] >= 2.5).all()


@pytest.mark.parametrize("rows", [["1,leg,", "2,arm,"], ["1,leg,", "2,arm"], ["1,leg, ", "2,arm"], ["1,leg", "2,arm,"]])
@pytest.mark.parametrize("head", ["id,site", "id,site,"])
@pytest.mark.parametrize("usecols", [None, ["id"], ["site"]])
def test_a_comma_at_the_end_of_a_row_moves_no_column(tmp_path, head, rows, usecols):
    (tmp_path / "t.csv").write_text("\n".join([head, *rows]) + "\n")
    frame = read_csv(tmp_path / "t.csv", usecols=usecols)
    expected = {"id": [1, 2], "site": ["leg", "arm"]}
    assert {name: frame[name].tolist() for name in usecols or expected} == {n: expected[n] for n in usecols or expected}


def test_a_field_that_is_larger_than_the_csv_module_reads_is_told_with_its_row(tmp_path):
    (tmp_path / "t.csv").write_text('id,size\n1,2.5\n2,"' + "x\n" * 500 + '",3\n')
    usual = csv.field_size_limit(100)
    try:
        with pytest.raises(ValueError, match="t.csv, row 3: not a readable CSV .field larger than field limit"):
            read_csv(tmp_path / "t.csv")
    finally:
        csv.field_size_limit(usual)


def test_the_csv_module_reads_few_rows_for_their_length(tmp_path, monkeypatch):
    """400,000 rows of 55 columns take it 3.5 s, and counting 1.8 s."""
    rows = ['1,"in a town, or ""near""",2.5', "2,leg,3.5", '"3",arm,""', '4,5" pipe,6', '5,"a\nb",7', "6,leg,8,"]
    (tmp_path / "t.csv").write_text("\n".join(["id,site,size", *rows * 100]) + "\n")
    read = []
    monkeypatch.setattr(
        feature_tables.csv, "reader", lambda *a, reader=csv.reader, **k: read.append(a) or reader(*a, **k)
    )
    check_rows(tmp_path / "t.csv", "utf-8", ",")
    assert len(read) == 1 + 3 * 100, "the head, and the last three of each six"


FRAME = pd.DataFrame({"size": [1.0, 2.0, np.nan], "site": ["back", "leg", "back"], "age": [40.0, 50.0, 60.0]})


def test_features_are_found_by_name_in_any_order_and_among_others(tmp_path):
    encoder = TableEncoder(features_of(typed_columns(FRAME, tmp_path)))
    other = FRAME[["age", "site", "size"]].assign(more=1.0)[["more", "site", "size", "age"]]
    np.testing.assert_array_equal(encoder(typed_columns(other, tmp_path)), encoder(typed_columns(FRAME, tmp_path)))


def test_a_category_that_comes_later_shifts_nothing(tmp_path):
    encoder = TableEncoder(features_of(typed_columns(FRAME, tmp_path)))
    later = typed_columns(FRAME.assign(site=["arm", "leg", "back"]), tmp_path)
    table = encoder(later)
    assert encoder.names == ["size", "size missing", "site=back", "site=leg", "age"]
    np.testing.assert_array_equal(table[:, 2:4], [[0, 0], [0, 1], [1, 0]])
    assert encoder.unmet(later) == {"site": ["arm"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.rename(columns={"size": "size_mm"}), "here: missing column 'size', which the network was trained"),
        (lambda f: f.assign(size=["a", "b", "c"]), "column 'size' holds text; the network was trained with numbers"),
        (lambda f: f.assign(site=[1.0, 2.0, 3.0]), r"column 'site' holds numbers; .* with \['back', 'leg'\]"),
    ],
)
def test_a_column_that_is_missing_or_of_another_kind_is_named(tmp_path, change, words):
    encoder = TableEncoder(features_of(typed_columns(FRAME, tmp_path)))
    with pytest.raises(ValueError, match=words):
        encoder(typed_columns(change(FRAME), tmp_path), "here")
