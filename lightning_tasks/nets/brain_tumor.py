"""The CNN of assignment D4, built in two styles: layers in a sequence, and a forward pass that is written out.

Letters: B batch, C channels, S side, K classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS, HIDDEN = (16, 32, 64), 64


def flat_size(image_size: int) -> int:
    """Values that reach the dense layers: 57,600 for 256 pixels.

    Raises:
        ValueError: Too small a picture.
    """
    side = image_size
    for _ in WIDTHS:
        side = (side - 2) // 2  # a 3x3 kernel without padding, then pooling
    if side < 1:
        raise ValueError(f"image_size={image_size}: nothing is left after three convolutions and poolings; need 22.")
    return WIDTHS[-1] * side**2


class BinaryHead(nn.Module):
    """The sheet's one output z as two logits: softmax of (0, z) is sigmoid(z), and cross entropy is the binary one."""

    def forward(self, z: Tensor) -> Tensor:
        """(B, 1) -> (B, 2); other (B, K) stay."""
        return torch.cat([torch.zeros_like(z), z], 1) if z.shape[1] == 1 else z


class BrainTumorSequential(nn.Sequential):
    """Convolutions 16, 32 and 64 (3x3, no padding), each with ReLU and pooling by 2; dense 64, dense 1.

    (B, C, S, S) -> logits (B, K). Two classes have one output, as on the sheet: 3,709,825 parameters for gray 256x256.

    Args:
        in_channels: C.
        num_classes: K; two of them are told apart by one output.
        image_size: S, 22 or more.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 2, image_size: int = 256) -> None:
        flat, (a, b, c) = flat_size(image_size), WIDTHS
        super().__init__(
            nn.Conv2d(in_channels, a, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(a, b, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(b, c, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(flat, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, 1 if num_classes == 2 else num_classes),
            BinaryHead(),
        )

    def get_classifier(self) -> nn.Module:
        """The last layer with weights, under the name timm's networks give it."""
        return self[12]


class BrainTumorForward(nn.Module):
    """``BrainTumorSequential`` with its forward pass written out; from the same seed it has the same parameters.

    Args:
        in_channels: C.
        num_classes: K; two of them are told apart by one output.
        image_size: S, 22 or more.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 2, image_size: int = 256) -> None:
        super().__init__()
        a, b, c = WIDTHS
        self.conv1 = nn.Conv2d(in_channels, a, 3)
        self.conv2 = nn.Conv2d(a, b, 3)
        self.conv3 = nn.Conv2d(b, c, 3)
        self.dense = nn.Linear(flat_size(image_size), HIDDEN)
        self.head = nn.Linear(HIDDEN, 1 if num_classes == 2 else num_classes)
        self.logits = BinaryHead()

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K)."""
        x = F.max_pool2d(F.relu(self.conv1(image)), 2)  # (B, 16, 127, 127) for 256 pixels
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (B, 32, 62, 62)
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)  # (B, 64, 30, 30)
        x = F.relu(self.dense(x.flatten(1)))  # (B, 64)
        return self.logits(self.head(x))

    def get_classifier(self) -> nn.Module:
        """The last layer with weights, under the name timm's networks give it."""
        return self.head
