"""Two sets are told apart where they differ, and by what differs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from datamodules.audit.shift import adversarial_validation, shift_features
from lightning_tasks.measures.binary import auroc_error, auroc_interval


def test_samples_of_one_source_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    alike = adversarial_validation(rng.normal(size=(400, 5)), rng.normal(size=(300, 5)), list("abcde"), 0)
    low, high = auroc_interval(alike.auroc, 300, 400)
    assert low < 0.5 < high and alike.n == (400, 300)


def test_a_shifted_column_and_a_missing_one_are_named_first():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(300, 6)), rng.normal(size=(300, 6))
    theirs[:, 2] += 1.5
    theirs[rng.random(300) < 0.6, 4] = np.nan
    shift = adversarial_validation(ours, theirs, list("abcdef"), 0)
    assert shift.auroc > 0.85
    assert list(shift.telling)[:2] == ["c", "e missing"]
    expected = roc_auc_score(np.repeat([0, 1], 300), np.concatenate([ours[:, 2], theirs[:, 2]]))
    assert shift.telling["c"] == pytest.approx(expected)


def test_the_error_of_an_auroc_is_that_of_repeated_samples():
    rng = np.random.default_rng(0)
    ours, theirs = rng.exponential(size=(2000, 120, 1)), 4 * rng.exponential(size=(2000, 1, 20))  # the law of Q1 and Q2
    scores = (ours < theirs).mean((1, 2))
    area, spread = float(np.mean(scores)), np.std(scores)
    assert auroc_error(area, 20, 120) == pytest.approx(spread, rel=0.05)
    assert auroc_error(area, 120, 20) != pytest.approx(spread, rel=0.05)  # positives and negatives are not alike


def test_features_are_columns_and_picture_statistics():
    columns = np.array([(30.0, b"arm"), (np.nan, b""), (50.0, b"back")], [("age", "f4"), ("site", "S4")])
    images = np.zeros((3, 3, 8, 8), np.uint8)
    images[1, 0] = 255
    images[2, :, 2:6, 2:6] = 255
    names, values = shift_features({"id": np.arange(3), "columns": columns}, lambda rows: images[rows], 0)
    table = dict(zip(names, values.T, strict=True))
    np.testing.assert_array_equal(table["age"], [30, np.nan, 50])
    assert table["site=arm"].tolist() == [1, 0, 0] and table["site=(missing)"].tolist() == [0, 1, 0]
    assert table["mean of channel 0"].tolist() == [0, 1, 0.25] and table["mean of channel 1"].tolist() == [0, 0, 0.25]
    assert table["sharpness"][2] > 0 == table["sharpness"][0]
    np.testing.assert_allclose(table["middle against whole"], [0, 0, 0.75], atol=1e-6)
    assert shift_features({"id": np.arange(3)}, None, 0)[1].shape == (3, 0)


def test_samples_of_a_group_do_not_tell_two_parts_of_one_source_apart():
    rng, names, shifts = np.random.default_rng(0), [("a", "f4"), ("b", "f4"), ("c", "f4")], []
    for _ in range(2):  # 200 patients of one population in each part, 10 samples of each that are nearly alike
        group = np.repeat(np.arange(200), 10)
        values = rng.normal(size=(200, 3))[group] + rng.normal(0, 0.05, (2000, 3))
        columns = np.array([tuple(row) for row in values], names)
        shifts.append(shift_features({"id": np.arange(2000), "group": group, "columns": columns}, None, 0)[1])
    shift = adversarial_validation(*shifts, ["a", "b", "c"], 0)
    assert shift.n == (200, 200) and auroc_interval(shift.auroc, *shift.n)[0] < 0.5


def test_too_few_samples_are_an_error():
    with pytest.raises(ValueError, match="3 and 9 samples: need 5 or more of each"):
        adversarial_validation(np.zeros((3, 1)), np.zeros((9, 1)), ["a"], 0)
