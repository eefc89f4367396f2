"""Intervals of scores that noise makes larger, and of those that a resample may leave undefined."""

import numpy as np
import pytest
import torch

from lightning_tasks.measures.bootstrap import bootstrap, is_biased, replicates, unbiased_interval
from lightning_tasks.measures.calibration import BIASED, brier_decomposition, calibration_scores, ece, mce
from lightning_tasks.measures.classification import classification_scores
from tests.measures.test_bootstrap import LONG


def forecasts(n, sharper):
    """Labels drawn from the softmax of 3 logits, and what a network says that multiplies them."""

    def draw(rng):
        logits = torch.from_numpy(rng.normal(0, 1.5, (n, 3)))
        label = (logits.softmax(1).cumsum(1) < torch.from_numpy(rng.random((n, 1)))).sum(1).clamp(max=2)
        return {"prob": (sharper * logits).softmax(1), "label": label}

    return draw


@pytest.mark.long
@pytest.mark.parametrize("sharper, least", [(1.0, 0.85), (1.15, 0.92), (1.5, 0.92), (2.5, 0.92)])
def test_calibration_errors_are_covered(sharper, least):
    """Percentiles of the draws alone hold them in 0, .24, .90 and .94 of the samples."""
    large = forecasts(2_000_000, sharper)(np.random.default_rng(1))
    for name in ("ece", "brier_uncertainty"):
        score = {"ece": lambda r: {"ece": ece(r["prob"], r["label"])}}.get(
            name, lambda r: {"brier_uncertainty": brier_decomposition(r["prob"], r["label"])["brier_uncertainty"]}
        )
        truth, held = float(score(large)[name]), []
        for seed in range(LONG):
            low, high = bootstrap(score, forecasts(1000, sharper)(np.random.default_rng(seed)))[name]
            held.append(low <= truth <= high)
        print(f"{name}, sharper by {sharper}: {np.mean(held):.3f}")
        assert np.mean(held) >= (least if name == "ece" else 0.91), (name, np.mean(held))


def test_biased_measures_lie_in_their_intervals_and_others_keep_plain_percentiles():
    rows = forecasts(300, 1.0)(np.random.default_rng(0))
    values = calibration_scores(rows["prob"], rows["label"])
    intervals = bootstrap(lambda r: calibration_scores(r["prob"], r["label"]), rows, draws=60)
    assert {name for name in values if is_biased(name)} == set(BIASED)
    for name in BIASED:
        low, high = intervals[name]
        assert low <= values[name] <= high and (low >= 0 or name == "brier_within"), name
    assert is_biased("before/ece") and not is_biased("ece_of_perfect") and not is_biased("nll")
    drawn = np.array([0.3, 0.4, 0.5])  # too large by .1 where the score is .3
    assert unbiased_interval(0.3, drawn, 0) == pytest.approx((0, 0.4))
    assert unbiased_interval(0.4, drawn, 0) == pytest.approx((0.3, 0.5))
    assert unbiased_interval(0.5, drawn, 0) == pytest.approx((0.4, 0.5 + 0.1 + 0.1 / (2**0.5 - 1)))


def test_resamples_without_a_class_say_nothing_of_its_scores():
    prob = torch.cat([torch.rand(97, generator=torch.Generator().manual_seed(0)) * 0.5, torch.tensor([0.7, 0.8, 0.9])])
    rows = {"prob": torch.stack([1 - prob, prob], 1), "label": (torch.arange(100) > 96).long()}
    intervals = bootstrap(lambda r: classification_scores(r["prob"], r["label"], ["no", "yes"]), rows, 300)
    for name in ("auroc", "ap", "recall_yes", "precision_yes", "f1"):  # 5 of 100 resamples hold no positive
        assert intervals[name] == pytest.approx((1, 1)), "the ranking is perfect in every resample that has one"


def test_an_error_of_calibration_is_at_most_one_and_so_is_its_interval():
    prob = torch.tensor([[0.98, 0.02]] * 3 + [[0.6, 0.4]] * 40)
    label = torch.tensor([1] * 3 + [0] * 24 + [1] * 16)  # three that are sure and wrong
    rows = {"prob": prob, "label": label}
    drawn = replicates(lambda r: {"mce": mce(r["prob"], r["label"])}, rows, 200)["mce"]
    assert unbiased_interval(0.98, drawn, 0.025)[1] > 1 == unbiased_interval(0.98, drawn, 0.025, most=1)[1]
    low, high = bootstrap(lambda r: {"mce": mce(r["prob"], r["label"])}, rows, 200)["mce"]
    assert low < 0.98 < high == 1
