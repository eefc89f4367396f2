"""Seeded corruptions of pictures, to measure how a classifier holds up on pictures worse than those it learnt from.

Nine kinds in five strengths, after Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common
corruptions and perturbations", with strengths of our own for pictures of about 100 pixels. A sample is corrupted
alike whatever batch it stands in: its random numbers are a hash of (seed, id, kind), not draws from a stream.

B, C, H, W: samples, channels (1 or 3), rows, columns.
"""

import io
import math
import zlib
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from lightning_tasks.common.choices import nearest

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
SEVERITIES = (1, 2, 3, 4, 5)
# kind -> strength at severity 1..5
STRENGTH: dict[str, tuple[float, ...]] = {
    "noise": (0.04, 0.08, 0.12, 0.18, 0.26),  # standard deviation
    "blur": (0.007, 0.012, 0.018, 0.025, 0.035),  # Gaussian sigma as a share of the shorter side
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),  # added or taken away
    "contrast": (0.7, 0.5, 0.35, 0.25, 0.15),  # what is left of the distance from the picture's mean
    "color": (0.04, 0.08, 0.14, 0.22, 0.32),  # turns of hue either way; saturation changes by twice as much
    "rotation_scale": (0.1, 0.2, 0.35, 0.5, 0.7),  # zoom in or out by 1 + this, and a turn by up to this x 180 degrees
    "occlusion": (0.05, 0.1, 0.17, 0.25, 0.35),  # share of the picture under one flat rectangle
    "gamma": (1.3, 1.6, 2.0, 2.6, 3.5),  # exponent, or its inverse
    "jpeg": (30, 20, 15, 10, 6),  # quality
}
NAMES = tuple(STRENGTH)


def corrupt(image: Tensor, name: str, severity: int | Tensor, ids: Tensor, seed: int = 0) -> Tensor:
    """Corrupt every picture in one way.

    Args:
        image: float (B, C, H, W) in [0, 1]; it is not changed.
        name: one of ``NAMES``.
        severity: 1..5, one for all or int64 (B,).
        ids: int64 (B,), number of each sample; equal numbers draw equal noise, angles and places.
        seed: another seed, another suite. Severities share their draws, so that 5 is 1 made stronger.

    Returns:
        A new tensor of the same shape and dtype, in [0, 1].

    Raises:
        ValueError: for an unknown name (with the nearest one), a severity outside 1..5, or another shape.
    """
    if name not in STRENGTH:
        raise ValueError(f"corruption {name!r} is unknown.{nearest(name, NAMES)} Corruptions: {', '.join(NAMES)}.")
    if isinstance(severity, int) and severity not in SEVERITIES:
        raise ValueError(f"severity={severity}: need 1 (mild) to 5.")
    if image.dim() != 4 or image.shape[1] not in (1, 3) or len(ids) != len(image):
        raise ValueError(f"image {tuple(image.shape)} with {len(ids)} ids: need (B, 1 or 3, H, W) and one id each.")
    level = torch.tensor(STRENGTH[name])[torch.as_tensor(severity).cpu() - 1].expand(len(image))  # (B,)
    level = level.to(image.device, non_blocking=True)  # from the host, without a wait for a GPU
    draw = Hashed(ids.to(image.device, non_blocking=True), seed, name)
    with torch.autocast(image.device.type, enabled=False):  # else precision would change the pictures
        return KINDS[name](image, level, draw).clamp_(0, 1).to(image.dtype)


def random_corruption(image: Tensor, ids: Tensor, seed: int = 0) -> Tensor:
    """Corrupt every picture in one way and strength of its own, drawn evenly by its id.

    Arguments, result and errors as in ``corrupt``. The quick stand-in for the whole suite.
    """
    ids = ids.cpu()  # how many pictures are of a kind fixes shapes
    choice = Hashed(ids, seed, "choice").uniform(2)  # (B, 2)
    kind = (choice[:, 0] * len(NAMES)).long()
    severity = (choice[:, 1] * len(SEVERITIES)).long() + 1
    out = image.clone()
    for number, name in enumerate(NAMES):
        rows = (kind == number).nonzero().squeeze(1)
        if len(rows):
            at = rows.to(image.device, non_blocking=True)
            out[at] = corrupt(image[at], name, severity[rows], ids[rows], seed)
    return out


