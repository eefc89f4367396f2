"""Generators and critics of adversarial training.

Letters: B batch, Z numbers of noise, C channels, S side of a picture, D numbers of a point. A generator makes (B, Z)
into samples in [-1, 1] (pictures) or of any value (points); a critic gives one number a sample, (B,).
"""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


class DenseGenerator(nn.Sequential):
    """Two hidden layers with ReLU: (B, Z) -> (B, D).

    Args:
        latent: Z.
        dims: D.
        width: Units of a hidden layer.
    """

    def __init__(self, latent: int, dims: int, width: int = 128) -> None:
        super().__init__(
            nn.Linear(latent, width), nn.ReLU(inplace=True), nn.Linear(width, width), nn.ReLU(inplace=True),
            nn.Linear(width, dims),
        )  # fmt: skip


class DenseCritic(nn.Sequential):
    """Two hidden layers with leaky ReLU: (B, D) -> (B,).

    Args:
        dims: D.
        width: Units of a hidden layer.
    """

    def __init__(self, dims: int, width: int = 128) -> None:
        super().__init__(
            nn.Linear(dims, width), nn.LeakyReLU(0.2, inplace=True), nn.Linear(width, width),
            nn.LeakyReLU(0.2, inplace=True), nn.Linear(width, 1), nn.Flatten(0),
        )  # fmt: skip


class ConvGenerator(nn.Sequential):
    """The generator of DCGAN for small pictures: (B, Z) -> (B, C, S, S) in [-1, 1], S a multiple of 4.

    Source: Radford, Metz & Chintala 2016, "Unsupervised representation learning with deep convolutional generative
    adversarial networks", section 3: strided convolutions, BatchNorm but in the last layer, ReLU, tanh.

    Args:
        latent: Z.
        in_channels: C.
        side: S.
        width: Channels of the last hidden map; the one before it has twice as many.
    """

    def __init__(self, latent: int, in_channels: int = 1, side: int = 28, width: int = 32) -> None:
        if side % 4:
            raise ValueError(f"side={side}: need a multiple of 4, because maps are doubled twice.")
        start = side // 4
        super().__init__(
            nn.Linear(latent, 2 * width * start**2, bias=False),
            nn.Unflatten(1, (2 * width, start, start)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, in_channels, 4, 2, 1),
            nn.Tanh(),
        )
        _begin(self)


class ConvCritic(nn.Sequential):
    """The critic of DCGAN for small pictures: (B, C, S, S) -> (B,).

    Without BatchNorm: its statistics would let the critic see of which kind the whole batch is.

    Args:
        in_channels: C.
        side: S, a multiple of 4.
        width: Channels of the first map; the second has twice as many.
    """

    def __init__(self, in_channels: int = 1, side: int = 28, width: int = 32) -> None:
        super().__init__(
            nn.Conv2d(in_channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Flatten(),
            nn.Linear(2 * width * (side // 4) ** 2, 1),
            nn.Flatten(0),
        )
        _begin(self)


def _begin(net: nn.Module) -> None:
    """First weights from N(0, 0.02), as in the paper."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0, 0.02)


def spectrally_normalised(net: nn.Module) -> nn.Module:
    """Each layer divided by its largest singular value, so that no layer stretches (Miyato et al. 2018)."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            spectral_norm(module)
    return net
