"""Many pictures in one figure: one array, one axes, captions as text beside it.

An axes for each of 24 pictures costs ten times as much as all their pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch.nn.functional import interpolate

from .style import DPI

GAP = 10  # pixels between places and around them
EDGE = 187  # gray of the frame: white pictures have no border of their own on a white page


def mosaic(
    pictures: Sequence[np.ndarray | None],
    columns: int,
    width: int,
    captions: Sequence[str] = (),
    colors: Sequence[str] = (),
    fontsize: float = 7,
    left: int = 0,
    foot: int = 0,
) -> Figure:
    """Pictures in rows, each framed and under its caption.

    Args:
        pictures: Colours (H, W, 3) in [0, 1], all of one size, row by row; None leaves a place empty.
        columns: Places a row, at most; fewer where there are fewer pictures.
        width: Of a picture, in pixels of the figure, about (see ``resized``).
        captions: For the first pictures; a row without captions takes no room for them.
        colors: Of the captions; black if not given.
        fontsize: Of the captions, in points.
        left: Room at the left edge in pixels, for an axis.
        foot: Room at the lower edge in pixels, for a legend or another axes.
    """
    columns = min(columns, len(pictures))
    held = [place for place, picture in enumerate(pictures) if picture is not None]
    drawn = resized(np.stack([pictures[place] for place in held]), width)
    height, width = drawn.shape[1:3]
    line = fontsize * DPI / 72 * 1.25  # pixels
    tops, end = [], GAP  # y of the upper edge of each row of pictures
    for start in range(0, len(pictures), columns):
        lines = max((text.count("\n") + 1 for text in captions[start : start + columns] if text), default=0)
        tops.append(round(end + lines * line))
        end = tops[-1] + height + GAP
    lefts = [left + GAP + column * (width + GAP) for column in range(columns)]
    canvas = np.full((end + foot, lefts[-1] + width + GAP, 4), 255, np.uint8)  # with opacity, as the renderer wants it
    for place, picture in zip(held, drawn, strict=True):
        y, x = tops[place // columns], lefts[place % columns]
        canvas[y - 1 : y + height + 1, x - 1 : x + width + 1, :3] = EDGE
        canvas[y : y + height, x : x + width, :3] = picture
    figure, axis = _shown(canvas)
    for place, text in enumerate(captions):
        y, x = tops[place // columns], lefts[place % columns]
        axis.text(x + width / 2, y - 4, text, fontsize=fontsize, ha="center", va="bottom",
                  color=colors[place] if colors else "black")  # fmt: skip
    return figure


def _shown(canvas: np.ndarray) -> tuple[Figure, Axes]:
    """A figure that shows (H, W, 4) uint8 pixel by pixel, and its axes, whose units are pixels."""
    height, width = canvas.shape[:2]
    # a little more than whole pixels: the renderer cuts fractions off, and 1119.9999 would lose a column
    figure = Figure(figsize=((width + 1e-3) / DPI, (height + 1e-3) / DPI), dpi=DPI)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(canvas, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axis.set_axis_off()
    return figure, axis


def resized(pictures: np.ndarray, width: int) -> np.ndarray:
    """Pictures (N, H, W, 3) in [0, 1] as uint8, about ``width`` wide.

    Small ones are enlarged by a whole factor, so that their pixels stay visible and equal; all others become exactly
    ``width`` wide, smoothly.
    """
    factor = width / pictures.shape[2]
    if factor == 1 or factor >= 2.5:
        whole = round(factor)
        pictures = pictures.repeat(whole, axis=1).repeat(whole, axis=2)
    else:
        size = (max(1, round(pictures.shape[1] * factor)), width)
        channels_first = torch.from_numpy(np.ascontiguousarray(pictures, np.float32)).permute(0, 3, 1, 2)
        pictures = interpolate(channels_first, size, mode="bilinear", antialias=True).permute(0, 2, 3, 1).numpy()
    return (pictures * 255).round().clip(0, 255).astype(np.uint8)


def rgb(image: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) in [0, 1] of an image (C, H, W) in [0, 1]; gray where C is 1."""
    if len(image) > 1:
        return np.moveaxis(image[:3], 0, -1).clip(0, 1)
    return gray(image[0])


def gray(values: np.ndarray) -> np.ndarray:
    """Gray (H, W, 3) of values (H, W), stretched to their own range: dark scenes stay readable."""
    low, high = values.min(), values.max()
    stretched = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.repeat(stretched[..., None], 3, axis=-1)
