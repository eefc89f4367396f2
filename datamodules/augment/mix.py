"""Augmentation ops that cover parts of a picture, and ops that take from other samples of the batch.

The latter see only the batch they are given: feed them training batches, or test pictures leak into training.
B, C, H, W: samples, channels, rows, columns.
"""

import math

import torch
from torch import Tensor

from .base import Draw, Span, amounts, choose, column, op, span


@op()
def coarse_dropout(
    batch: dict,
    draw: Draw,
    holes: int | list[int] = 4,
    size: Span = (0.1, 0.25),
    fill: str | float = "mean",
    mask_value: int | None = None,
) -> dict:
    """Cover random rectangles.

    holes: how many, or [fewest, most]. size: [low, high] share of each side. fill: "mean" of the picture,
    "zero" or a number. mask_value: label written to the mask there (the ignored class); None leaves the mask.
    """
    image = batch["image"]
    fewest, most = (holes, holes) if isinstance(holes, int) else holes
    low, high = amounts(size, "size")
    rows = _stripes(draw, image.shape[2], low, high, most)  # (B, most, H)
    columns = _stripes(draw, image.shape[3], low, high, most)  # (B, most, W)
    if fewest < most:
        number = draw.integers(fewest, most)
        rows = rows * (torch.arange(most, device=image.device) < number[:, None])[:, :, None]
    return _cover(batch, rows.transpose(1, 2) @ columns > 0, fill, mask_value)


@op()
def cutout(
    batch: dict,
    draw: Draw,
    size: Span = (0.3, 0.5),
    fill: str | float = "mean",
    mask_value: int | None = None,
) -> dict:
    """Cover one rectangle (DeVries and Taylor, 2017). Arguments as in ``coarse_dropout``."""
    return coarse_dropout(batch, draw, 1, size, fill, mask_value)


@op()
def gridmask(
    batch: dict,
    draw: Draw,
    period: Span = (0.2, 0.5),
    ratio: float = 0.5,
    degrees: Span = 45.0,
    fill: str | float = "mean",
    mask_value: int | None = None,
) -> dict:
    """Cover the squares of a grid (Chen et al., 2020, "GridMask").

    period: [low, high] distance of the squares as a share of the shorter side. ratio: side of a square as a
    share of the distance. degrees: turn of the grid. fill, mask_value: as in ``coarse_dropout``.
    """
    h, w = batch["image"].shape[2:]
    low, high = span(degrees, "degrees")
    angle = draw.uniform(math.radians(low), math.radians(high), 1, 1)  # (B, 1, 1)
    low, high = amounts(period, "period")
    pitch = draw.uniform(low * min(h, w), high * min(h, w), 1, 1).clamp_min(2)  # in pixels
    y = torch.arange(h, device=draw.device).view(1, h, 1)
    x = torch.arange(w, device=draw.device).view(1, 1, w)
    start = draw.uniform(0, 1, 2)[:, :, None, None]  # (B, 2, 1, 1)
    along = (x * torch.cos(angle) + y * torch.sin(angle)) / pitch + start[:, 0]  # (B, H, W), in periods
    across = (y * torch.cos(angle) - x * torch.sin(angle)) / pitch + start[:, 1]
    return _cover(batch, (along % 1 < ratio) & (across % 1 < ratio), fill, mask_value)


@op(p=0.5, mixes=True)
def cutmix(batch: dict, draw: Draw, p: float, alpha: float = 1.0) -> dict:
    """Replace a rectangle by the same rectangle of another sample (Yun et al., 2019, "CutMix").

    Its area is 1 - Beta(alpha, alpha) of the picture, less what lies outside. With a mask, the mask is cut
    alike; with a label, ``label2`` and ``lam`` = exact share of pixels left are added (lam = 1 for samples
    not chosen).
    """
    if "mask" not in batch and "label" not in batch:
        raise ValueError("cutmix needs batch['mask'] or batch['label'], or nothing tells what was mixed.")
    image = batch["image"]
    h, w = image.shape[2:]
    chosen, partner = _pairs(batch, draw, p)
    side = (1 - draw.beta(alpha)).sqrt()
    rows = _between(draw.uniform(0, h), side * h, h)  # (B, H)
    columns = _between(draw.uniform(0, w), side * w, w)  # (B, W)
    rows = rows & chosen[:, None]
    inside = rows[:, :, None] & columns[:, None, :]  # (B, H, W)
    mixed = {"image": torch.where(inside[:, None], image[partner], image)}
    if "mask" in batch:
        mixed["mask"] = torch.where(inside, batch["mask"][partner], batch["mask"])
    lam = 1 - rows.sum(1) * columns.sum(1) / (h * w)
    return mixed | _mixed_labels(batch, chosen, partner, lam)


