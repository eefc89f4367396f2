"""Lasso and Ridge against their conditions of optimality and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso

from lightning_tasks.foundations.regularisation import (
    WEIGHTS,
    Regularisation,
    lasso,
    lasso_by_subgradient,
    penalty_of,
    ridge,
)


def checked_lasso(x, y, strength):
    """Lasso's weights, whose subgradients are seen to hold 0."""
    w = lasso(x, y, strength)
    slope = x.T @ (x @ w - y) / len(x)
    np.testing.assert_allclose(slope[w != 0], -strength * np.sign(w[w != 0]), atol=1e-9)
    assert (np.abs(slope[w == 0]) <= strength + 1e-9).all()
    return w


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1.0))
def test_both_fits_meet_their_conditions(seed, strength):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=40)
    reference = Lasso(alpha=strength, fit_intercept=False, tol=1e-12).fit(x, y).coef_
    np.testing.assert_allclose(checked_lasso(x, y, strength), reference, atol=1e-7)
    w = ridge(x, y, strength)
    np.testing.assert_allclose(x.T @ (x @ w - y) / 40 + strength * w, 0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 1e-3, 0.03, 0.3, 3.0]))
def test_as_many_rows_as_features_are_no_obstacle(seed, strength):
    rng = np.random.default_rng(seed)
    checked_lasso(rng.normal(size=(20, 20)), rng.normal(size=20), strength)


def test_descent_on_the_sign_comes_near_zero_but_not_to_it():
    exercise = Regularisation()
    w, exact = (fit(exercise.x, exercise.y, exercise.most / 3) for fit in (lasso_by_subgradient, lasso))
    assert (exact == 0).sum() >= 10 and (w != 0).all() and np.abs(w - exact).max() < 0.4


def test_zeros_tell_the_penalty_and_any_seed_keeps_the_checks():
    assert [penalty_of(w) for w in WEIGHTS.values()] == ["L2", "L1", "L2", "L1"]
    for options in ({"seed": 1}, {"samples": 20}, {"samples": 21, "seed": 3}, {"noise": 0.0}, {"features": 4}):
        checks = Regularisation(**options).answer().checks
        assert all(check.holds for check in checks), [c for c in checks if not c.holds]


def test_too_few_samples_are_an_error():
    for options in ({"samples": 10}, {"features": 3}, {"noise": -1}):
        with pytest.raises(ValueError, match="need 4 features or more, as many samples"):
            Regularisation(**options)


def test_what_is_said_of_harm_is_what_the_errors_say():
    text, noisy = Regularisation().answer().text, Regularisation(noise=10.0).answer()
    assert "may hurt: here" in text and "may hurt, though not with so much noise" in noisy.text
    assert all(check.holds for check in noisy.checks)
