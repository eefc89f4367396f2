"""Scores of forecasts against their definitions, with missing hours."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss, r2_score

from lightning_tasks.measures.forecast import forecast_scores, interval_scores, masked_mean, pinball

LEVELS = [0.1, 0.5, 0.9]


@pytest.fixture
def series():
    g = torch.Generator().manual_seed(0)
    target = torch.randn(50, 24, generator=g) * 3 + 10
    target[torch.rand(50, 24, generator=g) < 0.1] = torch.nan
    pred = target.nan_to_num(10) + torch.randn(50, 24, generator=g)
    return pred, target, ~target.isnan()


def test_point_scores_are_of_all_known_hours_as_one_set(series):
    pred, target, known = series
    y, p = target[known].double().numpy(), pred[known].double().numpy()
    scores = {name: float(value) for name, value in forecast_scores(pred, target, torch.tensor(2.0)).items()}
    expected = {"r2": r2_score(y, p), "rmse": np.sqrt(((y - p) ** 2).mean()), "mae": np.abs(y - p).mean()}
    expected |= {"mase": expected["mae"] / 2, "wape": np.abs(y - p).sum() / np.abs(y).sum()}
    assert scores == pytest.approx(expected)


def test_a_naive_forecast_of_its_own_training_series_has_mase_1():
    series = torch.randn(30, 24, generator=torch.Generator().manual_seed(1)).cumsum(0)
    naive, truth = series[:-1], series[1:]
    assert float(forecast_scores(naive, truth, (truth - naive).abs().mean())["mase"]) == pytest.approx(1)


def test_pinball_is_that_of_scikit_learn_and_smallest_at_the_quantile(series):
    pred, target, known = series
    for q in LEVELS:
        ours = pinball(pred[..., None].double(), target.double(), [q])
        expected = mean_pinball_loss(target[known].double(), pred[known].double(), alpha=q)
        assert float(ours) == pytest.approx(expected)
        losses = {at: float(pinball(torch.full((50, 24, 1), at), target, [q])) for at in np.arange(2, 18, 0.1)}
        best = min(losses, key=losses.get)
        assert best == pytest.approx(np.quantile(target[known].numpy(), q), abs=0.15)


def test_coverage_counts_targets_inside_and_a_missing_one_is_neither_in_nor_out():
    target = torch.tensor([[0.0, 1.0, 2.0, torch.nan]])
    quantiles = torch.tensor([[[0.0, 1, 2], [2, 3, 4], [1, 2, 2.5], [0, 0, 0]]])
    scores = interval_scores(quantiles, target, LEVELS)
    assert float(scores["coverage_80"]) == pytest.approx(2 / 3)
    assert float(scores["width_80"]) == pytest.approx((2 + 2 + 1.5) / 3)


def test_a_batch_without_any_known_hour_has_loss_0_and_a_gradient():
    values = torch.ones(2, 24, requires_grad=True)
    masked_mean(values, torch.full((2, 24), torch.nan)).backward()
    assert not values.grad.any()
