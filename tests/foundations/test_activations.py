"""Activations against torch, on any numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lightning_tasks.foundations.activations import (
    FUNCTIONS,
    Activations,
    naive_softmax,
    naive_tanh,
    sigmoid,
    softmax,
    softmax_jacobian,
    tanh,
)

NUMBERS = arrays(float, array_shapes(max_dims=3), elements=st.floats(-1e6, 1e6))
TORCH = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
    "LeakyReLU": torch.nn.functional.leaky_relu,
}


@settings(max_examples=40, deadline=None)
@given(NUMBERS)
def test_values_and_derivatives_are_those_of_torch_without_a_warning(z):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for name, reference in TORCH.items():
            x = torch.tensor(z, requires_grad=True)
            value = reference(x)
            (slope,) = torch.autograd.grad(value.sum(), x)
            np.testing.assert_allclose(FUNCTIONS[name][0](z), value.detach(), rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(FUNCTIONS[name][1](z), slope, rtol=1e-7, atol=1e-15)
        for axis in range(z.ndim):
            np.testing.assert_allclose(softmax(z, axis), torch.softmax(torch.tensor(z), axis), rtol=1e-9, atol=1e-15)


def test_textbook_forms_agree_where_exp_does_not_overflow_and_are_nan_elsewhere():
    z = np.linspace(-20, 20, 41)
    np.testing.assert_allclose(naive_softmax(z), softmax(z), rtol=1e-12)
    np.testing.assert_allclose(naive_tanh(z), tanh(z), atol=1e-15)
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(naive_softmax(np.array([0.0, 1000.0]))).any() and np.isnan(naive_tanh(np.array([1000.0]))).all()
        assert np.isnan(naive_softmax(np.array([-1000.0, -1000.0]))).all()
    assert softmax(np.array([-1000.0, -1000.0])).tolist() == [0.5, 0.5]
    assert sigmoid(np.array([-1000.0, 1000.0])).tolist() == [0, 1]


def test_jacobian_rows_sum_to_nothing():
    np.testing.assert_allclose(softmax_jacobian(np.array([1.0, 2.0, 700.0])).sum(0), 0, atol=1e-15)


def test_one_point_is_an_error():
    with pytest.raises(ValueError, match="need two or more"):
        Activations(points=1)
