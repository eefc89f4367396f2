"""Optimisers by hand against torch and theory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.saddle_points import (
    OPTIMISERS,
    SaddlePoints,
    ToyRegression,
    autograd,
    escaped,
    momentum,
    saddle,
    sgd,
    torch_path,
    walk,
    words,
)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 999))
def test_gradient_and_paths_are_those_of_torch_for_any_start(seed):
    toy = ToyRegression(seed)
    np.testing.assert_allclose(toy.gradient(toy.start), autograd(toy), atol=1e-9)
    import torch

    for name, maker in (("SGD", torch.optim.SGD), ("RMSProp", torch.optim.RMSprop), ("Adam", torch.optim.Adam)):
        ours = walk(toy.gradient, toy.start, OPTIMISERS[name], 0.01, 20, lambda w: False)
        np.testing.assert_allclose(ours, torch_path(maker, toy.start, toy.gradient, 20), atol=1e-9)
    heavy = torch_path(lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9), toy.start, toy.gradient, 20)
    np.testing.assert_allclose(walk(toy.gradient, toy.start, momentum, 0.01, 20, lambda w: False), heavy, atol=1e-9)


def test_steps_to_leave_the_saddle_follow_the_closed_form():
    for start in (1e-3, 1e-6):
        path = walk(saddle, [1.0, start], sgd, 0.01, 5000, lambda w: abs(w[1]) > 1)
        assert escaped(path) == int(np.ceil(-np.log(start) / np.log(1.02)))
    assert escaped(walk(saddle, [1.0, 0.0], sgd, 0.01, 50, lambda w: abs(w[1]) > 1)) == "never"


def test_paths_are_labelled_and_a_walk_stops_where_it_is_not_finite():
    assert words(np.ones((4, 2)), True) == "3" and words(np.ones((4, 2)), False) == "not in 1000"
    path = walk(saddle, [1.0, 1.0], sgd, 1e200, 100, lambda w: False)
    assert len(path) < 10 and words(path, False) == "diverged"
    with pytest.raises(ValueError, match="need more than 0"):
        SaddlePoints(lr=0)


def test_another_seed_and_rate_keep_the_checks():
    checks = SaddlePoints(lr=0.02, seed=3).answer().checks
    assert all(check.holds for check in checks), [c for c in checks if not c.holds]


def test_a_run_that_stays_on_the_plateau_has_not_diverged():
    exercise = SaddlePoints()
    path = exercise.fit(OPTIMISERS["RMSProp"], 1.0)
    assert exercise.is_dead(path[-1]) and exercise.words(path) == "not in 1000"
    assert exercise.words(exercise.fit(OPTIMISERS["SGD"], 1.0)) == "diverged"
    assert "6 of them have settled" in exercise.answer().text
    assert "10 of 20 runs end where all ReLUs are dead" in (text := SaddlePoints(seed=1).answer().text)
    assert "0 of them have settled" in text