class Hashed:
    """Numbers that depend on (seed, kind, id) alone.

    Args:
        ids: int64 (B,).
        seed: Of the suite.
        name: Kind of corruption, so that kinds draw independently.
    """

    def __init__(self, ids: Tensor, seed: int, name: str) -> None:
        salt = torch.tensor((seed * 0x9E3779B1 + zlib.crc32(name.encode())) & 0xFFFFFFFF)  # 0-dim: may stay on the host
        self.key = _mix(_mix((ids & 0xFFFFFFFF) ^ _mix(salt)) ^ (ids >> 32 & 0xFFFFFFFF))  # (B,)

    def uniform(self, count: int, start: int = 0) -> Tensor:
        """float32 (B, count) in [0, 1); ``start`` skips numbers already used."""
        at = torch.arange(start, start + count, device=self.key.device)
        bits = _mix(self.key[:, None] ^ _mix(at * 0x9E3779B1 & 0xFFFFFFFF))
        return (bits >> 8).float() / 2**24  # 24 bits: exact in float32, never 1

    def sign(self) -> Tensor:
        """(B,) -1 or 1."""
        return (self.uniform(1)[:, 0] < 0.5) * 2.0 - 1

    def normal(self, shape: torch.Size) -> Tensor:
        """Standard normal numbers ``(B, *shape)`` by Box and Muller's transform."""
        count = math.prod(shape)
        half = -(-count // 2)
        radius = (-2 * torch.log(1 - self.uniform(half))).sqrt()  # 1 - u is never 0
        angle = 2 * math.pi * self.uniform(half, half)
        return torch.cat([radius * angle.cos(), radius * angle.sin()], 1)[:, :count].view(-1, *shape)


def _mix(x: Tensor) -> Tensor:
    """Scramble 32-bit numbers held in int64 ("lowbias32" of Wellons, 2018); the same on every device."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & 0xFFFFFFFF
    x = (x ^ (x >> 15)) * 0x846CA68B & 0xFFFFFFFF
    return x ^ (x >> 16)


def column(values: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)


def gray_of(image: Tensor) -> Tensor:
    """(B, 1, H, W) brightness."""
    return image if image.shape[1] == 1 else torch.tensordot(image.new_tensor(LUMA), image, ([0], [1])).unsqueeze(1)


def noise(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Gaussian noise, another number for every pixel and channel."""
    return image + column(level) * draw.normal(image.shape[1:])


def blur(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Gaussian blur, borders replicated; one kernel a sample, applied along rows and then along columns."""
    b, c, h, w = image.shape
    sigma = level * min(h, w)
    radius = max(1, math.ceil(3 * STRENGTH["blur"][-1] * min(h, w)))
    at = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-((at / sigma[:, None]) ** 2) / 2)  # (B, 2 radius + 1)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(c, 0)  # (B C, 2 radius + 1)
    wide = F.pad(image, (radius,) * 4, mode="replicate").reshape(1, b * c, h + 2 * radius, w + 2 * radius)
    rows = F.conv2d(wide, kernel[:, None, :, None], groups=b * c)
    return F.conv2d(rows, kernel[:, None, None, :], groups=b * c).view(b, c, h, w)


def brightness(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Everything lighter, or everything darker."""
    return image + column(level * draw.sign())


def contrast(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Everything closer to the picture's mean."""
    mean = image.mean((1, 2, 3), keepdim=True)
    return mean + column(level) * (image - mean)


def color(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Turn the hue about the gray axis (Rodrigues), and change the saturation; a gray picture stays as it is."""
    if image.shape[1] == 1:
        return image.clone()
    angle = 2 * math.pi * level * draw.sign()
    cos, sin = angle.cos(), angle.sin() / math.sqrt(3)
    same, after, before = cos + (1 - cos) / 3, (1 - cos) / 3 - sin, (1 - cos) / 3 + sin
    turn = torch.stack([same, after, before, before, same, after, after, before, same], 1).view(-1, 3, 3)
    turned = (turn @ image.flatten(2)).view_as(image)
    gray = gray_of(turned)
    saturation = 1 + 2 * level * (draw.uniform(2)[:, 1] * 2 - 1)
    return gray + column(saturation) * (turned - gray)


def rotation_scale(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Turn about the centre and zoom in or out; what comes in from outside is the mirrored picture."""
    chance = draw.uniform(3)
    angle = math.pi * level * (2 * chance[:, 1] - 1)
    zoom = (1 + level) ** draw.sign()
    cos, sin, none = angle.cos() / zoom, angle.sin() / zoom, torch.zeros_like(zoom)
    ratio = image.shape[2] / image.shape[3]  # grid coordinates run from -1 to 1 on both sides, pixels are square
    theta = torch.stack([cos, -sin * ratio, none, sin / ratio, cos, none], 1).view(-1, 2, 3)
    grid = F.affine_grid(theta.to(image.dtype), list(image.shape), align_corners=False)
    return F.grid_sample(image, grid, "bilinear", "reflection", align_corners=False)


def occlusion(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Cover one rectangle, wholly inside and up to twice as long as wide, with one flat colour."""
    b, c, h, w = image.shape
    chance = draw.uniform(3 + c)
    stretch = 2 ** (chance[:, 0] - 0.5)
    tall, wide = (h * level.sqrt() * stretch).clamp(max=h), (w * level.sqrt() / stretch).clamp(max=w)
    top, left = chance[:, 1] * (h - tall), chance[:, 2] * (w - wide)
    y = torch.arange(h, device=image.device) + 0.5
    x = torch.arange(w, device=image.device) + 0.5
    rows = (y > top[:, None]) & (y < (top + tall)[:, None])  # (B, H)
    columns = (x > left[:, None]) & (x < (left + wide)[:, None])  # (B, W)
    covered = rows[:, None, :, None] & columns[:, None, None, :]
    return torch.where(covered, chance[:, 3:].view(b, c, 1, 1).to(image.dtype), image)


def gamma(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """A power: dark tones darker, or light tones lighter."""
    return image ** column(level ** draw.sign())


def jpeg(image: Tensor, level: Tensor, draw: Hashed) -> Tensor:
    """Really encode and decode, picture by picture on the CPU."""
    pixels = (image * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, C)
    done = np.empty_like(pixels)
    for picture, out, quality in zip(pixels, done, level.tolist(), strict=True):
        file = io.BytesIO()
        plain = picture[:, :, 0] if picture.shape[2] == 1 else picture  # gray is (H, W) to Pillow
        Image.fromarray(plain).save(file, "JPEG", quality=int(quality))
        out[:] = np.asarray(Image.open(file)).reshape(out.shape)
    return torch.from_numpy(done).permute(0, 3, 1, 2).to(image.device, image.dtype) / 255


KINDS: dict[str, Callable[[Tensor, Tensor, Hashed], Tensor]] = {
    "noise": noise,
    "blur": blur,
    "brightness": brightness,
    "contrast": contrast,
    "color": color,
    "rotation_scale": rotation_scale,
    "occlusion": occlusion,
    "gamma": gamma,
    "jpeg": jpeg,
}
