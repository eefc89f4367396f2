import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.core.splits import assert_disjoint, bag_indices, partition, split_indices

labels_lists = st.lists(st.integers(0, 6), min_size=10, max_size=120)
indicator_lists = st.lists(st.lists(st.integers(0, 1), min_size=4, max_size=4), min_size=10, max_size=80)
seeds = st.integers(0, 2**31)
quick = settings(max_examples=60, deadline=None)


def joined(parts):
    return np.sort(np.concatenate([parts["train"], parts["val"], parts["test"]]))


@quick
@given(labels_lists, st.integers(2, 6), seeds, st.sampled_from([0.0, 0.25]))
def test_split_is_disjoint_complete_and_sorted(labels, folds, seed, test_fraction):
    splits = [split_indices(labels, None, f, folds, seed, test_fraction) for f in range(folds)]
    for parts in splits:
        assert np.array_equal(joined(parts), np.arange(len(labels)))
        assert_disjoint(parts, None)
        assert all(rows.dtype == np.int64 and (np.diff(rows) > 0).all() for rows in parts.values())
        assert np.array_equal(parts["test"], splits[0]["test"])
    validated = np.sort(np.concatenate([parts["val"] for parts in splits]))
    assert np.array_equal(validated, np.setdiff1d(np.arange(len(labels)), splits[0]["test"]))


@quick
@given(labels_lists, st.lists(st.integers(1, 20), min_size=2, max_size=5), seeds)
def test_single_label_parts_are_within_one_sample_per_class(labels, weights, seed):
    labels, fractions = np.array(labels), np.array(weights) / sum(weights)
    part = partition(labels, None, fractions, seed)
    for name in np.unique(labels):
        counts = np.bincount(part[labels == name], minlength=len(fractions))
        assert (np.abs(counts - fractions * (labels == name).sum()) < 1).all()
    assert (np.abs(np.bincount(part, minlength=len(fractions)) - fractions * len(labels)) < 2).all()


@quick
@given(labels_lists, st.integers(2, 6), seeds)
def test_folds_differ_by_one_sample_at_most(labels, folds, seed):
    sizes = np.bincount(partition(labels, None, [1 / folds] * folds, seed), minlength=folds)
    assert sizes.max() - sizes.min() <= 1


@quick
@given(indicator_lists, st.integers(2, 5), seeds)
def test_indicator_folds_are_complete_and_none_is_empty(rows, folds, seed):
    part = partition(np.array(rows), None, [1 / folds] * folds, seed)
    assert set(part) == set(range(folds))


def test_indicator_shares_are_close_also_for_rare_classes():
    rng = np.random.default_rng(0)
    table = (rng.random((2500, 5)) < [0.8, 0.5, 0.45, 0.3, 0.025]).astype(int)  # as in the Mars tiles
    part = partition(table, None, [0.7, 0.2, 0.1], seed=3)
    for p, fraction in enumerate([0.7, 0.2, 0.1]):
        assert abs((part == p).mean() - fraction) < 0.01
        shares = table[part == p].sum(0) / table.sum(0)
        assert np.abs(shares[:4] - fraction).max() < 0.01
        assert abs(table[part == p, 4].sum() - fraction * table[:, 4].sum()) < 1.01


@quick
@given(labels_lists, st.integers(2, 4), seeds, st.data())
def test_groups_stay_whole(labels, folds, seed, data):
    groups = data.draw(st.lists(st.integers(0, 15), min_size=len(labels), max_size=len(labels)))
    if len(set(groups)) < folds:
        return
    for fold in range(folds):
        parts = split_indices(labels, groups, fold, folds, seed)
        assert_disjoint(parts, groups)
        assert len(parts["val"]) and len(parts["train"])
        assert np.array_equal(joined(parts), np.arange(len(labels)))


@pytest.mark.parametrize("multilabel", [False, True])
def test_grouped_parts_resemble_each_other(multilabel):
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 60, 3000)
    lean = rng.random(60) * 0.3  # each group has its own class shares
    labels = (rng.random(3000) < lean[groups]).astype(int)
    labels = np.stack([labels, rng.random(3000) < 0.5], 1).astype(int) if multilabel else labels
    part = partition(labels, groups, [0.25] * 4, seed=0)
    positive = labels[:, 0] if multilabel else labels
    shares = np.array([positive[part == p].mean() for p in range(4)])
    assert np.abs(shares - positive.mean()).max() < 0.02
    assert np.abs(np.bincount(part) - 750).max() < 40


