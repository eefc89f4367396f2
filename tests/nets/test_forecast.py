"""Networks of forecasts: the future changes nothing before it, quantiles never cross, parameters are as stated."""

import pytest
import torch

from lightning_tasks.nets.forecast import FeaturesAsTime, Forecaster, in_order
from lightning_tasks.nets.tcn import Tcn


@pytest.mark.parametrize("net", ["lstm", "gru", "tcn"])
def test_the_future_cannot_change_the_past(net):
    torch.manual_seed(0)
    model = Forecaster(net, 5, 2, 24, 8, 4 if net == "tcn" else 1, 0.0).eval()
    inputs = torch.randn(3, 60, 5)
    before = model(inputs)
    assert before.shape == (3, 24, 2)
    for step in (40, 59):
        changed = inputs.clone()
        changed[:, step:] += 1
        after = model(changed)
        place = step - 36  # of the steps that are forecast
        assert torch.equal(before[:, :place], after[:, :place])
        assert (before[:, place] != after[:, place]).any(1).all()
    changed = inputs.clone()
    changed[:, 32] += 1
    assert (model(changed)[:, 0] != before[:, 0]).any(), "the past is read"


def test_a_tcn_reads_as_far_as_it_says():
    torch.manual_seed(0)
    net = Tcn(1, 4, layers=3, kernel=3)
    assert net.reach == 29
    inputs = torch.randn(1, 60, 1, requires_grad=True)
    net(inputs)[0, -1].sum().backward()
    read = inputs.grad[0, :, 0].nonzero().flatten()
    assert read.min() >= 60 - net.reach and read.max() == 59


def test_the_faulty_network_has_the_parameters_that_keras_counts():
    net = FeaturesAsTime(6, 1, 24)
    assert [sum(p.numel() for p in layer.parameters()) for layer in net.layers] == [10_400, 20_200, 20_200]
    assert sum(p.numel() for p in net.parameters()) == 51_101
    twice = torch.nn.LSTM(1, 50)  # the same layer of PyTorch has a second bias
    assert sum(p.numel() for p in twice.parameters()) == 10_400 + 200


def test_a_constant_input_is_a_bias():
    torch.manual_seed(0)
    ours = FeaturesAsTime(6, 1, 24, hidden=4, layers=1)
    theirs = torch.nn.LSTM(1, 4, batch_first=True)
    with torch.no_grad():
        weight = ours.layers[0].weight_ih_l0
        theirs.weight_ih_l0.copy_(weight[:, :1])
        theirs.bias_ih_l0.copy_(weight[:, 1])
        theirs.bias_hh_l0.zero_()
        theirs.weight_hh_l0.copy_(ours.layers[0].weight_hh_l0)
    inputs = torch.randn(2, 24, 6)
    expected = ours.head(theirs(inputs.reshape(-1, 6, 1))[0].flatten(1)).view(2, 24, 1)
    torch.testing.assert_close(ours(inputs), expected)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_quantiles_never_cross_and_the_middle_one_is_free(size):
    raw = 20 * torch.randn(1000, size, generator=torch.Generator().manual_seed(0))
    quantiles = in_order(raw)
    assert (quantiles.diff(dim=-1) >= 0).all()
    torch.testing.assert_close(quantiles[:, size // 2], raw[:, size // 2])
