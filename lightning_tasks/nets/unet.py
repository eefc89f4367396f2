"""The U-Net family: one network, one switch per option.

Shape letters: B batch, C channels of the current level, H and W image height and width,
h and w height and width of the bottleneck.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import SpatialAttention, SqueezeExcitation, TransformerBottleneck


def make_norm(norm: str, channels: int) -> nn.Module:
    """Return the normalisation layer called ``norm`` ("batch", "group" or "none") for ``channels`` channels.

    Raises:
        ValueError: for another name.
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        return nn.GroupNorm(math.gcd(8, channels), channels)  # gcd: a group count that always divides
    if norm == "none":
        return nn.Identity()
    raise ValueError(f'norm={norm!r}: choose "batch", "group" or "none".')


def conv_block(
    in_channels: int,
    out_channels: int,
    norm: str = "batch",
    dropout: float = 0.0,
    se: int | None = None,
    spatial_attention: bool = False,
    stride: int = 1,
) -> nn.Sequential:
    """Two times (3x3 convolution, normalisation, ReLU), then the gates asked for, then channel dropout.

    (B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride); only the first convolution strides.
    """
    layers: list[nn.Module] = []
    for channels, step in ((in_channels, stride), (out_channels, 1)):
        # A bias in front of a normalisation is cancelled by it, so it would be a parameter without gradient.
        conv = nn.Conv2d(channels, out_channels, 3, stride=step, padding=1, bias=norm == "none")
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # keeps norm="none" trainable as well
        layers += [conv, make_norm(norm, out_channels), nn.ReLU(inplace=True)]
    if se is not None:
        layers.append(SqueezeExcitation(out_channels, se))
    if spatial_attention:
        layers.append(SpatialAttention())
    if dropout > 0:
        layers.append(nn.Dropout2d(dropout))
    return nn.Sequential(*layers)


class UpBlock(nn.Module):
    """Double the resolution, join the skip connection, convolve."""

    def __init__(self, channels: int, up: str, **block_args: object) -> None:
        super().__init__()
        if up == "bilinear":
            self.up: nn.Module = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        else:
            self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        joined = 3 * channels if up == "bilinear" else 2 * channels
        self.block = conv_block(joined, channels, **block_args)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, 2C, h, w) and (B, C, 2h, 2w) -> (B, C, 2h, 2w)."""
        return self.block(torch.cat([skip, self.up(x)], dim=1))


class UNet(nn.Module):
    """U-Net: standardised image float32 (B, in_channels, H, W) -> logits (B, num_classes, H, W).

    ``depth`` times (double 3x3 convolution, 2x2 max-pooling), a bottleneck, and the same way up with skip
    connections; channels double per level: width, 2 width, ... 2**depth width. H and W may be any multiples
    of ``stem_stride * 2**depth``.

    Source: Ronneberger et al. 2015, figure 1, with padded convolutions and normalisation; ``width=32,
    depth=2`` is the "32-64-128" network with 472k parameters.

    Args:
        in_channels: channels of the image.
        num_classes: channels of the logits.
        width: channels of the first level; the cost grows with its square.
        depth: number of poolings.
        norm: "batch", "group" (for very small batches) or "none".
        dropout: probability that a channel is dropped after the bottleneck and after each block on the way up.
        se: reduction ratio of squeeze-and-excitation in every block (8 is usual), None for none.
        spatial_attention: whether every block ends with a CBAM pixel gate.
        transformer: number of transformer layers in the bottleneck.
        stem_stride: 2 halves the resolution in the first convolution and enlarges the logits bilinearly at the end:
            about four times less work, one-pixel details are lost.
        up: "bilinear" or "transposed" (learned 2x2 transposed convolution).

    Raises:
        ValueError: for an argument out of range, and in ``forward`` for an image size that does not divide.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 5,
        width: int = 32,
        depth: int = 3,
        norm: str = "batch",
        dropout: float = 0.0,
        se: int | None = None,
        spatial_attention: bool = False,
        transformer: int = 0,
        stem_stride: int = 1,
        up: str = "bilinear",
    ) -> None:
        super().__init__()
        if min(in_channels, num_classes, width, depth) < 1:
            raise ValueError(f"{in_channels=}, {num_classes=}, {width=}, {depth=}: each must be 1 or more.")
        if stem_stride not in (1, 2):
            raise ValueError(f"stem_stride={stem_stride}: choose 1 or 2.")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout}: need 0 or more, below 1.")
        if up not in ("bilinear", "transposed"):
            raise ValueError(f'up={up!r}: choose "bilinear" or "transposed".')
        self.stem_stride = stem_stride
        self.divisor = stem_stride * 2**depth  # H and W must be multiples of it
        gates = {"norm": norm, "se": se, "spatial_attention": spatial_attention}
        channels = [width * 2**level for level in range(depth + 1)]
        self.down_blocks = nn.ModuleList(
            conv_block(c_in, c_out, stride=stem_stride if level == 0 else 1, **gates)
            for level, (c_in, c_out) in enumerate(zip([in_channels, *channels], channels[:-1], strict=False))
        )
        self.bottleneck = conv_block(channels[-2], channels[-1], dropout=dropout, **gates)
        self.transformer = TransformerBottleneck(channels[-1], transformer, dropout) if transformer else nn.Identity()
        self.up_blocks = nn.ModuleList(UpBlock(c, up, dropout=dropout, **gates) for c in reversed(channels[:-1]))
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> logits (B, num_classes, H, W)."""
        check_size(image, self.divisor)
        x, skips = image, []
        for block in self.down_blocks:
            x = block(x)  # (B, width * 2**level, H, W / (stem_stride * 2**level))
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.transformer(self.bottleneck(x))  # (B, width * 2**depth, h, w)
        for block in self.up_blocks:
            x = block(x, skips.pop())
        logits = self.head(x)  # (B, num_classes, H / stem_stride, W / stem_stride)
        if self.stem_stride > 1:
            logits = F.interpolate(logits, scale_factor=float(self.stem_stride), mode="bilinear", align_corners=False)
        return logits


def check_size(image: Tensor, divisor: int) -> None:
    """Raise ValueError, naming sizes that work, unless H and W of (B, C, H, W) divide by ``divisor``."""
    height, width = image.shape[-2:]
    if height % divisor or width % divisor:
        larger = "x".join(str(math.ceil(n / divisor) * divisor) for n in (height, width))
        smaller = "x".join(str(max(1, n // divisor) * divisor) for n in (height, width))
        raise ValueError(
            f"The image is {height}x{width} (height x width), but this network needs multiples of {divisor}. "
            f"Pad or resize to {larger} or {smaller}, or use a smaller depth."
        )