@op(p=0.5, mixes=True)
def mixup(batch: dict, draw: Draw, p: float, alpha: float = 0.2) -> dict:
    """Blend with another sample: ``lam * own + (1 - lam) * other``, lam from Beta(alpha, alpha).

    Zhang et al., 2018, "mixup". Adds ``label2`` and ``lam`` (1 for samples not chosen).
    """
    if "mask" in batch or "label" not in batch:
        raise ValueError("mixup needs batch['label'] and no mask (masks cannot be blended). For masks use cutmix.")
    image = batch["image"]
    chosen, partner = _pairs(batch, draw, p)
    lam = torch.where(chosen, draw.beta(alpha), 1.0)
    mixed = torch.lerp(image[partner], image, column(lam, image))
    mixed = choose(chosen, mixed, image)
    return {"image": mixed} | _mixed_labels(batch, chosen, partner, lam)


@op(p=0.5, mixes=True)
def paste(batch: dict, draw: Draw, classes: list[int], p: float, shift: Span = 0.25, flip: bool = True) -> dict:
    """Copy the pixels of rare classes from another sample, with their labels.

    The giver is drawn among the samples that hold one of ``classes``; if there is none, nothing happens.
    The piece is mirrored left and right by chance (``flip``) and shifted by up to ``shift`` of each side;
    what falls outside is lost. Labels of whole pictures are left alone.
    """
    if "mask" not in batch or not classes:
        raise ValueError("paste needs batch['mask'] and one or more classes, to know which pixels to copy.")
    image, mask = batch["image"], batch["mask"]
    b, c, h, w = image.shape
    holds = _among(mask, classes).flatten(1).any(1)
    score = draw.uniform(0, 0.5, b) + holds  # (B, B): any holder scores above all others
    giver = score.fill_diagonal_(-1).argmax(1)
    down, right = (draw.uniform(*span(shift, "shift")) * size for size in (h, w))
    y = torch.arange(h, device=image.device) - down.round().long()[:, None]  # (B, H) rows to take from
    x = torch.arange(w, device=image.device) - right.round().long()[:, None]  # (B, W)
    if flip:
        x = choose(draw.chance(0.5), w - 1 - x, x)
    inside = ((y >= 0) & (y < h))[:, :, None] & ((x >= 0) & (x < w))[:, None, :]
    source = (y.clamp(0, h - 1)[:, :, None] * w + x.clamp(0, w - 1)[:, None, :]).flatten(1)  # (B, HW)
    labels = mask[giver].flatten(1).gather(1, source).view_as(mask)
    pixels = image[giver].flatten(2).gather(2, source[:, None].expand(b, c, h * w)).view_as(image)
    piece = _among(labels, classes) & inside & column(draw.chance(p), mask)
    return {"image": torch.where(piece[:, None], pixels, image), "mask": torch.where(piece, labels, mask)}


def _among(mask: Tensor, classes: list[int]) -> Tensor:
    """Bool of the shape of ``mask``: the pixels of one of ``classes``."""
    chosen_pixels = mask == classes[0]
    for number in classes[1:]:
        chosen_pixels = chosen_pixels | (mask == number)
    return chosen_pixels


def _stripes(draw: Draw, length: int, low: float, high: float, number: int) -> Tensor:
    """(B, number, length) float 0/1: intervals of ``low`` to ``high`` of the length, wholly inside."""
    size = (draw.uniform(low, high, number) * length).round().clamp(1, length)
    start = torch.floor(draw.uniform(0, 1, number) * (length - size + 1))
    at = torch.arange(length, device=draw.device)
    return ((at >= start[..., None]) & (at < (start + size)[..., None])).float()


def _between(centre: Tensor, size: Tensor, length: int) -> Tensor:
    """(B, length) bool: within ``size`` about ``centre``, clipped at the ends."""
    at = torch.arange(length, device=centre.device)
    start, stop = torch.floor(centre - size / 2 + 0.5), torch.floor(centre + size / 2 + 0.5)
    return (at >= start[:, None]) & (at < stop[:, None])


def _cover(batch: dict, hole: Tensor, fill: str | float, mask_value: int | None) -> dict:
    """Fill ``hole`` (B, H, W) bool."""
    image = batch["image"]
    if fill not in ("mean", "zero") and not isinstance(fill, (int, float)):
        raise ValueError(f"fill={fill!r}: need 'mean', 'zero' or a number in [0, 1].")
    number = 0.0 if fill == "zero" else fill
    level = image.mean((2, 3), keepdim=True) if fill == "mean" else number
    covered = {"image": torch.where(hole[:, None], level, image)}
    if mask_value is not None and "mask" in batch:
        covered["mask"] = batch["mask"].masked_fill(hole, mask_value)
    return covered


def _pairs(batch: dict, draw: Draw, p: float) -> tuple[Tensor, Tensor]:
    """Who is mixed (B,) bool, with whom (B,) int64. Samples already mixed are neither changed nor given."""
    chosen, partner = draw.chance(p), draw.partner()
    if "lam" in batch:
        whole = batch["lam"] == 1  # three labels in one picture could not be told by label, label2 and lam
        chosen = chosen & whole & whole[partner]
    return chosen, partner


def _mixed_labels(batch: dict, chosen: Tensor, partner: Tensor, lam: Tensor) -> dict:
    if "label" not in batch:
        return {}
    label = batch["label"]
    return {
        "label2": choose(chosen, label[partner], batch.get("label2", label)),
        "lam": torch.where(chosen, lam, batch.get("lam", torch.ones_like(lam))),
    }
