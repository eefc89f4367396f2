"""Rows of pictures as one image: originals above what a network made of them."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

MARGIN = 2  # pixels between pictures


def tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1] as one RGB image (rows * H, columns * W, 3) on white."""
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.ones((rows * (height + MARGIN) - MARGIN, columns * (width + MARGIN) - MARGIN, 3), np.float32)
    for i, image in enumerate(images):
        y, x = (i // columns) * (height + MARGIN), (i % columns) * (width + MARGIN)
        sheet[y : y + height, x : x + width] = np.moveaxis(image[:3], 0, -1)  # gray fills all three channels
    return sheet.clip(0, 1)


def tiles_figure(images: Tensor, columns: int = 8, title: str = "") -> Figure:
    """Pictures (N, C, H, W) in [0, 1] as a grid."""
    sheet = tiled(images.float().cpu().numpy(), columns)
    width = 0.8 * columns
    figure = Figure(figsize=(width, width * sheet.shape[0] / sheet.shape[1] + (0.3 if title else 0)))
    axis = figure.add_axes((0, 0, 1, 0.93 if title else 1))
    axis.imshow(sheet, interpolation="nearest")
    axis.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


def compared_figure(rows: dict[str, Tensor], count: int = 12) -> Figure:
    """One row of the first ``count`` pictures for each name; every entry is (B, C, H, W) in [0, 1]."""
    images = [value[:count].float().cpu().numpy() for value in rows.values()]
    columns = len(images[0])
    sheet = tiled(np.concatenate(images), columns)
    figure = Figure(figsize=(0.9 * columns + 1, (0.9 * columns) * sheet.shape[0] / sheet.shape[1]))
    left = 1 / (0.9 * columns + 1)
    axis = figure.add_axes((left, 0, 1 - left, 1))
    axis.imshow(sheet, interpolation="nearest")
    axis.set_axis_off()
    for i, name in enumerate(rows):
        figure.text(left * 0.9, 1 - (i + 0.5) / len(rows), name, ha="right", va="center", fontsize=9)
    return figure
