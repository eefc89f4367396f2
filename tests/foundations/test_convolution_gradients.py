"""Convolution by hand against autograd, in double precision."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.convolution_gradients import (
    INPUT,
    KERNEL,
    ConvolutionGradients,
    cross_correlate,
    differences,
    layer_gradients,
    unturned,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_gradients_are_those_of_autograd_for_any_shape(height, width, data):
    kernel = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x, f = rng.normal(size=(height, width)), rng.normal(size=kernel)
    tx, tf = torch.tensor(x, requires_grad=True), torch.tensor(f, requires_grad=True)
    out = torch.nn.functional.conv2d(tx[None, None], tf[None, None])[0, 0]
    upstream = rng.normal(size=out.shape)
    expected = torch.autograd.grad(out, (tf, tx), torch.tensor(upstream))
    np.testing.assert_allclose(cross_correlate(x, f), out.detach(), atol=1e-12)
    for ours, reference in zip(layer_gradients(x, f, upstream), expected, strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-12)


def test_the_wrong_matrices_are_not_the_gradient():
    dx = layer_gradients(INPUT, KERNEL, np.full((2, 2), 0.25))[1]
    assert dx[1, 0] == -0.25 and np.abs(unturned(np.full((2, 2), 0.25), KERNEL) - dx).max() > 0.5
    np.testing.assert_allclose(differences(INPUT, KERNEL, 1.0), dx, atol=1e-9)
    assert all(check.holds for check in ConvolutionGradients(upstream=-3.0).answer().checks)


def test_shapes_that_do_not_fit_are_errors():
    for x, f in ((KERNEL, INPUT), (INPUT, KERNEL[0]), (INPUT[0], KERNEL)):
        with pytest.raises(ValueError, match="the kernel no larger"):
            cross_correlate(x, f)
    with pytest.raises(ValueError, match=r"upstream \(3, 3\): the output of the layer is \(2, 2\)"):
        layer_gradients(INPUT, KERNEL, INPUT)
