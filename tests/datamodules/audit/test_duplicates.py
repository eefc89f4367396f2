import os
from pathlib import Path

import numpy as np
import pytest

from datamodules.audit.duplicates import (
    content_hash,
    exact_duplicates,
    groups_of_equal,
    near_duplicates,
    near_pairs,
    perceptual_hash,
    repeated_mask_outliers,
)


def pictures(count, size=32, seed=0, channels=None):
    """Smooth random pictures, so that they have something to recognise in their low frequencies."""
    rng = np.random.default_rng(seed)
    shape = (count, 6, 6) if channels is None else (count, 6, 6, channels)
    coarse = rng.integers(0, 256, shape)
    at = np.minimum(np.arange(size) * 6 // size, 5)
    return coarse[:, at][:, :, at].astype(np.uint8)


def test_content_hash_tells_equal_from_one_bit_different():
    x = np.zeros((3, 4, 4), np.uint8)
    x[2, 3, 3] = 1
    hashes = content_hash(x)
    assert hashes[0] == hashes[1] != hashes[2]
    assert [len(h) for h in hashes] == [32] * 3
    assert np.array_equal(hashes, content_hash(np.asfortranarray(x)))  # memory order is no content
    with pytest.raises(ValueError, match="object"):
        content_hash(np.array([None, "a"], dtype=object))


def test_groups_of_equal_are_sorted_by_size_then_by_first_row():
    groups = groups_of_equal(["c", "a", "b", "a", "b", "x", "b"])
    assert [g.tolist() for g in groups] == [[2, 4, 6], [1, 3]]
    assert groups_of_equal(["a", "b"]) == []


def test_only_the_large_group_of_one_mixed_mask_is_an_outlier():
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 5, (400, 8, 8)).astype(np.uint8)
    stock = rng.integers(0, 4, (8, 8))
    planted = np.sort(rng.choice(400, 30, replace=False))
    honest = np.setdiff1d(np.arange(400), planted)
    masks[planted] = stock
    masks[honest[:50]] = 2  # uniform masks, many alike: real
    masks[honest[50:60]] = masks[honest[60]]  # a real mask ten times
    assert repeated_mask_outliers(masks).tolist() == planted.tolist()
    assert len(repeated_mask_outliers(masks[honest])) == 0
    assert repeated_mask_outliers(masks, min_count=31).tolist() == []
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        repeated_mask_outliers(masks[0])


def test_planted_pictures_go_entirely_and_duplicates_keep_their_first():
    images = pictures(60, channels=3)
    labels = np.arange(60)[:, None] % 4  # (N, 1), as in the blood pack
    images[30:55] = images[55]
    images[[7, 9]] = images[3]
    images[8] = images[4]  # rows 4 and 8: both of class 0
    found = exact_duplicates(images, labels)
    assert [g.tolist() for g in found.planted] == [list(range(30, 56))]
    assert [g.tolist() for g in found.repeated] == [[3, 7, 9], [4, 8]]
    assert [g.tolist() for g in found.conflicts] == [[3, 7, 9]]
    assert found.drop.tolist() == [7, 8, 9, *range(30, 56)] and found.drop.dtype == np.int64
    assert found.reasons()[8] == "duplicate of 4"
    assert found.reasons()[9] == "duplicate of 3 with another label"
    assert "26 copies" in found.reasons()[30]
    assert exact_duplicates(images[:3]).drop.tolist() == []
    with pytest.raises(ValueError, match="2 labels for 60 images"):
        exact_duplicates(images, [0, 1])


@pytest.mark.parametrize("channels", [None, 3])
def test_perceptual_hash_survives_small_changes_and_tells_pictures_apart(channels):
    images = pictures(50, 64, channels=channels)
    noise = np.random.default_rng(1).normal(0, 4, images.shape)
    changed = (images * 0.9 + 10 + noise).clip(0, 255).astype(np.uint8)
    half = images[:, ::2, ::2]
    first = perceptual_hash(images)
    assert first.dtype == np.uint64 and first.shape == (50,)
    for other in (changed, half):
        moved = np.bitwise_count(first ^ perceptual_hash(other))
        assert np.median(moved) <= 4 and moved.max() <= 12
    apart = np.bitwise_count(first[:, None] ^ first)[~np.eye(50, dtype=bool)]
    assert apart.min() > 12 and 28 < apart.mean() < 36
    assert len(set(perceptual_hash(np.full((3, 16, 16), [[[0]], [[90]], [[255]]], np.uint8)))) == 1