def test_dealing_groups_takes_time_as_their_number():
    def seconds(groups):
        begin = time.process_time()
        part = partition(np.zeros(groups, int), np.arange(groups), [0.2] * 5, seed=1)
        assert (np.bincount(part) == groups // 5).all()
        return time.process_time() - begin

    few, many = (min(seconds(groups) for _ in range(3)) for groups in (1_000, 20_000))
    assert many < 40 * few, "20 times as many take 20 times as long; counted anew for each group it was 63"


def test_seed_decides_and_the_global_random_state_does_not():
    labels = np.arange(60) % 3
    table, groups = np.stack([labels == 0, labels != 1], 1).astype(int), np.arange(60) // 3
    for y, g in ((labels, None), (table, None), (labels, groups)):
        np.random.seed(0)
        first = partition(y, g, [0.5, 0.5], 7)
        np.random.seed(1)
        assert np.array_equal(first, partition(y, g, [0.5, 0.5], 7))
        assert not np.array_equal(first, partition(y, g, [0.5, 0.5], 8))


def test_column_of_labels_is_stratified_like_a_row():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    assert np.array_equal(partition(labels[:, None], None, [0.8, 0.2], 0), partition(labels, None, [0.8, 0.2], 0))


def test_class_with_fewer_members_than_folds_is_allowed():
    labels = np.array([0] * 20 + [1] * 2)
    held = [split_indices(labels, None, fold, 5, 0)["val"] for fold in range(5)]
    assert sorted(int((labels[rows] == 1).sum()) for rows in held) == [0, 0, 0, 1, 1]


@quick
@given(labels_lists, st.integers(0, 50), seeds)
def test_bag_keeps_every_class_and_validates_out_of_bag(labels, bag, seed):
    labels = np.array(labels)
    parts = bag_indices(labels, None, bag, seed)
    assert len(parts["train"]) == len(labels) and len(parts["val"])
    assert set(labels[parts["train"]]) == set(labels)
    assert np.array_equal(np.union1d(parts["train"], parts["val"]), np.arange(len(labels)))
    assert_disjoint(parts, None)


def test_bag_draws_whole_groups_as_many_as_there_are():
    groups = np.repeat([f"site_{i}" for i in range(40)], 5)
    parts = bag_indices(np.zeros(200, int), groups, bag=2, seed=0)
    assert_disjoint(parts, groups)
    assert len(parts["train"]) == 200
    assert not np.array_equal(parts["train"], bag_indices(np.zeros(200, int), groups, bag=3, seed=0)["train"])
    assert 0.2 < len(parts["val"]) / 200 < 0.55  # 1/e on average


def test_bags_and_folds_have_one_test_part():
    labels, groups = np.arange(200) % 3, np.repeat(np.arange(50), 4)
    held = split_indices(labels, groups, 0, 5, seed=1, test_fraction=0.25)["test"]
    for bag in range(3):
        parts = bag_indices(labels, groups, bag, seed=1, test_fraction=0.25)
        assert np.array_equal(parts["test"], held) and len(held) == 48
        assert_disjoint(parts, groups)
        assert len(parts["train"]) == 152 == len(np.union1d(parts["train"], parts["val"]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: split_indices([0, 1] * 9, None, 5, 5, 0), r"fold=5 is out of range.*0\.\.4"),
        (lambda: split_indices([0, 1] * 9, None, 0, 1, 0), "folds=1: need 2 or more"),
        (lambda: split_indices([0, 1] * 9, [1, 2] * 9, 0, 5, 0), "only 2 groups.*folds=2 or fewer"),
        (lambda: split_indices([0, 1, 0], None, 0, 5, 0), "only 3 samples"),
        (lambda: split_indices([0, 1] * 3, None, 0, 2, 0, 0.01), "empty test part. Raise it"),
        (lambda: split_indices([0, 1], None, 0, 2, 0, 0.2), "empty test part. Add samples"),
        (lambda: split_indices([0, 1] * 3, None, 0, 2, 0, 1.0), "test_fraction=1.0"),
        (lambda: partition([0, 1], None, [0.5, 0.4], 0), "sum to 0.9"),
        (lambda: partition([0, 1], [0, 0], [0.5, 0.5], 0), "1 groups cannot fill 2 parts"),
        (lambda: partition([0, 1], [0], [0.5, 0.5], 0), "one for each of 2 labels"),
        (lambda: partition([[0, 2]], None, [1.0], 0), "must be 0 or 1"),
        (lambda: bag_indices([0, 1], [3, 3], 0, 0), "1 groups"),
        (lambda: assert_disjoint({"train": [0, 1], "val": [2]}, ["a", "b", "b"]), "group 'b' is in 'train'"),
        (
            lambda: assert_disjoint({"train": [0, 1], "test": [1]}, None),
            "sample 1 is in 'train' and in 'test'",
        ),
    ],
)
def test_errors_name_the_remedy(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.realdata
def test_mars_sites_stay_whole_and_big_rock_is_spread():
    root = Path(os.environ.get("LIGHTNING_TASKS_DATA", "")) / "mars"
    if not (root / "sources.csv").is_file():
        pytest.skip("needs LIGHTNING_TASKS_DATA/mars")
    masks = np.load(root / "mars_for_students.npz")["training_set"][:, 1]
    sites = np.loadtxt(root / "sources.csv", dtype=str, delimiter=",", skiprows=1)[:, 1]
    table = np.stack([(masks == k).any((1, 2)) for k in range(5)], 1).astype(int)
    keep = sites != "alien"
    parts = [split_indices(table[keep], sites[keep], fold, 5, 0) for fold in range(5)]
    for part in parts:
        assert_disjoint(part, sites[keep])
        rocks = table[keep][part["val"], 4].sum() / table[keep, 4].sum()
        assert 0.15 < rocks < 0.25 and 0.17 < len(part["val"]) / keep.sum() < 0.23
