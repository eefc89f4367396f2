"""Augmentation ops for what differs between cameras and clinics: compression, lenses, cast of colour, hair, background.

B, C, H, W: samples, channels, rows, columns.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Draw, Span, amounts, column, op, span
from .color import LUMA

# ISO/IEC 10918-1, annex K.1: how coarsely each frequency of an 8x8 block is kept at quality 50
LUMA_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMA_STEPS = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *((99,) * 8,) * 4,
)  # fmt: skip
# JFIF: brightness and the distances of blue and red from it, of R, G, B
YCBCR = (LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def compress(image: Tensor, quality: Tensor) -> Tensor:
    """What JPEG leaves of pictures at ``quality`` (B,) in 1..100, without subsampling of colour (4:4:4).

    As Pillow's ``save(quality=q, subsampling=0)`` but for rounding. Blocks that stick out are filled with the edge.
    """
    b, c, h, w = image.shape
    at = torch.arange(8.0, device=image.device)
    cosines = torch.cos((2 * at[None] + 1) * at[:, None] * math.pi / 16) / 2  # (frequency, place), orthonormal
    cosines[0] /= math.sqrt(2)
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)  # of the Independent JPEG Group
    tables = [LUMA_STEPS] if c == 1 else [LUMA_STEPS, CHROMA_STEPS, CHROMA_STEPS]
    steps = torch.tensor(tables, dtype=image.dtype, device=image.device)  # (C, 8, 8)
    steps = ((steps * column(scale, image) + 50) / 100).floor().clamp(1, 255)[:, :, None, None]  # (B, C, 1, 1, 8, 8)
    turn = image.new_tensor(YCBCR)
    levels = (image * 255).round()
    levels = levels if c == 1 else torch.einsum("yc,bchw->byhw", turn, levels).round()
    levels = F.pad(levels, (0, -w % 8, 0, -h % 8), mode="replicate")
    offset = torch.tensor([128.0, 0, 0][:c], device=image.device).view(c, 1, 1)
    # (B, C, rows, columns, 8, 8)
    blocks = (levels - offset).unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)
    kept = (cosines @ blocks @ cosines.T / steps).round() * steps
    levels = (cosines.T @ kept @ cosines).transpose(3, 4).flatten(4, 5).flatten(2, 3)[:, :, :h, :w].round()
    levels = levels + offset if c == 1 else torch.einsum("cy,byhw->bchw", turn.inverse(), levels + offset).round()
    return (levels / 255).clamp(0, 1)


@op(p=0.3)
def jpeg(batch: dict, draw: Draw, quality: Span = (20, 90)) -> dict:
    """Compress as JPEG does, ``quality`` [lowest, highest] of 1..100."""
    low, high = amounts(quality, "quality")
    if not 1 <= low <= high <= 100:
        raise ValueError(f"quality={quality}: need [lowest, highest] from 1 to 100.")
    return {"image": compress(batch["image"], draw.integers(math.ceil(low), math.floor(high)).float())}


@op(p=0.3)
def color_cast(batch: dict, draw: Draw, gain: Span = 0.15) -> dict:
    """Multiply each channel by another factor about 1, as other light and another white balance do."""
    image = batch["image"]
    factor = draw.uniform(*span(gain, "gain", around=1.0), image.shape[1])  # (B, C)
    return {"image": (image * factor[:, :, None, None]).clamp_(0, 1)}


@op(p=0.2)
def vignette(batch: dict, draw: Draw, radius: Span = (0.7, 1.1), strength: Span = (0.3, 1.0)) -> dict:
    """Darken towards the corners, as a round lens does.

    radius: [low, high] distance from the middle where it begins, in halves of the shorter side. strength: [low, high]
    share of the light that is lost in the corners.
    """
    image = batch["image"]
    start = draw.uniform(*amounts(radius, "radius"), 1, 1)
    lost = draw.uniform(*amounts(strength, "strength"), 1, 1)
    distance, corner = _from_the_middle(image)
    shade = ((distance - start) / (corner - start).clamp_min(0.1)).clamp(0, 1)  # (B, H, W)
    return {"image": image * (1 - lost * (2 - shade) * shade)[:, None].clamp_min(0)}


@op(p=0.2)
def hair(batch: dict, draw: Draw, number: int | list[int] = (1, 8), width: Span = (0.005, 0.02)) -> dict:
    """Draw dark bent lines across the picture, as hair on skin.

    number: how many, or [fewest, most]. width: [low, high] as a share of the shorter side.
    """
    image = batch["image"]
    fewest, most = (number, number) if isinstance(number, int) else number
    if not 0 <= fewest <= most or most < 1:
        raise ValueError(f"number={number}: need a number above 0, or [fewest, most].")
    h, w = image.shape[2:]
    side = min(h, w)
    y = (torch.arange(h, device=draw.device) / side).view(1, 1, h, 1)
    x = (torch.arange(w, device=draw.device) / side).view(1, 1, 1, w)
    drawn = torch.arange(most, device=draw.device) < draw.integers(fewest, most)[:, None]  # (B, most)
    angle, start_y, start_x, bend = (draw.uniform(low, high, most, 1, 1) for low, high in
                                     ((0, 2 * math.pi), (0, h / side), (0, w / side), (-1, 1)))  # fmt: skip
    length = draw.uniform(0.3, 1.0, most, 1, 1)
    thick = draw.uniform(*amounts(width, "width"), most, 1, 1)
    along = (x - start_x) * angle.cos() + (y - start_y) * angle.sin()  # (B, most, H, W), in shorter sides
    across = (y - start_y) * angle.cos() - (x - start_x) * angle.sin() - bend * along**2
    cover = (1 + (thick / 2 - across.abs()) * side).clamp(0, 1)  # soft over one pixel
    cover = cover * (along.abs() < length / 2) * drawn[:, :, None, None]
    shade = draw.uniform(0.0, 0.3, 1, 1, 1)
    return {"image": torch.lerp(image, shade.expand_as(image), cover.amax(1, keepdim=True))}


@op(p=0.3, mixes=True)
def background(batch: dict, draw: Draw, p: float, radius: Span = (0.6, 1.0)) -> dict:
    """Put another sample's border around the middle of each picture; the label stays that of the middle.

    For pictures whose object stands in the middle: what stands around it then says nothing about the label.

    radius: [low, high] of the middle that stays, in halves of the shorter side; the seam is soft.
    """
    if "mask" in batch:
        raise ValueError("background needs a batch without mask: a soft seam has no class. For masks use cutmix.")
    image = batch["image"]
    chosen, partner = draw.chance(p), draw.partner()
    edge = draw.uniform(*amounts(radius, "radius"), 1, 1)
    distance, _ = _from_the_middle(image)
    outside = ((distance - edge) / 0.2 + 0.5).clamp(0, 1) * column(chosen, distance)  # (B, H, W)
    return {"image": torch.lerp(image, image[partner], outside[:, None])}


def _from_the_middle(image: Tensor) -> tuple[Tensor, float]:
    """(1, H, W) distance of each pixel from the middle in halves of the shorter side, and that of the corners."""
    h, w = image.shape[2:]
    y, x = (torch.arange(n, device=image.device) - (n - 1) / 2 for n in (h, w))
    half = min(h, w) / 2
    return (y[:, None] ** 2 + x**2).sqrt()[None] / half, math.hypot((h - 1) / 2, (w - 1) / 2) / half
