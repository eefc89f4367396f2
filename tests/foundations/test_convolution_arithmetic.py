"""Sizes and parameters by formula against torch's layers; the exercises made of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.convolution_arithmetic import (
    effective_kernel,
    multiplications,
    output_size,
    parameters,
    same_padding,
)
from lightning_tasks.foundations.convolution_shapes import (
    SHORTEST,
    ConvolutionDimensions,
    OneByOneConvolution,
    ParameterCounts,
)
from lightning_tasks.foundations.dilated_convolution import LAYERS, DilatedConvolution, parameters_of, sizes_of

SMALL = st.integers(1, 5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), SMALL, SMALL, st.integers(0, 3), SMALL)
def test_sizes_are_those_of_torch_and_what_torch_refuses_is_an_error(size, kernel, stride, padding, dilation):
    x, w = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    if effective_kernel(kernel, dilation) > size + 2 * padding:
        with pytest.raises(RuntimeError):
            torch.nn.functional.conv1d(x, w, None, stride, padding, dilation)
        with pytest.raises(ValueError, match="impossible: k_eff .* take a smaller dilation"):
            output_size(size, kernel, stride, padding, dilation)
    else:
        out = torch.nn.functional.conv1d(x, w, None, stride, padding, dilation)
        assert output_size(size, kernel, stride, padding, dilation) == out.shape[-1]


@settings(max_examples=20, deadline=None)
@given(SMALL, SMALL, SMALL, st.booleans())
def test_parameters_are_those_of_torch(inputs, outputs, kernel, bias):
    for layer, shape in (
        (torch.nn.Conv1d(inputs, outputs, kernel, bias=bias), (kernel,)),
        (torch.nn.Conv2d(inputs, outputs, kernel, bias=bias), (kernel, kernel)),
        (torch.nn.Conv3d(inputs, outputs, kernel, bias=bias), (kernel,) * 3),
        (torch.nn.Linear(inputs, outputs, bias=bias), ()),
    ):
        assert parameters(inputs, outputs, shape, bias) == sum(p.numel() for p in layer.parameters())


def test_same_padding_keeps_the_size_and_multiplications_count_each_place():
    for kernel in (1, 3, 5):
        for dilation in (1, 2, 3):
            assert output_size(20, kernel, 1, same_padding(kernel, dilation), dilation) == 20
    assert same_padding(4, 2) == 3 and output_size(20, 4, 1, 3, 2) == 20
    with pytest.raises(ValueError, match="take an odd kernel"):
        same_padding(4)
    assert multiplications(3, 16, (3, 3), (10, 10)) == 3 * 16 * 9 * 100


def test_the_sheets_network_stops_at_its_eighth_layer():
    assert sizes_of(LAYERS, 256)[0] == [256, 124, 62, 62, 23, 11, 11]
    assert "k_eff 33 > 11" in sizes_of(LAYERS, 256)[1] and sizes_of(LAYERS, 1024)[1] == ""
    assert sum(parameters_of(LAYERS, 3)) == 1_261_920


@pytest.mark.parametrize(
    "exercise",
    [
        lambda: DilatedConvolution(1024, 1),
        lambda: DilatedConvolution(60),
        lambda: ParameterCounts(100, 2, 3),
        lambda: ParameterCounts(SHORTEST),
        lambda: ConvolutionDimensions(9, 5, 5),
        lambda: OneByOneConvolution(5, 7),
    ],
)
def test_other_inputs_keep_the_checks(exercise):
    checks = exercise().answer().checks
    assert all(check.holds for check in checks), [c for c in checks if not c.holds]


def test_inputs_that_do_not_fit_are_errors():
    for make, message in (
        (lambda: ParameterCounts(length=20), "length=20: the three convolutions"),
        (lambda: ParameterCounts(classes=0), "need 1 or more"),
        (lambda: ConvolutionDimensions(depth=0), "need 1 or more"),
        (lambda: ConvolutionDimensions(kernel=2), "take an odd kernel"),
        (lambda: DilatedConvolution(size=0), "need 1 or more"),
        (lambda: OneByOneConvolution(channels=0), "need 1 or more"),
        (lambda: output_size(5, 3, padding=-1), "padding of 0 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
