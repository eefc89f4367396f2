"""Tables as people write them: columns are found by name, numbers stay numbers, and what is left out is told."""

import numpy as np
import pandas as pd
import pytest

from datamodules.readers.feature_tables import read_csv, typed_columns
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
