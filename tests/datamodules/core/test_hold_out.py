"""What is alike is held out together; groups stay whole."""

import numpy as np
import pytest

from datamodules import IsicDataModule
from datamodules.core.hold_out import alike, by_colour, keep_whole


def test_values_of_a_column_are_codes_with_their_names_and_gaps_one_of_their_own():
    codes, names = alike(np.array([b"arm", b"back", b"", b"arm"]), "site")
    assert [names[code] for code in codes] == ["arm", "back", "missing", "arm"]


def test_a_number_is_cut_into_bands_of_equal_counts():
    values = np.append(np.random.default_rng(0).permutation(100).astype(np.float32), np.nan)
    codes, names = alike(values, "age")
    assert np.bincount(codes).tolist() == [20] * 5 + [1] and names[-1] == "missing"
    for code in range(5):
        assert np.ptp(values[codes == code]) == 19
    assert names[0].startswith("below") and names[1].endswith("and above")
    assert len(np.unique(alike(np.array([0, 0, 0, 0, 1], np.float32), "flag")[0])) == 2


@pytest.mark.parametrize("column", [np.array([b"a", b"a"]), np.array([1.0, 1.0]), np.arange(30).astype("S2")])
def test_a_column_that_tells_no_sets_apart_is_an_error(column):
    with pytest.raises(ValueError, match="hold_out=c: the column has .* different values; expected 2 to 20"):
        alike(column, "c")


def test_clusters_of_colour_are_found():
    rng = np.random.default_rng(0)
    tints = np.array([[200, 90, 80], [90, 200, 80], [80, 90, 200]])[np.arange(60) % 3]
    images = (tints[:, :, None, None] + rng.normal(0, 8, (60, 3, 8, 8))).clip(0, 255).astype(np.uint8)
    codes = by_colour(images, 3, 0)
    assert all(len(np.unique(codes[np.arange(60) % 3 == k])) == 1 for k in range(3)) and len(np.unique(codes)) == 3


def test_a_group_takes_its_commonest_code():
    codes, groups = np.array([0, 0, 1, 2, 1]), np.array([7, 7, 7, 3, 3])
    assert keep_whole(codes, groups).tolist() == [0, 0, 0, 1, 1]
    assert keep_whole(codes, None) is codes


def test_no_training_sample_has_a_value_that_is_held_out():
    data = IsicDataModule(source="simulated", images=False, hold_out="anatom_site_general", folds=6, fold=0)
    data.setup()
    pool, parts = data.pools["train"], data.parts
    sites = {part: pool["columns"]["anatom_site_general"][rows] for part, rows in parts.items()}
    groups = {part: set(pool["group"][rows]) for part, rows in parts.items()}
    commonest = max(set(sites["val"]), key=list(sites["val"]).count)
    assert commonest not in sites["train"] and not groups["train"] & groups["val"]
    assert any("training samples with a value that is held out are left out" in note for note in data.notes)
