import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import LogisticRegression

from datamodules.simulate import make_digits


@pytest.fixture(scope="module")
def digits():
    return make_digits(n_train=2000, n_test=600, seed=1)


def test_format_is_that_of_mnist(digits):
    for part, count in (("train", 2000), ("test", 600)):
        assert digits[f"{part}_images"].shape == (count, 28, 28)
        assert digits[f"{part}_labels"].shape == (count,)
        assert digits[f"{part}_images"].dtype == digits[f"{part}_labels"].dtype == np.uint8
        assert np.unique(digits[f"{part}_labels"]).tolist() == list(range(10))


def test_seed_decides_every_pixel():
    first, again, other = (make_digits(30, 5, seed=seed) for seed in (5, 5, 6))
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
    assert (first["train_images"] != other["train_images"]).any((1, 2)).all()


def test_classes_are_nearly_balanced(digits):
    counts = np.bincount(digits["train_labels"], minlength=10)
    np.testing.assert_allclose(counts / 2000, 0.1, atol=0.03)


def test_digits_are_light_on_black_and_in_the_middle(digits):
    images = digits["train_images"].astype(float)
    assert 22 < images.mean() < 42 and 60 < images.std() < 85
    assert np.median(images) == 0 and images.max() > 240
    assert images[:, [0, -1]].mean() < 3 and images[:, :, [0, -1]].mean() < 3
    middles = np.array([ndimage.center_of_mass(image) for image in images])
    np.testing.assert_allclose(middles.mean(0), 13.5, atol=0.3)
    assert middles.std(0).max() < 1.5


def test_no_picture_comes_twice(digits):
    assert len({image.tobytes() for image in digits["train_images"]}) == 2000


def test_a_linear_model_on_pixels_is_not_enough(digits):
    """Logistic regression: about .81 from 2,000 pictures; a small CNN reaches .99 from 6,000."""
    train, test = (digits[f"{part}_images"].reshape(-1, 784) / 255 for part in ("train", "test"))
    model = LogisticRegression(C=0.1, max_iter=100).fit(train, digits["train_labels"])
    assert 0.7 < model.score(test, digits["test_labels"]) < 0.93
