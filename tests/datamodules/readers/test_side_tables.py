"""Small tables as people write them: marks, separators, encodings, gaps; or one line that says what is wrong."""

import numpy as np
import pytest

from datamodules.readers.side_tables import groups_named, rows_named
from datamodules.readers.text_files import read_columns, separator_of
from tests.toys import ToyDataModule

NAMES = ["0", "1", "2"]


@pytest.mark.parametrize(
    "raw",
    [
        b"id,group\n0,a\n1,b\n2,a\n",
        b"\xef\xbb\xbfid,group\r\n0,a\r\n1,b\r\n2,a\r\n",  # byte order mark, as spreadsheets write it
        b"id;group\n0;a\n1;b\n2;a\n",
        b"id\tgroup\tremark, with a comma\n0\ta\t\n1\tb\t\n2\ta\t\n",
        b" ID , Group \n 0 , a \n 1 , b\n 2 , a\n",
        b"id,group\n\n0,a\n,\n1,b\n2,a\n\n",  # rows without a value
        b'"id","group"\n"0","a"\n"1","b"\n"2","a"\n',
        "\ufeffid,group\n0,a\n1,b\n2,a\n".encode("utf-16-le"),
        "\ufeffid,group\n0,a\n1,b\n2,a\n".encode("utf-16-be"),
        b"id,group,note\n0,a,caf\xe9\n1,b,\n2,a,\n",  # latin-1
    ],
)
def test_groups_are_read_however_the_table_was_saved(tmp_path, raw):
    (tmp_path / "groups.csv").write_bytes(raw)
    assert groups_named(tmp_path / "groups.csv", NAMES).tolist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"id,group\n0,a\n1\n2,a\n", "row 3: 1 fields; the first row has 2"),
        (b"id,group\n0,a\n1,b,c\n2,a\n", "row 3: 3 fields"),
        (b"id,kind\n0,a\n", "missing column 'group'. Found columns: id, kind"),
        (b"", "is empty. It needs the columns id, group"),
        (b"id,group\n0.0,a\n1.0,b\n2.0,a\n", "It has '0.0' where '0' is meant"),
        (b"id,group\n00,a\n01,b\n02,a\n", "It has '00' where '0' is meant"),
        (b"id,group\nx,a\ny,b\n", "no group for 3 samples, the first is id 0. Ids look like 'x', 'y'"),
        (b"id,group\n0,a\n0,b\n1,a\n2,a\n", "id '0' has the groups 'a' and 'b'"),
        (b"PK\x03\x04\0\0", "is no text"),
        (b'id,group\n0,"a\n1,"b"\n2,"a"\n', "line 3: no row of a CSV .*; the row begins in line 2. Is a quote lost"),
        (b'id,group\n0,"a\n1,b\n2,a\n', "line 4: no row of a CSV .unexpected end of data.; the row begins in line 2"),
        (b'id,group\n0,a\n1,b\n2,"a', "line 4: no row of a CSV .unexpected end of data.; .* or the file cut"),
        (b'id,group\n0,"a"b\n1,b\n2,a', "line 2: no row of a CSV .*; the row begins in line 2"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_the_file(tmp_path, raw, words):
    (tmp_path / "groups.csv").write_bytes(raw)
    with pytest.raises(ValueError, match=words) as caught:
        groups_named(tmp_path / "groups.csv", NAMES)
    assert "groups.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_a_table_that_is_not_there_or_is_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv: no such file"):
        read_columns(tmp_path / "none.csv", ("id",))
    with pytest.raises(FileNotFoundError, match="a folder, where a file is read"):
        read_columns(tmp_path, ("id",))


@pytest.mark.parametrize("gap", ["", "NA", "nan", "unknown", " - "])
def test_an_empty_group_is_a_group_of_its_own(tmp_path, gap):
    path = tmp_path / "groups.csv"
    path.write_text("id,group\n" + "".join(f"{i},{gap if i < 60 else f'p{i % 7}'}\n" for i in range(100)))
    data = ToyDataModule(groups=str(path), folds=5)
    data.setup()
    groups = data.pools["train"]["group"]
    assert len(np.unique(groups[:60])) == 60 and len(np.unique(groups[60:])) == 7
    labels = data.pools["train"]["label"]
    assert set(labels[data.parts["train"]]) == set(labels)  # one group of all gaps would take classes away


def test_ids_of_a_groups_file_that_are_not_in_the_data_are_named(tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text("id,group\n" + "".join(f"{i},p{i % 7}\n" for i in range(100)) + "x1,p1\nx2,p2\n")
    data = ToyDataModule(groups=str(path), limit=50)  # those behind the limit are in the data
    data.setup()
    assert "groups.csv: id 'x1' is not in the data (2 such ids). Look at its spelling." in data.notes


def test_excluded_ids_are_compared_with_all_that_was_read(tmp_path):
    path = tmp_path / "exclude.csv"
    path.write_text("id;reason\n3;planted\n 90 ;out of focus\n")
    data = ToyDataModule(exclude=str(path), limit=50)  # sample 90 is not among the first 50
    data.setup()
    assert 3 not in np.concatenate([data.parts["train"], data.parts["val"]])
    path.write_text("id\n3.0\n")
    with pytest.raises(ValueError, match="id '3.0' is not in the data .*It has '3' where '3.0' is meant"):
        rows_named(path, list(map(str, range(9))), list(map(str, range(9))))


def test_the_separator_is_the_one_that_shows_the_wanted_names():
    assert separator_of("title, as printed;id;group", ("id", "group")) == ";"
    assert separator_of("no header, here", ("id",)) == ","
