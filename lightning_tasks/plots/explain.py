"""Figures of explanations."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from .mosaic import gray, mosaic, rgb

# One sample: its title, its image (C, H, W) in [0, 1], and its maps (H, W) in [0, 1] by name.
Panel = tuple[str, np.ndarray, dict[str, np.ndarray]]


def explain_figure(panels: list[Panel]) -> Figure:
    """A row for each sample: the image, then each map; Grad-CAM in colour over the image, gradients in gray.

    Args:
        panels: Samples; samples with fewer maps leave the last places empty.
    """
    columns = 1 + max(len(maps) for _, _, maps in panels)
    pictures, captions = [], []
    for title, image, maps in panels:
        row, words = [rgb(image)], [title]
        for name, values in maps.items():
            if name.startswith("Grad-CAM"):
                opacity = (0.15 + 0.55 * values)[..., None]
                row.append(opacity * colormaps["inferno"](values)[..., :3] + (1 - opacity) * gray(image.mean(0)))
                name += "" if values.any() else "\n(nothing speaks for it)"
            else:
                row.append(np.repeat(values[..., None], 3, axis=-1))
            words.append(name)
        missing = columns - len(row)
        pictures += [*row, *[None] * missing]
        captions += [*words, *[""] * missing]
    return mosaic(pictures, columns, 250, captions)
