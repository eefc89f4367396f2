"""Attention for convolutional networks: over channels, over pixels, and between pixels.

Shape letters: B batch, C channels, H and W height and width, T = H * W tokens, K heads, E = C / K.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Weigh each channel by a gate computed from all channel means: (B, C, H, W) -> (B, C, H, W).

    Source: Hu et al. 2018, "Squeeze-and-Excitation Networks", section 3, equations 2-4.

    Raises:
        ValueError: A ratio below 1.
    """

    def __init__(self, channels: int, ratio: int = 8) -> None:
        super().__init__()
        if ratio < 1:
            raise ValueError(f"se={ratio}: need a ratio of 1 or more (8 is usual), or null for none.")
        hidden = max(4, channels // ratio)  # a lone ReLU unit is dead at the start half of the time
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate = self.expand(F.relu(self.reduce(x.mean((2, 3))))).sigmoid()  # (B, C)
        return x * gate[:, :, None, None]


class SpatialAttention(nn.Module):
    """Weigh each pixel by a gate computed from channel mean and maximum: (B, C, H, W) -> (B, C, H, W).

    Source: Woo et al. 2018, "CBAM", section 3, equation 3 (7x7 convolution).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        summary = torch.stack([x.mean(1), x.max(1).values], dim=1)  # (B, 2, H, W)
        return x * self.conv(summary).sigmoid()


def positions_2d(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """Sinusoidal positions of a (height, width) grid: float32 (height * width, channels), row-major.

    The first half of the channels encodes the row, the second half the column, each as in Vaswani et al.
    2017, section 3.5 (sines, then cosines). Computed, not learned, so any image size works. ``channels`` must
    be a multiple of 4.
    """
    frequency = 10000.0 ** -(torch.arange(channels // 4, device=device) / (channels // 4))  # (channels/4,)
    rows, columns = (
        torch.cat([angle.sin(), angle.cos()], dim=1)  # (n, channels/2)
        for angle in (torch.arange(n, device=device)[:, None] * frequency for n in (height, width))
    )
    grid = torch.cat([rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], dim=2)
    return grid.flatten(0, 1)  # (height * width, channels)


class TransformerLayer(nn.Module):
    """One pre-norm transformer layer, (B, T, C) -> (B, T, C).

    Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1, equations 2 and 3.
    """

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(channels)
        # No bias: softmax is blind to a bias of the keys, which would stay without gradient.
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Linear(channels, channels)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        qkv = self.qkv(self.norm_attention(x)).unflatten(2, (3, self.heads, -1))  # (B, T, 3, K, E)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, K, T, E)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)  # (B, T, C)
        x = x + self.project(mixed)
        return x + self.mlp(self.norm_mlp(x))


class TransformerBottleneck(nn.Module):
    """``layers`` transformer layers over the pixels of a small feature map: (B, C, h, w) -> (B, C, h, w)."""

    def __init__(self, channels: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        if channels % 4:
            raise ValueError(f"transformer: {channels} bottleneck channels; width * 2**depth must be a multiple of 4.")
        heads = math.gcd(8, channels)
        self.layers = nn.Sequential(*(TransformerLayer(channels, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w)."""
        channels, height, width = x.shape[1:]
        tokens = x.flatten(2).transpose(1, 2)  # (B, T, C)
        tokens = tokens + positions_2d(height, width, channels, x.device).to(x.dtype)
        return self.norm(self.layers(tokens)).transpose(1, 2).unflatten(2, (height, width))  # (B, C, h, w)
