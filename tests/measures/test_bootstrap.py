"""Intervals against exact ones, and simulations of how often they hold the truth."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, norm

from lightning_tasks.common.units import FEW_POSITIVES
from lightning_tasks.measures.binary import auroc, average_precision, pauc, roc
from lightning_tasks.measures.bootstrap import (
    bootstrap,
    exact_share,
    logit_interval,
    paired,
    rarer_units,
    replicates,
    tail,
    units_behind,
)
from lightning_tasks.measures.regression import regression_scores
from lightning_tasks.measures.segmentation import miou


@pytest.mark.parametrize("hit, n", [(20, 20), (0, 20), (19, 20), (3, 7), (995, 1000), (1, 1)])
def test_exact_shares_are_those_of_scipy(hit, n):
    expected = binomtest(hit, n).proportion_ci(0.95, "exact")
    assert exact_share(hit / n, n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert exact_share(float(np.float32(hit / n)), n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_all_of_twenty_right_is_at_least_832_of_a_thousand():
    assert exact_share(1.0, 20, 20) == pytest.approx((0.832, 1), abs=5e-4)


def test_the_bootstrap_stays_where_it_serves():
    assert exact_share(0.5, 100, 100) is None  # enough on both sides
    assert exact_share(0.95, 100, 20) is None  # dependent samples, some of each kind
    assert (
        exact_share(float("nan"), 20, 20) is None
        and exact_share(0.123, 20, 20) is None
        and exact_share(0, 0, 0) is None
    )
    assert exact_share(1.0, 100, 20) == exact_share(1.0, 20, 20)  # of dependent ones each unit counts once
    values = torch.arange(60.0)
    low, high = bootstrap(lambda rows: {"mean": rows["x"].mean()}, {"x": values}, draws=2000)["mean"]
    assert tail(60) == 0.025 and tail(1) == 0.025
    assert (low, high) == pytest.approx((29.5 - 1.96 * 17.3 / 60**0.5, 29.5 + 1.96 * 17.3 / 60**0.5), abs=0.3)


def test_of_few_units_the_interval_of_a_mean_is_as_wide_as_students():
    x = torch.randn(8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    low, high = bootstrap(lambda rows: {"mean": rows["x"].mean()}, {"x": x}, draws=20_000)["mean"]
    assert high - low == pytest.approx(2 * 2.365 * float(x.std()) / 8**0.5, rel=0.1)  # t with 7 degrees of freedom
    plain = np.percentile(np.random.default_rng(0).choice(x.numpy(), (20_000, 8)).mean(1), [2.5, 97.5])
    assert high - low > 1.15 * (plain[1] - plain[0])


SHORT, LONG = 80, 300


def coverage(draw, score, truth, repeats, draws=200, name="s"):
    """Share of the intervals of ``repeats`` samples that hold ``truth``; how they are made depends on the ``name``."""
    held = []
    for seed in range(repeats):
        low, high = bootstrap(lambda rows: {name: score(rows)}, draw(np.random.default_rng(seed)), draws)[name]
        held.append(low <= truth <= high)
    return np.mean(held)


def groups_of_hits(groups):
    def draw(rng):
        chance = rng.beta(4, 1, groups).repeat(20)  # .8 in the mean, and unlike from group to group
        hit = (rng.random(20 * groups) < chance).astype(float)
        return {"hit": torch.from_numpy(hit), "group": torch.arange(groups).repeat_interleave(20)}

    return draw


@pytest.mark.parametrize("groups, least", [(5, 0.86), (10, 0.89), (30, 0.91)])
@pytest.mark.parametrize("repeats", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
def test_accuracy_over_few_groups_is_covered(groups, least, repeats):
    """Plain percentiles hold it in .80, .87 and .92 of 300 samples, these in .89, .92 and .93."""
    found = coverage(groups_of_hits(groups), lambda rows: rows["hit"].mean(), 0.8, repeats)
    print(f"accuracy over {groups} groups: {found:.3f}")
    assert found >= (least if repeats == LONG else least - 0.05), found  # the error of 80 repeats is .03


@pytest.mark.parametrize("share", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("repeats", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
def test_shares_of_few_independent_samples_are_covered(share, repeats):
    held = []
    for seed in range(repeats):
        hit = torch.from_numpy((np.random.default_rng(seed).random(30) < share).astype(float))
        interval = exact_share(float(hit.mean()), 30, 30)
        interval = interval or bootstrap(lambda rows: {"s": rows["x"].mean()}, {"x": hit})["s"]
        held.append(interval[0] <= share <= interval[1])
    print(f"accuracy of {share} on 30: {np.mean(held):.3f}")
    assert np.mean(held) >= 0.92


def scans(positives):
    def draw(rng):
        label = (np.arange(positives * 10) < positives).astype(np.int64)
        return {"prob": torch.from_numpy(rng.normal(1.5 * label, 1)), "label": torch.from_numpy(label)}

    return draw


def fitted_line(rng):
    pred = rng.normal(0, 3**0.5, 40)
    return {"pred": torch.from_numpy(pred), "target": torch.from_numpy(pred + rng.normal(0, 1, 40))}


def truth_of_ranking():
    """AUROC, partial AUC and AP of two normal laws 1.5 apart, one in ten positive, by quadrature over sensitivity."""
    tpr = np.linspace(0, 1, 200_001)[1:-1]
    specificity = norm.cdf(norm.ppf(1 - tpr) + 1.5)
    precision = 0.1 * tpr / (0.1 * tpr + 0.9 * (1 - specificity))
    return {"auroc": norm.cdf(1.5 / 2**0.5), "pauc": specificity[tpr >= 0.8].mean() * 0.2, "ap": precision.mean()}


@pytest.mark.long
@pytest.mark.parametrize("positives", [8, 20, 40, FEW_POSITIVES])
@pytest.mark.parametrize("name, least", [("auroc", 0.90), ("pauc", 0.87), ("ap", 0.92)])
def test_ranking_scores_are_covered_where_positives_are_few(name, positives, least):
    """By the number of samples instead of that of positives, partial AUC has .61, .85 and .88 with 8, 20 and 40."""
    measure = {"auroc": auroc, "pauc": pauc, "ap": average_precision}[name]
    truth = truth_of_ranking()[name]
    found = coverage(scans(positives), lambda rows: measure(roc(rows["prob"], rows["label"])), truth, LONG, name=name)
    print(f"{name} with {positives} positives: {found:.3f}")
    assert found >= least, found


def test_ranking_scores_go_by_the_rarer_class_and_others_by_all_samples():
    rows = scans(8)(np.random.default_rng(0))
    assert rarer_units(rows) == 8 and rarer_units({**rows, "label": 1 - rows["label"]}) == 8
    assert rarer_units({**rows, "group": torch.arange(80) // 4}) == 2 and rarer_units({"x": torch.zeros(9)}) == 9
    assert rarer_units({**rows, "group": torch.zeros(80)}) == 8 and rarer_units({"label": torch.ones(5)}) == 0

    def score(rows):
        curve = roc(rows["prob"], rows["label"])
        return {"auroc": auroc(curve), "auroc_old": auroc(curve), "pauc": pauc(curve), "other": auroc(curve)}

    intervals, drawn = bootstrap(score, rows), replicates(score, rows, 200)
    share = 100 * tail(8)
    assert tail(8) < 0.015 and intervals["auroc"] == intervals["auroc_old"] != intervals["other"]
    assert intervals["auroc"] == pytest.approx(np.percentile(drawn["auroc"], [share, 100 - share]))
    assert intervals["other"] == pytest.approx(np.percentile(drawn["other"], [2.5, 97.5]))
    low, high = intervals["pauc"]
    assert 0 < low < float(score(rows)["pauc"]) < high < 0.2
    difference = paired({"auroc": drawn["auroc"]}, {"auroc": drawn["auroc"] ** 2}, units_behind(rows))["auroc"]
    assert difference == pytest.approx(np.percentile(drawn["auroc"] ** 2 - drawn["auroc"], [share, 100 - share]))
    many = scans(FEW_POSITIVES)(np.random.default_rng(0))  # of enough the percentiles stay
    assert bootstrap(score, many, 20)["pauc"] == pytest.approx(
        np.percentile(replicates(score, many, 20)["pauc"], [2.5, 97.5])
    )


def test_scores_of_a_part_go_by_the_units_of_that_part():
    """A stratum has 10 of the 100 rarer ones, and a tenth of the samples."""
    rows = scans(100)(np.random.default_rng(0)) | {"old": torch.arange(1000) % 10 == 0}

    def score(rows):
        old = rows["old"]
        area = auroc(roc(rows["prob"], rows["label"]))
        return {"auroc": area, "acc_old": rows["prob"][old].mean(),
                "auroc_old": auroc(roc(rows["prob"][old], rows["label"][old]))}  # fmt: skip

    counted = {"auroc_old": rows["old"], "acc_old": rows["old"]}
    intervals, drawn = bootstrap(score, rows, counted=counted), replicates(score, rows, 200)
    for name, units in {"auroc": 100, "auroc_old": 10, "acc_old": 100}.items():
        share = 100 * tail(units)
        assert units_behind(rows, counted)(name) == units
        assert intervals[name] == pytest.approx(np.percentile(drawn[name], [share, 100 - share])), name
    assert tail(10) < tail(100)
    grouped = rows | {"group": torch.arange(1000) // 50}  # the positives are in two of twenty
    assert [units_behind(grouped, counted)(name) for name in ("auroc_old", "acc_old", "other")] == [2, 20, 20]


def test_the_interval_on_the_logit_is_students_and_of_equal_draws_nothing():
    drawn = 0.2 / (1 + np.exp(-np.random.default_rng(0).normal(0.3, 0.5, 20_000)))
    low, high = logit_interval(0.11, drawn, 8, 0.2)
    ends = np.log(np.array([low, high]) / (0.2 - np.array([low, high])))
    centre, half = np.log(0.11 / 0.09), 2.3646 * (8 / 7) ** 0.5 * 0.5
    assert ends == pytest.approx([centre - half, centre + half], rel=0.02)
    assert logit_interval(0.2, np.full(9, 0.2), 8, 0.2) == (0.2, 0.2)


@pytest.mark.long
def test_r2_is_covered():
    found = coverage(
        fitted_line, lambda rows: regression_scores(rows["pred"][:, None], rows["target"][:, None])["r2"], 0.75, LONG
    )
    print(f"R2 of 40: {found:.3f}")
    assert found >= 0.90, found


def masks(images):
    """Confusion matrices (N, 3, 3) of pictures that differ in how many of their 200 pixels are right."""

    def draw(rng):
        right, share = rng.beta(8, 2, images), rng.dirichlet((4, 2, 1), images)
        wrong = (1 - right)[:, None, None] / 2 * np.ones((3, 3))
        chance = share[:, :, None] * np.where(np.eye(3, dtype=bool), right[:, None, None], wrong)
        counts = np.stack([rng.multinomial(200, c.reshape(-1) / c.sum()).reshape(3, 3) for c in chance])
        return {"confusion": torch.from_numpy(counts)}

    return draw


@pytest.mark.long
def test_mean_iou_is_covered():
    def score(rows):
        return miou(rows["confusion"].sum(0))

    truth = float(score(masks(200_000)(np.random.default_rng(1))))
    found = coverage(masks(60), score, truth, LONG)
    print(f"mean IoU of 60 pictures: {found:.3f}")
    assert found >= 0.91, found


# ---- pairs ----------------------------------------------------------------------------------------------------


def mean(rows):
    return {"mean": rows["x"].mean(), "ece": rows["x"].mean()}


def test_a_paired_interval_is_that_of_the_differences_of_the_units():
    torch.manual_seed(0)
    group, first = torch.arange(80) // 2, torch.randn(80, dtype=torch.float64)
    second = first + 0.1 * torch.randn(80, dtype=torch.float64) + 0.05
    a, b, apart = ({"x": x, "group": group} for x in (first, second, second - first))
    intervals = paired(replicates(mean, a, 300), replicates(mean, b, 300), units_behind(a))
    assert intervals["mean"] == pytest.approx(bootstrap(mean, apart, 300)["mean"])
    assert list(intervals) == ["mean"], "how much of the bias of a calibration error cancels is not known"
    low, high = bootstrap(mean, a, 300)["mean"]
    assert intervals["mean"][1] - intervals["mean"][0] < (high - low) / 5


@pytest.mark.long
def test_paired_intervals_hold_the_true_difference_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        hard = rng.normal(size=60)
        a, b = ({"x": torch.from_numpy(hard + rng.normal(size=60) * 0.5 + shift)} for shift in (0.0, 0.2))
        low, high = paired(*(replicates(mean, rows, 100, trial) for rows in (a, b)), units_behind(a))["mean"]
        held += low <= 0.2 <= high
    assert 0.9 <= held / 200 <= 0.985, held
