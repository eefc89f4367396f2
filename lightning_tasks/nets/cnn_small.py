"""A small residual network for pictures of 28 to 128 pixels, quick enough for a CPU."""

import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut: (B, in, H, W) -> (B, out, H / stride, W / stride).

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        stride: Of the first convolution.
        shortcut: Brings the input to the output's shape; None takes pooling and a 1x1 convolution where shapes differ.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut or nn.Identity()
        if shortcut is None and (stride > 1 or in_channels != out_channels):
            # Pooled before the 1x1 convolution: it then sees all pixels, not one in stride^2.
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity(),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        out = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(out)) + self.shortcut(x), inplace=True)


class CnnSmall(nn.Module):
    """Stem, one stage of residual blocks per entry of ``blocks``, mean over pixels, linear head.

    Image float32 (B, in_channels, H, W) -> logits (B, num_classes). Every stage but the first halves the side and
    doubles the channels.

    Args:
        in_channels: Channels of the image.
        num_classes: K.
        width: Channels of the first stage; the cost grows with its square.
        blocks: Residual blocks of each stage.
        stem_stride: Pixels a step of the first convolution: 1 for 28 to 40 pixels, 2 up to 128.
        dropout: In front of the head.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        width: int = 32,
        blocks: tuple[int, ...] | list[int] = (1, 1, 1, 1),
        stem_stride: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        kernel = 2 * stem_stride + 1
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, width, kernel, stem_stride, kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        stages, channels = [], width
        for number, depth in enumerate(blocks):
            out = width * 2**number
            steps = [Residual(channels if i == 0 else out, out, 2 if i == 0 and number else 1) for i in range(depth)]
            stages.append(nn.Sequential(*steps))
            channels = out
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, K)."""
        features = self.stages(self.stem(image)).mean((2, 3))  # (B, channels)
        return self.head(self.dropout(features))

    def get_classifier(self) -> nn.Module:
        """The last layer, under the name timm's networks give it."""
        return self.head

    def group_matcher(self, coarse: bool = False) -> dict:
        """Which parameters belong to which block, in timm's form."""
        return {"stem": r"^stem", "blocks": r"^stages\.(\d+)"}
