"""A network with one Inception module (assignment D7).

Letters: B batch, C channels, S side, K classes.
"""

import torch
from torch import Tensor, nn


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, norm: bool = False) -> nn.Sequential:
    """Convolution that keeps the side at stride 1, a norm where asked for, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2),
        *([nn.BatchNorm2d(outputs)] if norm else []),
        nn.ReLU(inplace=True),
    )


class Inception(nn.Module):
    """Four branches beside each other, joined along the channels: (B, C, S, S) -> (B, 4 x width, S, S).

    1x1; 1x1 then 3x3; 1x1 then 5x5; maximum of 3x3 then 1x1. The 1x1 in front of the larger kernels halves their
    input's channels first. Every branch keeps the side (stride 1, padding), or they could not be joined. For 64
    channels: 4,160 + 20,576 + 53,344 + 4,160 = 82,240 parameters without norms.

    Args:
        inputs: C.
        width: Channels of each branch.
        norm: Batch norm after each convolution.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", figure 2 (b).
    """

    def __init__(self, inputs: int = 64, width: int = 64, norm: bool = False) -> None:
        super().__init__()
        narrow = width // 2
        self.one = conv(inputs, width, 1, norm=norm)
        self.three = nn.Sequential(conv(inputs, narrow, 1, norm=norm), conv(narrow, width, 3, norm=norm))
        self.five = nn.Sequential(conv(inputs, narrow, 1, norm=norm), conv(narrow, width, 5, norm=norm))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(inputs, width, 1, norm=norm))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class InceptionNet(nn.Module):
    """Convolutions 32 and 64, pooling by 2, one Inception module, convolutions 128 and 256, dense.

    (B, C, S, S) -> logits (B, K). Both last convolutions have ``stride``.

    Args:
        in_channels: C.
        num_classes: K.
        image_size: S.
        early_pool: Pool after the first convolution, too: a quarter of the work in all that follows.
        stride: Pixels a step of each of the last two convolutions.
        norm: Batch norm after each convolution.
        dropout: In front of the dense layer.

    Raises:
        ValueError: A stride below 1.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 10,
        image_size: int = 32,
        early_pool: bool = False,
        stride: int = 2,
        norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if stride < 1:
            raise ValueError(f"net inception: stride={stride}: need 1 or more.")
        pools = [nn.MaxPool2d(2, ceil_mode=True) for _ in range(2 if early_pool else 1)]
        self.stem = nn.Sequential(conv(in_channels, 32, 3, norm=norm), *pools[1:], conv(32, 64, 3, norm=norm), pools[0])
        self.inception = Inception(64, 64, norm)
        self.tail = nn.Sequential(conv(256, 128, 3, stride, norm), conv(128, 256, 3, stride, norm))
        side = image_size
        for step in (*(2 for _ in pools), stride, stride):
            side = -(-side // step)  # a kernel padded by half its width, or a pooling that keeps the rest
        self.flatten = nn.Sequential(nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(256 * side**2, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K)."""
        return self.head(self.flatten(self.tail(self.inception(self.stem(image)))))

    def get_classifier(self) -> nn.Module:
        """The last layer, under the name timm's networks give it."""
        return self.head
