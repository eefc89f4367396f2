"""Further members of each kind of fault that public bug reports tell of, each by its right value."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from datamodules import FacesDataModule, ImageFolderDataModule
from datamodules.readers.feature_tables import read_csv
from datamodules.readers.hourly_tables import read_hourly
from datamodules.readers.pictures import HDF5Source, Pictures, decode
from datamodules.readers.side_tables import groups_named
from datamodules.readers.word_tests import read_questions, read_similarities
from datamodules.readers.words import read_vectors


def written(name: str, text: str, encoding: str = "utf-8") -> Path:
    Path(name).write_bytes(text.encode(encoding))
    return Path(name)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    image.save(file := io.BytesIO(), kind)
    return file.getvalue()


# ---- series ---------------------------------------------------------------------------------------------------


def hourly(date, head: str = "date,hour,gas", row: str = "{date},{hour},{hour}"):
    rows = [row.format(date=date(day), hour=hour) for day in (1, 2, 13) for hour in range(1, 25)]
    return read_hourly(written("gas.csv", "\n".join([head, *rows])), "date", "hour", ["gas"])


@pytest.mark.parametrize(
    "date",
    ["2023-02-{:02d}", "202302{:02d}", "2023/02/{:02d}", "2023-02-{:02d} 00:00:00", "2023-02-{:02d}T00:00+02:00",
     "2023.02.{:02d}"],
)  # fmt: skip
def test_a_day_is_the_one_that_is_written_whatever_the_zone(date):
    assert hourly(date.format).days[[0, 1, 12]].astype(str).tolist() == ["2023-02-01", "2023-02-02", "2023-02-13"]


@pytest.mark.parametrize("date", ["{:02d}/02/2023", "{:02d}-02-2023", "02/{:02d}/2023", "{:02d}.02.23"])
def test_a_date_that_may_be_read_in_two_ways_is_refused(date):
    """Of 01/02/2023 and 13/02/2023 the first was read as in January, the second as in February."""
    with pytest.raises(ValueError, match="gas.csv: column 'date' holds .* in row 2 .72 such cells.*2023-02-03"):
        hourly(date.format)


def test_columns_of_a_series_are_found_by_name_in_any_order():
    table = hourly("2023-02-{:02d}".format, "gas,x,hour,date", "{hour},7,{hour},{date}")
    assert table.values["gas"][0].tolist() == list(range(1, 25))


# ---- columns that stand twice ---------------------------------------------------------------------------------


def test_a_column_that_stands_twice_is_refused_where_it_is_read():
    with pytest.raises(ValueError, match="gas.csv: the column 'gas' stands twice"):
        hourly("2023-02-{:02d}".format, "date,hour,gas,gas", "{date},{hour},{hour},9")
    path = written("groups.csv", "id,group,group\n0,a,b\n1,a,b\n")
    with pytest.raises(ValueError, match="groups.csv: the column 'group' stands twice. Keep one"):
        groups_named(path, ["0", "1"])
    path = written("table.csv", "id,size,note,note,size\n0,1,x,y,2\n")
    with pytest.raises(ValueError, match="table.csv: the column 'size' stands twice"):
        read_csv(path)
    assert read_csv(path, usecols=["id"])["id"].tolist() == [0]


@pytest.mark.parametrize(
    "text", ["ID,Group\n0,a\n1,b\n", "group,id\na,0\nb,1\n", "id,group\r0,a\r1,b\r", "id;more;group\n0;x;a\n1;y;b\n"]
)
def test_side_tables_with_capitals_other_orders_and_old_line_ends(text):
    assert groups_named(written("groups.csv", text), ["0", "1"]).tolist() == ["a", "b"]


@pytest.mark.parametrize("text", ["sep=;\nid;group\n0;a\n", "# by hand\nid,group\n0,a\n", "id|group\n0|a\n"])
def test_what_stands_before_the_head_is_shown(text):
    with pytest.raises(ValueError, match="groups.csv: missing column 'id'. Found columns: (sep=;|# by hand|id.group)"):
        groups_named(written("groups.csv", text), ["0"])


# ---- vectors and their tests ----------------------------------------------------------------------------------


def test_vectors_with_a_byte_order_mark_keep_their_first_word():
    vectors, known = read_vectors(written("v.txt", "cat 1 2\ndog 3 4\n", "utf-8-sig"), ["cat", "dog"])
    assert known.all() and vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "text, encoding, words",
    [("cat nan 2\n", "utf-8", r"line 1 .'cat'.: holds NaN or infinity"), ("cat 1 2\n", "utf-16", "is UTF-16"),
     ("cat 0,1 0,2\n", "utf-8", "what follows is not 2 numbers"), ("cat 1 inf\n", "utf-8", "NaN or infinity")],
)  # fmt: skip
def test_vectors_that_are_none_are_named(text, encoding, words):
    with pytest.raises(ValueError, match=f"v.txt.*{words}"):
        read_vectors(written("v.txt", text, encoding), ["cat"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tests_of_vectors_are_read_in_any_unicode(encoding):
    assert read_questions(written("q.txt", "athens\tgreece  paris france\n", encoding)) == [
        ["athens", "greece", "paris", "france"]
    ]
    pairs, scores = read_similarities(written("s.txt", "word1,word2,score\ncat,dog,7.5\n", encoding))
    assert pairs == [["cat", "dog"]] and scores.tolist() == [7.5]


@pytest.mark.parametrize("line", ["cat dog nan", "cat dog inf", "cat;dog;7,35"])
def test_a_similarity_that_is_no_number_is_named(line):
    with pytest.raises(ValueError, match="s.txt, line 2: expected two words and a number, found 'cat"):
        read_similarities(written("s.txt", f"a b 1\n{line}\n"))


# ---- pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [".ipynb_checkpoints", "@eaDir", "__MACOSX", ".thumbnails"])
def test_folders_that_programs_leave_hold_no_pictures_of_the_user(left):
    for name in ("a", "b"):
        for i in range(6):
            path = Path("set", name, "deep", f"{i}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 9), (i * 40, 0, ord(name))).save(path)
    for place in ("set/a", "set"):
        Path(place, left).mkdir()
        Image.new("RGB", (9, 9)).save(Path(place, left, "0.png"))
    data = ImageFolderDataModule(root="set", source="real", size=16, folds=2)
    data.setup()
    assert data.class_names == ["a", "b"] and len(data.pools["train"]["id"]) == 12
    Path("faces").mkdir()
    Path("set").rename("faces/img_align_celeba")
    assert len(FacesDataModule(root="faces", source="real").load()["train"]["image"]) == 12


GRAY = np.tile(np.arange(0, 256, 32, dtype=np.uint8), (8, 1))


@pytest.mark.parametrize(
    "data, expected",
    [
        (encoded(Image.fromarray(GRAY).convert("YCbCr"), "TIFF"), GRAY[0]),
        (encoded(Image.fromarray(GRAY).convert("LAB"), "TIFF"), GRAY[0]),
        (encoded(Image.fromarray(np.array([[0, 255] * 4] * 8, np.uint8)).convert("1")), [0, 255] * 4),
        (np.array([[[0, 0, 0, 0], [9, 9, 9, 255]] * 4] * 8, np.uint8), [255, 9] * 4),  # pixels with transparency
        (np.array([[False, True] * 4] * 8), [0, 255] * 4),
    ],
)
def test_rarer_kinds_of_pictures_are_read_as_one_sees_them(data, expected):
    np.testing.assert_allclose(decode(data, 8)[0, :, 1], expected, atol=3)


@pytest.mark.parametrize(
    "value, words",
    [(np.full((3, 8, 8), 7, np.uint8), r"pixels uint8 \(3, 8, 8\): expected uint8 \(H, W\) or \(H, W, 3\)"),
     (np.full((8, 8, 3), 0.5), r"pixels float64 \(8, 8, 3\)"),
     (np.zeros((5, 8, 8, 3), np.uint8), r"pixels uint8 \(5, 8, 8, 3\)")],
)  # fmt: skip
def test_pixels_of_another_shape_or_type_are_named(value, words):
    with h5py.File("a.hdf5", "w") as file:
        file["x"] = value
    with pytest.raises(ValueError, match=f"a.hdf5: picture x cannot be decoded .{words}"):
        Pictures(HDF5Source(Path("a.hdf5")), np.array(["x"]), 8)[0]


@pytest.mark.parametrize("data", [b"<!DOCTYPE html>404", b"version https://git-lfs.github.com/spec/v1\n", b"<svg/>"])
def test_what_is_saved_in_place_of_a_picture_is_none(data):
    with pytest.raises(ValueError, match="no picture of a kind that is known"):
        decode(data, 8)
