"""Radiographs: the window to 8 bits, the table, patients kept whole."""

import numpy as np
import pytest
from PIL import Image

from datamodules import WristDataModule
from datamodules.readers.radiographs import windowed
from datamodules.simulate.wrists import make_wrists

HEADER = "filestem,patient_id,fracture_visible\n"


def test_a_12_bit_picture_keeps_its_gray_levels():
    ramp = np.tile(np.linspace(600, 2600, 200).astype(np.uint16), (50, 1))
    ramp[:2, :4] = 65_535  # a marker
    seen = np.asarray(windowed(Image.fromarray(ramp)))[10]
    assert seen[0, 0] == 0 and seen[-1, 0] == 255 and len(np.unique(seen)) > 150
    assert abs(int(seen[100, 0]) - 128) < 4 and (seen[:, 0] == seen[:, 2]).all()
    assert len(np.unique(ramp[10] >> 8)) < 10, "the upper byte would have left so few"
    gray = Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10))
    np.testing.assert_array_equal(np.asarray(windowed(gray))[..., 0], np.asarray(gray))


def test_patients_with_several_pictures_are_kept_whole(tmp_path):
    make_wrists(tmp_path / "grazpedwri", patients=16, seed=2)
    data = WristDataModule(root=str(tmp_path), size=32, folds=3, test_fraction=0.2)
    data.setup("fit")
    pool = data.pools["train"]
    patients = np.array([name.split("/")[1][:4] for name in pool["name"]])
    assert len(np.unique(patients)) == 16 < len(patients) and 0 < pool["label"].mean() < 1
    parts = [set(patients[data.parts[part]]) for part in ("train", "val", "test")]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    with Image.open(tmp_path / "grazpedwri" / pool["name"][0]) as image:
        assert image.mode.startswith("I;16")
    assert data.images("train", np.arange(3)).std() > 20


def test_without_patients_their_numbers_come_from_the_names_and_nan_is_none(tmp_path):
    make_wrists(tmp_path, patients=4, seed=2)
    rows = [line.split(",") for line in (tmp_path / "dataset.csv").read_text().splitlines()[1:]]
    table = "filestem,fracture_visible\n" + "".join(f"{row[0]},{row[-1] or 'NaN'}\n" for row in rows)
    (tmp_path / "dataset.csv").write_text(table)
    data = WristDataModule(root=str(tmp_path), size=16, folds=2)
    data.setup("fit")
    assert len(np.unique(data.pools["train"]["group"])) == 4 and "has no patient_id" in data.notes[0]
    assert set(data.pools["train"]["label"]) == {0, 1}


def test_a_name_of_two_rows_or_two_pictures_is_refused(tmp_path):
    make_wrists(tmp_path, patients=4, seed=2)
    table = tmp_path / "dataset.csv"
    text = table.read_text()
    row = text.splitlines()[1]
    first = row.split(",")[0]
    table.write_text(f"{text}{row}\n")
    with pytest.raises(ValueError, match=f"filestem {first} stands 2 times. Keep one row"):
        WristDataModule(root=str(tmp_path), size=16, folds=2).setup()
    table.write_text(text)
    picture = next(tmp_path.rglob(f"{first}.png"))
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / picture.name).write_bytes(picture.read_bytes())
    with pytest.raises(ValueError, match=f"again/{first}.png and .*{first}.png are both called {first}. Keep one"):
        WristDataModule(root=str(tmp_path), size=16, folds=2).setup()


def test_pictures_without_a_patient_are_not_one_patient(tmp_path):
    make_wrists(tmp_path, patients=6, seed=2)
    rows = [line.split(",") for line in (tmp_path / "dataset.csv").read_text().splitlines()[1:]]
    gaps = dict(zip([row[0] for row in rows[:5]], ("", "NA", "nan", "unknown", " "), strict=True))
    lines = (f"{row[0]},{gaps.get(row[0], '7')},{row[-1]}\n" for row in rows)
    (tmp_path / "dataset.csv").write_text(HEADER + "".join(lines))
    data = WristDataModule(root=str(tmp_path), size=16, folds=2, images=False)
    data.setup("fit")
    assert len(np.unique(data.pools["train"]["group"])) == 5 + 1


@pytest.mark.parametrize(
    ("row", "message"),
    [("0001_1,1,2\n", "fracture_visible is '2' for 0001_1 .1 such rows.; expected 1, 0 or nothing"),
     ("0001_1,1,1\n", "no 0001_1.png below .* .1 of 1 are missing.. Unpack all four archives")],
)  # fmt: skip
def test_broken_tables_are_one_clear_error(tmp_path, row, message):
    (tmp_path / "dataset.csv").write_text(HEADER + row)
    with pytest.raises(ValueError, match=message):
        WristDataModule(root=str(tmp_path)).setup("fit")
