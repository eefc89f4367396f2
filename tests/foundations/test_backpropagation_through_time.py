"""Backpropagation through time against autograd and against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.backpropagation_through_time import (
    PSI,
    BackpropagationThroughTime,
    Recurrent,
    autograd,
)


def network(seed, steps, inputs=3, hidden=4, outputs=2, psi="identity"):
    rng = np.random.default_rng(seed)
    shapes = (hidden, inputs), (hidden, hidden), (outputs, hidden)
    data = rng.normal(size=(steps, inputs)), rng.dirichlet(np.ones(outputs), size=steps), rng.normal(size=hidden)
    return Recurrent(*(rng.normal(size=s) / 2 for s in shapes), psi), data


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(1, 6), *[st.integers(1, 5)] * 3, st.sampled_from(list(PSI)))
def test_gradients_are_those_of_autograd(seed, steps, inputs, hidden, outputs, psi):
    net, data = network(seed, steps, inputs, hidden, outputs, psi)
    ours = net.gradients(*data)
    for name, expected in autograd(net, *data).items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(ours["w_hh_by_step"].sum(0), ours["w_hh"], atol=1e-12)


@pytest.mark.parametrize("psi", PSI)
def test_the_gradient_is_the_slope_of_the_loss(psi):
    net, data = network(3, 4, psi=psi)
    slope = np.zeros_like(net.w_hh)
    for place in np.ndindex(slope.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = net.w_hh.copy()
            moved[place] += step
            ends.append(Recurrent(net.w_hx, moved, net.w_yh, psi).loss(*data))
        slope[place] = (ends[0] - ends[1]) / 2e-5
    np.testing.assert_allclose(net.gradients(*data)["w_hh"], slope, rtol=1e-6, atol=1e-8)


def test_tanh_and_other_lengths_keep_the_checks():
    for options in ({"psi": "tanh"}, {"steps": 1, "length": 2}, {"steps": 8, "seed": 4}):
        checks = BackpropagationThroughTime(**options).answer().checks
        assert all(check.holds for check in checks), [c for c in checks if not c.holds]


def test_wrong_input_is_an_error():
    net, (x, y, h0) = network(0, 3)
    with pytest.raises(ValueError, match="need probabilities"):
        net.loss(x, 2 * y, h0)
    with pytest.raises(ValueError, match=r"need \(H, X\), \(H, H\), \(Y, H\)"):
        Recurrent(net.w_hx, net.w_hh, net.w_yh.T)
    with pytest.raises(ValueError, match="need one of identity, tanh"):
        BackpropagationThroughTime(psi="relu")
    with pytest.raises(ValueError, match="need 1 or more, and 2 or more"):
        BackpropagationThroughTime(steps=0)
