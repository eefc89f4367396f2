"""Pooling by hand against torch, in double precision."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.pooling import (
    average_pool,
    average_pool_gradient,
    global_average_pool,
    global_average_pool_gradient,
    max_pool,
    max_pool_gradient,
    windows,
)

SIDE = st.integers(1, 8)


@settings(max_examples=60, deadline=None)
@given(SIDE, SIDE, st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.data())
def test_values_and_gradients_are_those_of_torch(height, width, samples, channels, stride, ties, data):
    kernel = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = samples, channels, height, width
    x = rng.integers(0, 3, size=shape).astype(float) if ties else rng.normal(size=shape)
    leaf = torch.tensor(x, requires_grad=True)
    largest, mean = F.max_pool2d(leaf, kernel, stride), F.avg_pool2d(leaf, kernel, stride)
    upstream = rng.normal(size=largest.shape)
    by_max, by_mean = (torch.autograd.grad(out, leaf, torch.tensor(upstream))[0] for out in (largest, mean))
    np.testing.assert_array_equal(max_pool(x, kernel, stride), largest.detach())
    np.testing.assert_allclose(average_pool(x, kernel, stride), mean.detach(), atol=1e-12)
    np.testing.assert_allclose(max_pool_gradient(x, kernel, stride, upstream), by_max, atol=1e-12)
    np.testing.assert_allclose(average_pool_gradient(shape, kernel, stride, upstream), by_mean, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(SIDE, SIDE, st.integers(1, 3), st.integers(0, 99))
def test_global_average_pooling_is_that_of_torch(height, width, samples, seed):
    rng = np.random.default_rng(seed)
    x, upstream = rng.normal(size=(samples, 2, height, width)), rng.normal(size=(samples, 2))
    leaf = torch.tensor(x, requires_grad=True)
    out = F.adaptive_avg_pool2d(leaf, 1).flatten(1)
    np.testing.assert_allclose(global_average_pool(x), out.detach(), atol=1e-12)
    expected = torch.autograd.grad(out, leaf, torch.tensor(upstream))[0]
    np.testing.assert_allclose(global_average_pool_gradient(x.shape, upstream), expected, atol=1e-12)


def test_overlapping_windows_add_up_and_what_no_window_sees_gets_nothing():
    x = np.array([[1.0, 9.0, 2.0], [3.0, 4.0, 5.0]])
    assert max_pool_gradient(x, (2, 2), 1, np.ones((1, 2))).tolist() == [[0, 2, 0], [0, 0, 0]]
    assert average_pool_gradient((2, 3), (1, 2), 2, np.ones((1, 1))).tolist() == [[0.5, 0.5, 0], [0, 0, 0]]


def test_shapes_that_do_not_fit_are_errors():
    x = np.ones((3, 3))
    for make, message in (
        (lambda: max_pool(x, (4, 1), 1), "impossible: k_eff 4 > 3"),
        (lambda: average_pool(x, (2, 2), 0), "need 1 or more"),
        (lambda: windows(x[0], (1, 1), 1), r"need \(\.\.\., H, W\) and two numbers"),
        (lambda: max_pool_gradient(x, (2, 2), 1, x), r"upstream \(3, 3\): the output of the layer is \(2, 2\)"),
        (lambda: average_pool_gradient((3, 3), (2, 2), 1, x), r"the output of the layer is \(2, 2\)"),
        (lambda: global_average_pool(x[:0]), "need .* with one value or more"),
        (lambda: global_average_pool_gradient((3, 3), x), r"the output of the layer is \(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
