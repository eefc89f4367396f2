from collections import Counter

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import LogisticRegression

from datamodules.simulate import make_terrain


@pytest.fixture(scope="module")
def terrain():
    return make_terrain(n=400, n_test=60, seed=3)


def test_format_is_that_of_the_competition(terrain):
    assert terrain["training_set"].shape == (430, 2, 64, 128)
    assert terrain["test_set"].shape == (60, 64, 128)
    assert terrain["training_set"].dtype == terrain["test_set"].dtype == np.uint8
    assert len(terrain["groups"]) == 430
    assert all(isinstance(group, str) for group in terrain["groups"])
    assert np.unique(terrain["training_set"][:, 1]).tolist() == [0, 1, 2, 3, 4]


def test_seed_decides_every_pixel():
    first, again, other = (make_terrain(n=12, n_test=4, sites=3, outliers=2, seed=seed) for seed in (5, 5, 6))
    for key in ("training_set", "test_set"):
        np.testing.assert_array_equal(first[key], again[key])
        assert (first[key] != other[key]).mean() > 0.3
    assert first["groups"] == again["groups"]


def test_other_sizes_and_no_outliers():
    small = make_terrain(n=5, n_test=2, size=(32, 48), sites=2, outliers=0, seed=1)
    assert small["training_set"].shape == (5, 2, 32, 48)
    assert "alien" not in small["groups"]


def test_outliers_share_one_mask_but_no_picture(terrain):
    images, masks = terrain["training_set"][:, 0], terrain["training_set"][:, 1]
    alien = np.array(terrain["groups"]) == "alien"
    assert alien.sum() == 30
    (mask, count), (_, runner_up) = Counter(m.tobytes() for m in masks).most_common(2)
    assert count == 30 and {m.tobytes() for m in masks[alien]} == {mask}
    assert runner_up < 10
    assert len({image.tobytes() for image in images[alien]}) == 30
    shares = np.bincount(masks[alien][0].ravel(), minlength=5) / masks[0].size
    np.testing.assert_allclose(shares, [0.53, 0.19, 0.10, 0.18, 0], atol=0.01)
    # Scattered: not one block at the end.
    assert np.flatnonzero(alien)[0] < 100 and np.flatnonzero(alien)[-1] > 330


def test_class_shares_and_gray_values(terrain):
    real = np.array(terrain["groups"]) != "alien"
    images, masks = terrain["training_set"][real, 0], terrain["training_set"][real, 1]
    shares = np.bincount(masks.ravel(), minlength=5) / masks.size
    np.testing.assert_allclose(shares[:4], [0.30, 0.27, 0.25, 0.17], atol=0.06)
    assert 0.001 < shares[4] < 0.012
    assert 0.04 < (masks == 4).any((1, 2)).mean() < 0.14
    assert 50 < images.mean() < 72 and 19 < images.std() < 31


def test_sites_differ_in_light_and_mix(terrain):
    groups = np.array(terrain["groups"])
    images, masks = terrain["training_set"][:, 0], terrain["training_set"][:, 1]
    sites = [site for site in np.unique(groups) if site != "alien" and (groups == site).sum() >= 8]
    assert len(sites) > 12
    assert np.std([images[groups == site].mean() for site in sites]) > 4
    assert np.std([(masks[groups == site] == 3).mean() for site in sites]) > 0.08


def test_a_linear_model_on_pixels_is_not_enough(terrain):
    """Linear on the 7x7 neighbourhood: about .4 on unseen sites, no better than one class for all."""
    rng = np.random.default_rng(0)
    images, masks = terrain["training_set"][:, 0], terrain["training_set"][:, 1]
    groups = np.array(terrain["groups"])
    sites = [site for site in np.unique(groups) if site != "alien"]
    held_out = np.isin(groups, sites[::4])

    def pixels(rows, count):
        patches = np.lib.stride_tricks.sliding_window_view(images[rows] / 255.0, (7, 7), axis=(1, 2))
        labels = masks[rows][:, 3:-3, 3:-3]
        pick = rng.choice(np.flatnonzero((labels > 0).ravel()), count, replace=False)
        return patches.reshape(-1, 7, 7)[pick].reshape(count, 49), labels.ravel()[pick]

    train_x, train_y = pixels(~held_out & (groups != "alien"), 5000)
    test_x, test_y = pixels(held_out, 5000)
    accuracy = LogisticRegression(C=10, max_iter=300).fit(train_x, train_y).score(test_x, test_y)
    assert accuracy < 0.60


def test_gray_value_alone_does_not_give_the_class(terrain):
    """Local mean gray of the three ground classes overlaps: no threshold separates any pair."""
    images, masks = terrain["training_set"][:, 0], terrain["training_set"][:, 1]
    real = np.array(terrain["groups"]) != "alien"
    means = ndimage.uniform_filter(images[real].astype(float), (0, 7, 7))
    inside = [means[masks[real] == label] for label in (1, 2, 3)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        gap = abs(inside[one].mean() - inside[other].mean())
        assert gap < inside[one].std() + inside[other].std()
