"""Augmentation ops that change values and move nothing: light, colour, noise, blur. Masks stay as they are.

``image`` is float32 (B, C, H, W) in [0, 1] with C = 1 or 3; every result is clamped to [0, 1].
The functions above the ops take per-sample strengths (B,); the ops draw them.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Draw, Span, amounts, column, op, span

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def gray_of(image: Tensor) -> Tensor:
    """(B, 1, H, W) brightness as the eye weighs it."""
    _check_channels(image)
    if image.shape[1] == 1:
        return image
    red, green, blue = image.split(1, dim=1)
    return red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]


def recolor(
    image: Tensor,
    brightness: Tensor | None = None,
    contrast: Tensor | None = None,
    saturation: Tensor | None = None,
    hue: Tensor | None = None,
) -> Tensor:
    """Brightness, contrast about the mean, saturation, hue, in this order, as one matrix and one offset.

    All (B,): factors where 1 changes nothing, and ``hue`` in turns (0.5 is the opposite colour), a rotation
    about the gray axis. Clamped once at the end. One channel has neither saturation nor hue.
    """
    _check_channels(image)
    one = image.new_ones(len(image))
    light = one if brightness is None else brightness
    gain = light if contrast is None else light * contrast
    offset = None
    if contrast is not None:
        offset = column((1 - contrast) * light * gray_of(image).mean((1, 2, 3)), image)
    if image.shape[1] == 1 or (saturation is None and hue is None):
        result = image * column(gain, image)
        return (result if offset is None else result + offset).clamp_(0, 1)
    mix = torch.eye(3, device=image.device).expand(len(image), 3, 3)
    if saturation is not None:
        to_gray = torch.stack([(1 - saturation) * weight for weight in LUMA], dim=1)  # (B, 3)
        mix = mix * column(saturation, mix) + to_gray[:, None, :]
    if hue is not None:
        mix = _hue_turn(hue) @ mix
    flat = (mix * column(gain, mix)) @ image.flatten(2)  # gray offsets pass saturation and hue unchanged
    result = flat.view_as(image)
    return (result if offset is None else result + offset).clamp_(0, 1)


def _check_channels(image: Tensor) -> None:
    if image.shape[1] not in (1, 3):
        raise ValueError(f"colour ops need 1 or 3 channels, got {image.shape[1]}.")


def _hue_turn(hue: Tensor) -> Tensor:
    """(B, 3, 3) rotation about (1, 1, 1) by ``hue`` turns (Rodrigues)."""
    cos, sin = torch.cos(2 * math.pi * hue), torch.sin(2 * math.pi * hue)
    same, next_, last = (
        cos + (1 - cos) / 3,
        (1 - cos) / 3 - sin / math.sqrt(3),
        (1 - cos) / 3 + sin / math.sqrt(3),
    )
    return torch.stack([same, next_, last, last, same, next_, next_, last, same], dim=1).view(-1, 3, 3)


def sharpen(image: Tensor, factor: Tensor) -> Tensor:
    """0 smooths (3 x 3, centre weight 5 of 13, as Pillow), 1 changes nothing, 2 sharpens as much."""
    wide = F.pad(image, (1, 1, 1, 1), mode="reflect")
    rows = wide[:, :, :-2] + wide[:, :, 1:-1] + wide[:, :, 2:]  # sums of slices: many times quicker than pooling
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = (box + image * 4) / 13
    return torch.lerp(smooth, image, column(factor, image)).clamp_(0, 1)


def solarize_above(image: Tensor, threshold: Tensor) -> Tensor:
    """Invert the values at or above the threshold."""
    return torch.where(image >= column(threshold, image), 1 - image, image)


def posterize_to(image: Tensor, bits: Tensor) -> Tensor:
    """Keep the top ``bits`` (1..8) of 8-bit values."""
    step = column(2.0 ** (8 - bits.float()), image)
    return (torch.floor(image * 255 / step) * step / 255).clamp_(0, 1)


@op()
def brightness_contrast(batch: dict, draw: Draw, brightness: Span = 0.2, contrast: Span = 0.2) -> dict:
    """Add ``brightness`` (share of the range), stretch about the picture's mean by 1 + ``contrast``."""
    image = batch["image"]
    add = draw.uniform(*span(brightness, "brightness"))
    gain = 1 + draw.uniform(*span(contrast, "contrast"))
    offset = image.mean((1, 2, 3)) * (1 - gain) + add
    return {"image": torch.addcmul(column(offset, image), image, column(gain, image)).clamp_(0, 1)}


@op()
def gamma(batch: dict, draw: Draw, gamma: Span = (0.7, 1.4)) -> dict:
    """Raise to the power ``gamma``, drawn evenly in its logarithm; below 1 brightens."""
    low, high = span(gamma, "gamma", around=1.0)
    if low <= 0:
        raise ValueError(f"gamma={gamma}: need [low, high] above 0.")
    power = torch.exp(draw.uniform(math.log(low), math.log(high)))
    return {"image": batch["image"] ** column(power, batch["image"])}


