"""Learning rates on a parabola, by theory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.learning_rates import LearningRates, batch_of, descend, range_test, symptom


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 50), st.floats(0.05, 3))
def test_descent_converges_below_two_over_the_curvature_alone(curvature, share):
    path = descend(curvature, share / curvature, 80)
    np.testing.assert_allclose(path, (1 - share) ** np.arange(81), rtol=1e-6, atol=1e-12)
    label = symptom(path)
    if share < 0.99:
        assert label == "converges"
    elif 1.01 < share < 1.99:
        assert label == "oscillates, converges"
    elif share > 2.01:
        assert label == "diverges"


def test_labels_of_the_limits():
    assert symptom(np.array([1.0, -1.0, 1.0])) == "oscillates for ever"
    assert symptom(np.array([1.0, np.nan])) == symptom(np.array([1.0, 2.0])) == "diverges"
    assert symptom(np.array([1.0, 0.9])) == "slow" and symptom(np.array([1.0, 0.0])) == "converges"


def test_curves_of_batches_are_told_apart_for_any_seed():
    assert batch_of(np.array([3.0, 2.0, 1.0])) == "full batch" and batch_of(np.array([3.0, 4.0, 1.0])) == "mini-batch"
    for options in ({"seed": 1, "batch": 1}, {"seed": 2, "batch": 199}, {"steps": 1000}, {"steps": 40}):
        answer = LearningRates(curvature=0.3, **options).answer()
        assert all(check.holds for check in answer.checks), [c for c in answer.checks if not c.holds]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 50), st.floats(1e-4, 0.1), st.floats(5, 100))
def test_the_cost_of_a_range_test_turns_at_two_over_the_curvature(curvature, low, high):
    rates = np.geomspace(low, high, 50)
    path = range_test(lambda w: curvature * w, np.array([1.0]), rates / curvature)[:, 0]
    np.testing.assert_allclose(path[1:], np.cumprod(1 - rates), rtol=1e-9)
    rates_that_rise = rates[np.abs(path[1:]) > np.abs(path[:-1])]
    assert rates_that_rise.min() > 2 and len(rates_that_rise) == (rates > 2).sum()


@pytest.mark.parametrize("seed", range(6))
def test_the_range_test_of_the_regression_turns_above_two_over_the_curvature(seed):
    exercise = LearningRates(seed=seed)
    shares, above, rows = exercise.rate_of_range_test()
    _, x, y, steepest = exercise.rows()
    path = range_test(lambda w: x.T @ (x @ w - y) / 200, np.zeros(5), shares / steepest)
    costs = ((path[:-1] @ x.T - y) ** 2).mean(1) / 2
    few = above[:100]  # of them the difference of two costs is more than rounding
    np.testing.assert_allclose(costs[:100] - rows[-1][-1], few, rtol=1e-6)
    assert few.min() > 1e-6 and 2 < shares[above.argmin()] < 4


def test_wrong_options_are_errors():
    for options in ({"curvature": 0}, {"steps": 39}, {"steps": 1001}, {"batch": 200}):
        with pytest.raises(ValueError, match="need more than 0, 40 to 1000, and 1 to 199"):
            LearningRates(**options)