def test_perceptual_hash_is_the_sign_of_scipys_dct_against_its_median():
    from scipy.fft import dctn

    images = pictures(5)
    waves = dctn(images.astype(float), axes=(1, 2), norm="ortho")[:, :8, :8].reshape(5, 64)
    waves[:, 0] = 0  # the mean
    bits = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
    assert np.array_equal(perceptual_hash(images), np.packbits(bits, axis=1).view(">u8")[:, 0])


SIZES = ((16, 16), (500, 700), (1024, 1024), (2000, 1600))


@pytest.mark.parametrize("channels", [1, 3])
def test_blank_scans_of_unequal_size_and_shade_are_one_group(channels):
    shades = (3, 90, 200, 255)
    scans = [np.full((1, *size, channels), v, np.uint8) for size in SIZES for v in shades]
    hashes = np.concatenate([perceptual_hash(scan if channels == 3 else scan[..., 0]) for scan in scans])
    assert [len(group) for group in near_duplicates(hashes, 0)] == [len(SIZES) * len(shades)]


def test_ruled_scans_of_unequal_size_are_one_group():
    """Three bands across: waves along a band are 0 but for rounding, which must decide no bit."""
    scans = [np.repeat([30, 250, 120, 220], size[0] // 4)[None, :, None] for size in SIZES]
    scans = [np.broadcast_to(s, (1, s.shape[1], w)).astype(np.uint8) for s, (_, w) in zip(scans, SIZES, strict=True)]
    hashes = np.concatenate([perceptual_hash(scan) for scan in scans])
    assert len(near_duplicates(hashes, 0)[0]) == len(SIZES)


def test_perceptual_hash_refuses_other_shapes():
    for shape in ((4, 5, 5), (4, 32, 32, 4), (32, 32)):
        with pytest.raises(ValueError, match="expected"):
            perceptual_hash(np.zeros(shape, np.uint8))


def test_near_pairs_are_those_of_a_double_loop():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 600).astype(np.uint64)  # more than two blocks
    hashes[300] = hashes[5] ^ np.uint64(0b111)
    hashes[599] = hashes[5]
    pairs, bits = near_pairs(hashes, 3)
    assert pairs.tolist() == [[5, 300], [5, 599], [300, 599]] and bits.tolist() == [3, 0, 3]
    expected = [(i, j) for i in range(100) for j in range(i + 1, 100) if int(hashes[i] ^ hashes[j]).bit_count() <= 24]
    assert [tuple(p) for p in near_pairs(hashes[:100], 24)[0]] == expected


def test_near_duplicates_are_linked_groups():
    hashes = np.array([0, 0xFF << 40, 0b11, 0, (0xFF << 40) | 1, 0b1111], dtype=np.uint64)
    assert [g.tolist() for g in near_duplicates(hashes, 2)] == [[0, 2, 3, 5], [1, 4]]
    assert [g.tolist() for g in near_duplicates(hashes, 0)] == [[0, 3]]
    assert near_duplicates(np.empty(0, np.uint64)) == []


@pytest.mark.realdata
def test_counts_of_the_real_packs():
    root = Path(os.environ.get("LIGHTNING_TASKS_DATA", ""))
    if not (root / "mars").is_dir() or not (root / "blood_cells").is_dir():
        pytest.skip("needs LIGHTNING_TASKS_DATA/mars and /blood_cells")
    masks = np.load(root / "mars" / "mars_for_students.npz")["training_set"][:, 1]
    assert len(repeated_mask_outliers(masks)) == 110
    pack = np.load(root / "blood_cells" / "training_set.npz")
    found = exact_duplicates(pack["images"], pack["labels"])
    assert sorted(len(g) for g in found.planted) == [69, 552]
    assert [len(g) for g in found.repeated] == [2] * 8 and not found.conflicts
