"""Encoders and decoders of variational autoencoders.

Letters: B batch, C channels, Z numbers of the code. An encoder gives (B, 2 Z): means, and what softplus turns into
variances. A decoder gives the mean of what was seen.
"""

from torch import Tensor, nn

from .dense import dense


class DenseVae(nn.Module):
    """Dense layers with ReLU on points (B, D).

    Args:
        size: Z.
        dims: D.
        hidden: Units of each hidden layer of the encoder; the decoder has them in reverse.
    """

    def __init__(self, size: int = 2, dims: int = 3, hidden: list[int] | None = None) -> None:
        super().__init__()
        hidden = [128, 128] if hidden is None else hidden
        self.encoder = dense([dims, *hidden, 2 * size])
        self.decoder = dense([size, *reversed(hidden), dims])


class ConvVae(nn.Module):
    """The network of assignment E2 for pictures (B, C, 64, 64) in [-1, 1]: five convolutions to 1x1, and back.

    Sides are 64, 32, 16, 8, 4, 1. The last layer is tanh, because the data lies in [-1, 1].

    Args:
        size: Z.
        in_channels: C.
    """

    SIDE = 64

    def __init__(self, size: int = 50, in_channels: int = 3) -> None:
        super().__init__()
        widths = [in_channels, 32, 32, 64, 64]
        down: list[nn.Module] = []
        for a, b in zip(widths, widths[1:], strict=False):
            down += [nn.Conv2d(a, b, 4, 2, 1), nn.ReLU(inplace=True)]
        down += [nn.Conv2d(64, 256, 4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(256, 2 * size)]
        up: list[nn.Module] = [nn.Linear(size, 256), nn.Unflatten(1, (256, 1, 1)), nn.ReLU(inplace=True)]
        up += [nn.ConvTranspose2d(256, 64, 4), nn.ReLU(inplace=True)]
        widths = [64, 64, 32, 32, in_channels]
        for a, b in zip(widths, widths[1:], strict=False):
            up += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.ReLU(inplace=True)]
        self.encoder = nn.Sequential(*down)
        self.decoder = nn.Sequential(*up[:-1], nn.Tanh())


def gaussian(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (B, Z) of an encoder's output (B, 2 Z); the variance is above 0."""
    mean, raw = parameters.chunk(2, 1)
    return mean, nn.functional.softplus(raw) + 1e-6
