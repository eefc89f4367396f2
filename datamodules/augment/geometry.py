"""Augmentation ops that move pixels: image and mask by the same draw, the mask always by nearest neighbour.

Borders are filled by reflection, so that no class is invented there. B, C, H, W: samples, channels, rows,
columns.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Draw, Span, choose, op, span

# Resampling softens. A network that never saw a picture as sharp as those of a test is wrong about them: a U-Net on
# Mars lost .04 to .07 of mean IoU, which a light blur of the test pictures gave back (benchmarks/sharpness.py).
RESAMPLED = 0.8  # of the samples, where the policy does not say


def spatial(batch: dict) -> dict[str, Tensor]:
    """The tensors of a batch that have rows and columns last."""
    return {key: batch[key] for key in ("image", "mask") if key in batch}


@op(p=0.5)
def hflip(batch: dict, draw: Draw) -> dict:
    """Mirror left and right."""
    return {key: value.flip(-1) for key, value in spatial(batch).items()}


@op(p=0.5)
def vflip(batch: dict, draw: Draw) -> dict:
    """Mirror top and bottom."""
    return {key: value.flip(-2) for key, value in spatial(batch).items()}


@op()
def rot90(batch: dict, draw: Draw) -> dict:
    """Turn by 0, 90, 180 or 270 degrees. Square pictures only."""
    h, w = batch["image"].shape[-2:]
    if h != w:
        raise ValueError(f"rot90 needs square pictures, got {h}x{w}. Use hflip and vflip, or affine with degrees.")
    quarter, half = draw.chance(0.5), draw.chance(0.5)
    turned = {}
    for key, value in spatial(batch).items():
        value = choose(quarter, value.transpose(-1, -2).flip(-2), value)
        turned[key] = choose(half, value.flip(-1, -2), value)
    return turned


def lean(value: Span, name: str) -> tuple[float, float]:
    """``span`` of degrees that lines lean: both axes at 45 fall together, and beyond the picture is mirrored.

    Raises:
        ValueError: 45 degrees or more.
    """
    low, high = span(value, name)
    if max(-low, high) >= 45:
        raise ValueError(f"shear {name}={value}: need less than 45 degrees, where the picture collapses into a line.")
    return low, high


@op(p=RESAMPLED)
def affine(
    batch: dict,
    draw: Draw,
    degrees: Span = 10.0,
    scale: Span = (0.9, 1.1),
    translate: Span = 0.1,
    shear: Span = 0.0,
) -> dict:
    """Turn, zoom, slant and shift about the centre.

    degrees: counter-clockwise. scale: 1.1 shows things a tenth larger. translate: share of width and height.
    shear: degrees by which upright lines lean. A single number v means [-v, v], for scale [1 - v, 1 + v].
    """
    low, high = span(scale, "scale", around=1.0)
    if low <= 0:
        raise ValueError(f"affine scale={scale}: need [low, high] above 0, as in [0.9, 1.1].")
    return warp(
        batch,
        angle=draw.uniform(*span(degrees, "degrees")),
        zoom=draw.uniform(low, high),
        lean_x=draw.uniform(*lean(shear, "shear")),
        shift_x=draw.uniform(*span(translate, "translate")),
        shift_y=draw.uniform(*span(translate, "translate")),
    )


@op(p=RESAMPLED)
def rotate(batch: dict, draw: Draw, degrees: Span = 30.0) -> dict:
    """Turn about the centre, counter-clockwise, by up to ``degrees`` either way."""
    return warp(batch, angle=draw.uniform(*span(degrees, "degrees")))


@op(p=RESAMPLED)
def shear(batch: dict, draw: Draw, degrees: Span = 15.0) -> dict:
    """Slant along x and along y, each by up to ``degrees`` (below 45) either way."""
    low, high = lean(degrees, "degrees")
    return warp(batch, lean_x=draw.uniform(low, high), lean_y=draw.uniform(low, high))


@op(p=RESAMPLED)
def translate(batch: dict, draw: Draw, share: Span = 0.1) -> dict:
    """Shift by up to ``share`` of width and height either way."""
    low, high = span(share, "share")
    return warp(batch, shift_x=draw.uniform(low, high), shift_y=draw.uniform(low, high))


@op(p=RESAMPLED)
def crop_resize(batch: dict, draw: Draw, scale: Span = (0.5, 1.0)) -> dict:
    """Cut out a piece of ``scale`` (share of the area, at most 1) and enlarge it to full size."""
    low, high = scale if isinstance(scale, (list, tuple)) else (scale, 1.0)
    if not 0 < low <= high <= 1:
        raise ValueError(f"crop_resize scale={scale}: need [low, high] with 0 < low <= high <= 1 (share of the area).")
    side = draw.uniform(low, high).sqrt()  # (B,) share of each side
    room = (1 - side) / 2 / side  # the piece may lie this far off the centre, in sides of the piece
    return warp(batch, zoom=1 / side, shift_x=draw.uniform(-1, 1) * room, shift_y=draw.uniform(-1, 1) * room)


def warp(
    batch: dict,
    angle: Tensor | None = None,
    zoom: Tensor | None = None,
    lean_x: Tensor | None = None,
    lean_y: Tensor | None = None,
    shift_x: Tensor | None = None,
    shift_y: Tensor | None = None,
) -> dict:
    """One resampling of image (bilinear) and mask (nearest) by an affine map given per sample.

    Args:
        batch: with ``image`` (B, C, H, W) and perhaps ``mask`` (B, H, W).
        angle: (B,) degrees counter-clockwise.
        zoom: (B,) factor, above 1 enlarges.
        lean_x: (B,) degrees by which upright lines lean.
        lean_y: (B,) degrees by which level lines lean.
        shift_x: (B,) share of the width, to the right.
        shift_y: (B,) share of the height, down.

    Returns:
        The moved ``image`` and, if there is one, ``mask``.
    """
    image = batch["image"]
    h, w = image.shape[2:]
    none = image.new_zeros(len(image))
    turn = none if angle is None else angle * (math.pi / 180)
    slant_x = none if lean_x is None else torch.tan(lean_x * (math.pi / 180))
    slant_y = none if lean_y is None else torch.tan(lean_y * (math.pi / 180))
    # grid_sample asks where an output pixel comes from: the inverse map, shift, turn and zoom, slant back
    cos, sin = torch.cos(turn), torch.sin(turn)
    if zoom is not None:
        cos, sin = cos / zoom, sin / zoom
    xx, xy = cos - slant_x * sin, -sin - slant_x * cos
    yx, yy = sin - slant_y * cos, cos + slant_y * sin
    xy, yx = xy * (h / w), yx * (w / h)  # grid coordinates run from -1 to 1 on both sides, pixels are square
    dx = none if shift_x is None else -2 * shift_x
    dy = none if shift_y is None else -2 * shift_y
    # not affine_grid: its matrix product is slower, and halved in precision under autocast
    x = (torch.arange(w, device=image.device) * 2 + 1) / w - 1  # (W,) pixel centres
    y = (torch.arange(h, device=image.device) * 2 + 1) / h - 1  # (H,)
    by_column = torch.stack([xx, yx], dim=1)[:, None, :] * (x + dx[:, None])[:, :, None]  # (B, W, 2)
    by_row = torch.stack([xy, yy], dim=1)[:, None, :] * (y + dy[:, None])[:, :, None]  # (B, H, 2)
    grid = by_column[:, None] + by_row[:, :, None]  # (B, H, W, 2)
    moved = {"image": F.grid_sample(image, grid, "bilinear", "reflection", align_corners=False)}
    if "mask" in batch:
        labels = batch["mask"].unsqueeze(1).to(image.dtype)  # class numbers are small: exact in float32
        labels = F.grid_sample(labels, grid, "nearest", "reflection", align_corners=False)
        moved["mask"] = labels.squeeze(1).to(batch["mask"].dtype)
    return moved
