"""Networks that estimate the noise in x_t. They see the step as a number in [0, 1], and perhaps a class.

Letters: B batch, C channels, S side, D numbers of a point, E numbers of the embedding.
"""

import math

import torch
from torch import Tensor, nn


class StepEmbedding(nn.Module):
    """Sines and cosines of the step at many frequencies (Vaswani et al. 2017), through two layers; plus a class's own.

    Args:
        width: E, even.
        classes: Number of classes, or 0. Number ``classes`` then stands for none, which guidance needs.

    Raises:
        ValueError: An odd width, or one below 2.
    """

    def __init__(self, width: int, classes: int = 0) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"width={width}: half of it are sines and half cosines; need an even number, 2 or more.")
        # from one period over all steps to one within a thousandth of them
        frequency = torch.exp(torch.linspace(0, math.log(1000), width // 2)) * 2 * math.pi
        self.register_buffer("frequency", frequency, persistent=False)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width) if classes else None

    def forward(self, step: Tensor, label: Tensor | None) -> Tensor:
        """(B, E) of steps (B,) in [0, 1] and classes int64 (B,)."""
        angle = step[:, None] * self.frequency
        embedded = self.layers(torch.cat([angle.sin(), angle.cos()], 1))
        return embedded if self.label is None else embedded + self.label(label)


class DenseDenoiser(nn.Module):
    """Dense layers on points (B, D); each hidden layer also gets the embedding.

    Args:
        dims: D.
        width: Units of a hidden layer, and E.
        depth: Hidden layers.
        classes: As in ``StepEmbedding``.
        timeless: Leave the step away: the control.
    """

    def __init__(self, dims: int, width: int = 128, depth: int = 3, classes: int = 0, timeless: bool = False) -> None:
        super().__init__()
        self.timeless = timeless
        self.embed = StepEmbedding(width, classes)
        self.first = nn.Linear(dims, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, dims)

    def forward(self, x: Tensor, step: Tensor, label: Tensor | None = None) -> Tensor:
        """Noise (B, D)."""
        embedded = self.embed(torch.zeros_like(step) if self.timeless else step, label)
        x = self.first(x)
        for layer in self.hidden:
            x = x + layer(nn.functional.silu(x + embedded))
        return self.last(nn.functional.silu(x))


class Block(nn.Module):
    """Two 3x3 convolutions with GroupNorm and SiLU, the embedding added between them, and the input to the end.

    (B, in_channels, S, S) -> (B, out_channels, S, S).
    """

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(math.gcd(8, in_channels), in_channels),
            nn.SiLU(),
            nn.Conv2d(in_channels, out_channels, 3, 1, 1),
        )
        self.embed = nn.Linear(width, out_channels)
        self.second = nn.Sequential(
            nn.GroupNorm(math.gcd(8, out_channels), out_channels),
            nn.SiLU(),
            nn.Conv2d(out_channels, out_channels, 3, 1, 1),
        )
        self.short = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()
        nn.init.zeros_(self.second[-1].weight)  # a block begins as its short cut
        nn.init.zeros_(self.second[-1].bias)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """See the class; ``embedded`` is (B, E)."""
        hidden = self.first(x) + self.embed(embedded)[:, :, None, None]
        return self.short(x) + self.second(hidden)


class ConvDenoiser(nn.Module):
    """A small U-Net: maps of S, S/2 and S/4, a block on the way down, one at the bottom, and one on the way up.

    Args:
        in_channels: C.
        side: S, a multiple of 4.
        width: Channels of the first map, and half of those below; E is 4 x ``width``.
        classes: As in ``StepEmbedding``.
        timeless: Leave the step away: the control.

    Source: the U-Net of Ho et al. 2020, appendix B, without attention.

    Raises:
        ValueError: A side that cannot be halved twice.
    """

    def __init__(
        self, in_channels: int = 1, side: int = 28, width: int = 32, classes: int = 0, timeless: bool = False
    ) -> None:
        super().__init__()
        if side % 4:
            raise ValueError(f"side={side}: need a multiple of 4, because maps are halved twice.")
        self.timeless = timeless
        embedding, deep = 4 * width, 2 * width
        self.embed = StepEmbedding(embedding, classes)
        self.first = nn.Conv2d(in_channels, width, 3, 1, 1)
        self.down = nn.ModuleList([Block(width, width, embedding), Block(deep, deep, embedding)])
        self.shrink = nn.ModuleList([nn.Conv2d(width, deep, 3, 2, 1), nn.Conv2d(deep, deep, 3, 2, 1)])
        self.bottom = Block(deep, deep, embedding)
        self.enlarge = nn.ModuleList(
            [nn.ConvTranspose2d(deep, deep, 4, 2, 1), nn.ConvTranspose2d(deep, width, 4, 2, 1)]
        )
        self.up = nn.ModuleList([Block(2 * deep, deep, embedding), Block(2 * width, width, embedding)])
        self.last = nn.Sequential(
            nn.GroupNorm(math.gcd(8, width), width), nn.SiLU(), nn.Conv2d(width, in_channels, 3, 1, 1)
        )

    def forward(self, x: Tensor, step: Tensor, label: Tensor | None = None) -> Tensor:
        """Noise (B, C, S, S)."""
        embedded = nn.functional.silu(self.embed(torch.zeros_like(step) if self.timeless else step, label))
        x = self.first(x)
        kept = []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            x = block(x, embedded)
            kept.append(x)
            x = shrink(x)
        x = self.bottom(x, embedded)
        for block, enlarge in zip(self.up, self.enlarge, strict=True):
            x = block(torch.cat([enlarge(x), kept.pop()], 1), embedded)
        return self.last(x)
