"""Temporal convolutional network.

Source: Bai et al. 2018, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
Modeling", section 3.

Letters: B batch, T steps, D input, H channels.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class CausalConv(nn.Conv1d):
    """A dilated convolution over time that is padded at the start alone: step t reads steps up to t."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, T) -> (B, H, T)."""
        return super().forward(F.pad(inputs, ((self.kernel_size[0] - 1) * self.dilation[0], 0)))


class CausalBlock(nn.Module):
    """Two dilated causal convolutions with ReLU and dropout, and a way around them.

    Args:
        size: Channels that come in.
        hidden: H.
        kernel: Width of the convolutions.
        dilation: Steps between what they read.
        dropout: After each.
    """

    def __init__(self, size: int, hidden: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        convs = [CausalConv(channels, hidden, kernel, dilation=dilation) for channels in (size, hidden)]
        self.layers = nn.Sequential(*(m for c in convs for m in (c, nn.ReLU(), nn.Dropout(dropout))))
        self.around = nn.Conv1d(size, hidden, 1) if size != hidden else nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, T) -> (B, H, T)."""
        return F.relu(self.layers(inputs) + self.around(inputs))


class Tcn(nn.Module):
    """Causal blocks with dilations 1, 2, 4, ...: T steps are read by about log2(T) of them.

    Args:
        size: D.
        hidden: H.
        layers: Blocks; ``reach`` tells how far the last one looks back.
        kernel: Width of the convolutions.
        dropout: In each block.

    Attributes:
        width: H.
        reach: Steps that a state reads, its own among them.
    """

    def __init__(self, size: int, hidden: int, layers: int = 6, kernel: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        sizes = [size, *[hidden] * (layers - 1)]
        self.blocks = nn.Sequential(*(CausalBlock(n, hidden, kernel, 2**i, dropout) for i, n in enumerate(sizes)))
        self.width, self.reach = hidden, 1 + 2 * (kernel - 1) * (2**layers - 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """States (B, T, H) of inputs (B, T, D)."""
        return self.blocks(inputs.transpose(1, 2)).transpose(1, 2)
