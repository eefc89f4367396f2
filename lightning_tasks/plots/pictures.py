"""Pictures of a network beside pictures of the data, all on one scale: no picture is stretched to its own range."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from .mosaic import mosaic

SIDE = 84  # of a picture, in pixels of the figure, about


def tiles_figure(images: Tensor, columns: int = 8) -> Figure:
    """Pictures (N, C, H, W) in [0, 1], C of 1 or 3, row by row."""
    return mosaic(_colours(images), columns, SIDE)


def rows_figure(rows: Mapping[str, Tensor], count: int = 12) -> Figure:
    """A row of the first ``count`` pictures under each name; every entry is (B, C, H, W) in [0, 1], C of 1 or 3."""
    columns = min(count, len(next(iter(rows.values()))))
    pictures = [picture for images in rows.values() for picture in _colours(images[:columns])]
    captions = [text for name in rows for text in (name, *[""] * (columns - 1))]
    return mosaic(pictures, columns, SIDE, captions, fontsize=8)


def _colours(images: Tensor) -> list[np.ndarray]:
    """(H, W, 3) of each picture; one channel fills all three."""
    return list(images.float().cpu().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy())
