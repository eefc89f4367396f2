from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from datamodules.simulate import make_smear


@pytest.fixture(scope="module")
def smear():
    return make_smear(n=1200, planted=(80, 10), duplicates=5, seed=2)


def test_format_is_that_of_the_course(smear):
    assert smear["images"].shape == (1200 + 90 + 5, 96, 96, 3)
    assert smear["labels"].shape == (1295, 1)
    assert smear["images"].dtype == smear["labels"].dtype == np.uint8
    assert np.unique(smear["labels"]).tolist() == list(range(8))


def test_seed_decides_every_pixel():
    first, again, other = (make_smear(16, 32, (8, 1), 1, seed=seed) for seed in (5, 5, 6))
    for key in ("images", "labels"):
        np.testing.assert_array_equal(first[key], again[key])
    assert (first["images"][:17] != other["images"][:17]).mean() > 0.5


def test_planted_pictures_and_duplicates_can_be_counted(smear):
    labels = smear["labels"].ravel()
    copies = {}
    for row, image in enumerate(smear["images"]):
        copies.setdefault(image.tobytes(), []).append(row)
    assert Counter(len(rows) for rows in copies.values()) == {1: 1195, 2: 5, 80: 1, 10: 1}
    spread, monocytes = (next(rows for rows in copies.values() if len(rows) == size) for size in (80, 10))
    assert np.bincount(labels[spread]).tolist() == [10] * 8
    assert set(labels[monocytes]) == {5}
    assert sorted(spread + monocytes) == list(range(1205, 1295))  # at the end
    pairs = [rows for rows in copies.values() if len(rows) == 2]
    assert all(labels[one] == labels[other] for one, other in pairs)


def test_more_duplicates_than_cells_is_an_error():
    with pytest.raises(ValueError, match="duplicates=3"):
        make_smear(n=2, size=32, duplicates=3)


def test_types_come_in_the_real_proportions(smear):
    real = np.array([852, 2181, 1085, 2026, 849, 993, 2330, 1643])
    counts = np.bincount(smear["labels"].ravel()[:1205], minlength=8)
    np.testing.assert_allclose(counts / 1205, real / real.sum(), atol=0.01)


def test_brightness_is_that_of_a_smear(smear):
    cells, labels = smear["images"][:1205], smear["labels"].ravel()[:1205]
    np.testing.assert_allclose(cells.mean((0, 1, 2)), [212, 183, 182], atol=12)
    # Platelets are the smallest and therefore the brightest pictures.
    assert np.argmax([cells[labels == kind].mean() for kind in range(8)]) == 7


def test_a_linear_model_on_pixels_is_not_enough(smear):
    """Logistic regression on 24x24 pictures: about .65; a small CNN reaches about .88."""
    cells, labels = smear["images"][:1205], smear["labels"].ravel()[:1205]
    pixels = cells.reshape(1205, 24, 4, 24, 4, 3).mean((2, 4)).reshape(1205, -1) / 255
    model = LogisticRegression(C=0.01, max_iter=60).fit(pixels[:900], labels[:900])
    assert 0.3 < model.score(pixels[900:], labels[900:]) < 0.75
