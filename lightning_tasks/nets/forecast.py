"""Networks that forecast the last steps of a window.

Letters: B batch, T steps of a window, D numbers a step, S steps that are forecast, O outputs a step.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .recurrent import Recurrent
from .tcn import Tcn

NETS = ("lstm", "gru", "tcn", "faulty")


class Forecaster(nn.Module):
    """A causal network over the window, and a dense head on the state and the input of each of its last steps.

    Nothing behind a step can change its forecast.

    Args:
        net: ``lstm``, ``gru`` or ``tcn``.
        size: D.
        outputs: O.
        steps: S.
        hidden: Units or channels of each layer.
        layers: Layers; of a ``tcn`` its blocks.
        dropout: Between layers and in front of the head.
    """

    def __init__(self, net: str, size: int, outputs: int, steps: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.steps = steps
        if net == "tcn":
            self.body: nn.Module = Tcn(size, hidden, layers, dropout=dropout)
        else:
            self.body = Recurrent(size, hidden, net, layers, dropout=dropout)
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(self.body.width + size, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )
        self.linear = nn.Linear(size, outputs)  # what a linear model would say, so that the rest learns what it lacks

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, S, O) of windows (B, T, D)."""
        if isinstance(self.body, Tcn):
            states = self.body(inputs)
        else:
            states, _ = self.body(inputs, torch.full((inputs.shape[0],), inputs.shape[1], device=inputs.device))
        last = inputs[:, -self.steps :]
        return self.head(torch.cat([states[:, -self.steps :], last], 2)) + self.linear(last)


class FeaturesAsTime(nn.Module):
    """The faulty network of assignment F7: the D numbers of one hour are read as D time steps of one number each.

    Three LSTM layers of 50 units return all steps, Flatten, one dense layer: with D = 6 and one output 51,101
    parameters, as Keras counts them. PyTorch's LSTM has two biases a gate where Keras has one, so the bias is here the
    weight of a further input that is always 1.

    Args:
        size: D.
        outputs: O.
        steps: S; the other steps of the window are not read.
        hidden: Units of each layer.
        layers: LSTM layers.
    """

    def __init__(self, size: int, outputs: int, steps: int, hidden: int = 50, layers: int = 3) -> None:
        super().__init__()
        self.steps = steps
        widths = [1, *[hidden] * (layers - 1)]
        self.layers = nn.ModuleList(nn.LSTM(width + 1, hidden, bias=False, batch_first=True) for width in widths)
        self.head = nn.Linear(size * hidden, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, S, O) of windows (B, T, D)."""
        hours = inputs[:, -self.steps :]
        states = hours.reshape(-1, hours.shape[2], 1)  # (B S, D, 1)
        for layer in self.layers:
            states, _ = layer(F.pad(states, (0, 1), value=1.0))
        return self.head(states.flatten(1)).view(*hours.shape[:2], -1)


def in_order(raw: Tensor) -> Tensor:
    """Quantiles (..., Q) that never cross: the middle one as it is, the others at positive distances from it."""
    middle = raw.shape[-1] // 2
    above = F.softplus(raw[..., middle + 1 :]).cumsum(-1)
    below = F.softplus(raw[..., :middle].flip(-1)).cumsum(-1).flip(-1)
    centre = raw[..., middle : middle + 1]
    return torch.cat([centre - below, centre, centre + above], -1)