@op()
def noise(batch: dict, draw: Draw, std: Span = (0.0, 0.05)) -> dict:
    """Add Gaussian noise, its standard deviation drawn per sample."""
    image = batch["image"]
    width = draw.uniform(*span(std, "std")).abs()
    return {"image": torch.addcmul(image, draw.normal(image), column(width, image)).clamp_(0, 1)}


@op()
def blur(batch: dict, draw: Draw, sigma: Span = (0.1, 1.0)) -> dict:
    """Gaussian blur, ``sigma`` in pixels drawn per sample; meant for up to about 2."""
    low, high = amounts(sigma, "sigma")
    if low <= 0:
        raise ValueError(f"sigma={sigma}: need [low, high] in pixels, above 0.")
    width = draw.uniform(low, high)
    radius = math.ceil(2 * high)
    steps = torch.arange(radius + 1, device=width.device)
    weights = torch.exp(-((steps / width[:, None]) ** 2) / 2)  # (B, radius + 1), one side
    weights = weights / (2 * weights.sum(1, keepdim=True) - weights[:, :1])
    image = batch["image"]
    for axis in (
        -2,
        -1,
    ):  # separable; per-sample weights on shifted copies are quicker than a grouped convolution
        pad = (0, 0, radius, radius) if axis == -2 else (radius, radius)
        wide, size = F.pad(image, (*pad, 0, 0)[:4], mode="replicate"), image.shape[axis]
        image = image * column(weights[:, 0], image)
        for k in range(1, radius + 1):
            both = wide.narrow(axis, radius - k, size) + wide.narrow(axis, radius + k, size)
            image = torch.addcmul(image, both, column(weights[:, k], image))
    return {"image": image.clamp_(0, 1)}


@op()
def color_jitter(
    batch: dict,
    draw: Draw,
    brightness: Span = 0.2,
    contrast: Span = 0.2,
    saturation: Span = 0.2,
    hue: Span = 0.05,
) -> dict:
    """Multiply brightness, contrast and saturation by factors about 1, turn the hue (1 is a full turn)."""
    return {
        "image": recolor(
            batch["image"],
            brightness=draw.uniform(*span(brightness, "brightness", around=1.0)),
            contrast=draw.uniform(*span(contrast, "contrast", around=1.0)),
            saturation=draw.uniform(*span(saturation, "saturation", around=1.0)),
            hue=draw.uniform(*span(hue, "hue")),
        )
    }


@op(p=0.1)
def grayscale(batch: dict, draw: Draw) -> dict:
    """Replace all channels by the brightness."""
    return {"image": gray_of(batch["image"]).expand_as(batch["image"])}


@op()
def channel_shift(batch: dict, draw: Draw, shift: Span = 0.1) -> dict:
    """Add another number to each channel."""
    image = batch["image"]
    add = draw.uniform(*span(shift, "shift"), image.shape[1])  # (B, C)
    return {"image": (image + add[:, :, None, None]).clamp_(0, 1)}


@op()
def sharpness(batch: dict, draw: Draw, factor: Span = (0.2, 1.8)) -> dict:
    """Smooth (factor below 1) or sharpen (above 1)."""
    return {"image": sharpen(batch["image"], draw.uniform(*span(factor, "factor", around=1.0)))}


@op(p=0.2)
def solarize(batch: dict, draw: Draw, threshold: Span = (0.5, 1.0)) -> dict:
    """Invert the values at or above a threshold."""
    return {"image": solarize_above(batch["image"], draw.uniform(*amounts(threshold, "threshold")))}


@op(p=0.2)
def posterize(batch: dict, draw: Draw, bits: tuple[int, int] | list[int] = (4, 8)) -> dict:
    """Keep only the top ``bits`` of 8, [fewest, most]."""
    low, high = amounts(bits, "bits")
    return {"image": posterize_to(batch["image"], draw.integers(max(int(low), 1), min(int(high), 8)))}


@op(p=0.2)
def invert(batch: dict, draw: Draw) -> dict:
    """1 - image."""
    return {"image": 1 - batch["image"]}


@op(p=0.2)
def autocontrast(batch: dict, draw: Draw) -> dict:
    """Stretch every channel to the full range; a flat channel stays as it is."""
    image = batch["image"]
    low, high = image.amin((2, 3), keepdim=True), image.amax((2, 3), keepdim=True)
    flat = high - low < 1e-4
    gain = torch.where(flat, 1.0, 1 / (high - low).clamp_min(1e-4))
    return {"image": ((image - torch.where(flat, 0.0, low)) * gain).clamp_(0, 1)}


@op(p=0.2)
def equalize(batch: dict, draw: Draw) -> dict:
    """Spread the values of every channel evenly over the range (256 levels); a flat channel stays."""
    image = batch["image"]
    level = (image * 255).round().long().flatten(2)  # (B, C, HW)
    count = image.new_zeros(*image.shape[:2], 256).scatter_add_(2, level, torch.ones_like(image).flatten(2))
    below = count.cumsum(2)
    least = below.gather(2, level.amin(2, keepdim=True))  # pixels of the darkest level go to 0
    spread = ((below - least) / (below[..., -1:] - least).clamp_min(1)).clamp_(0, 1)
    flat = least == below[..., -1:]
    return {"image": torch.where(flat, image.flatten(2), spread.gather(2, level)).view_as(image)}
