"""The table of layers, against the sheets' numbers and arithmetic by hand."""

import pytest
import torch
from torch import nn

from lightning_tasks.nets.layers import layer_table


def table(net: nn.Module, *size: int) -> list:
    return layer_table(net, lambda net, batch: net(batch["image"]), {"image": torch.zeros(1, *size)}, "image")


def test_the_counts_of_the_one_dimensional_network_of_g9():
    net = nn.Sequential(
        nn.Conv1d(7, 16, 3), nn.MaxPool1d(2), nn.Conv1d(16, 32, 5), nn.MaxPool1d(2), nn.Conv1d(32, 64, 5),
        nn.MaxPool1d(2), nn.Flatten(), nn.Linear(3776, 128), nn.Linear(128, 5),
    )  # fmt: skip
    rows = table(net, 7, 500)
    sizes = [(16, 498), (16, 249), (32, 245), (32, 122), (64, 118), (64, 59), (3776,), (128,), (5,)]
    assert [row.size for row in rows] == sizes
    assert [row.parameters for row in rows] == [352, 0, 2592, 0, 10_304, 0, 0, 483_456, 645]
    assert sum(row.parameters for row in rows) == 497_349
    assert rows[0].multiply_adds == 498 * 16 * 7 * 3 and rows[-1].multiply_adds == 128 * 5


def dilated(stride: int) -> nn.Sequential:
    """Assignment G11."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 32, 5, stride, dilation=2), nn.MaxPool2d(2),
        nn.Conv2d(32, 128, 3, padding="same"), nn.Conv2d(128, 64, 5, stride, dilation=4), nn.MaxPool2d(2),
        nn.Conv2d(64, 256, 3, padding="same"), nn.Conv2d(256, 128, 5, stride, dilation=8), nn.MaxPool2d(2),
    )  # fmt: skip


def test_the_dilated_network_of_g11_ends_where_the_kernel_is_larger_than_the_map():
    rows = table(dilated(2)[:7], 3, 256, 256)
    assert [row.size[1] for row in rows] == [256, 124, 62, 62, 23, 11, 11]
    assert [row.parameters for row in rows] == [1792, 51_232, 0, 36_992, 204_864, 0, 147_712]
    reason = "its 5x5 kernel with dilation 8 reaches over 33, more than the 11 there are"
    with pytest.raises(ValueError, match=f"layer 7 cannot take an input of 256 x 11 x 11: {reason}"):
        table(dilated(2), 3, 256, 256)
    assert [row.size[1] for row in table(dilated(1), 3, 256, 256)] == [256, 248, 124, 124, 108, 54, 54, 22, 11]


class Branches(nn.Module):
    """Two ways from the input, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 7, padding=3)
        self.join = nn.Conv2d(1, 1, 3)

    def forward(self, x):
        return self.join(torch.relu(self.near(x)) + self.far(x) + x)


def test_receptive_fields_follow_the_formula_and_add_up_over_branches():
    rows = {row.name: row.field for row in table(Branches(), 1, 32, 32)}
    assert rows == {"near": (3, 3), "far": (7, 7), "join": (9, 9)}
    # grows by (k_eff - 1) times the product of the strides before
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, dilation=2)
    )
    assert [row.field for row in table(net, 1, 64, 64)] == [(3, 3), (3, 3), (3, 3), (5, 5), (21, 21)]


def test_recurrent_layers_are_counted_by_steps():
    net = nn.LSTM(3, 5, batch_first=True)
    (row,) = layer_table(net, lambda net, x: net(x), torch.zeros(1, 7, 3))
    assert row.size == (7, 5) and row.multiply_adds == 7 * 4 * 5 * (3 + 5) and row.field is None


@pytest.mark.parametrize("config", ["patterns_mlp", "phrasebank_attention", "gas_lstm", "mixture_vae"])
def test_the_verb_shows_networks_of_every_modality(cli, capsys, config):
    cli("layers", "--config", f"configs/{config}.yaml", "--data.source", "simulated", "--data.limit", 60)
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Input: "))
    assert lines[start + 1].split()[:3] == ["layer", "kind", "output"]
    assert any("Linear" in line for line in lines) and "multiply-adds a sample" in lines[-1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("mnist_cnn", "layer net.features.8 cannot take an input of 64 x 1 x 1"),
        ("mixture_vae", "--size 4 is for pictures; VaeTask reads point"),
    ],
)
def test_a_size_that_does_not_fit_is_refused_by_name(cli, capsys, config, message):
    with pytest.raises(SystemExit):
        cli("layers", "--config", f"configs/{config}.yaml", "--data.source", "simulated", "--size", 4)
    assert message in capsys.readouterr().err
