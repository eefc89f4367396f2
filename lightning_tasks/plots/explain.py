"""Figures of explanations."""

import numpy as np
from matplotlib.figure import Figure

from .style import show

# One sample: its title, its image (C, H, W) in [0, 1], and its maps (H, W) in [0, 1] by name.
Panel = tuple[str, np.ndarray, dict[str, np.ndarray]]


def explain_figure(panels: list[Panel]) -> Figure:
    """A row for each sample: the image, then each map; Grad-CAM in colour over the image, gradients in gray.

    Args:
        panels: Samples; samples with fewer maps leave the last places empty.
    """
    columns = 1 + max(len(maps) for _, _, maps in panels)
    figure = Figure(figsize=(2.4 * columns, 2.65 * len(panels)), layout="constrained")
    for axes, (title, image, maps) in zip(figure.subplots(len(panels), columns, squeeze=False), panels, strict=True):
        for axis in axes:
            axis.set_axis_off()
        show(axes[0], image)
        axes[0].set_title(title, fontsize=7)
        for axis, (name, values) in zip(axes[1:], maps.items(), strict=False):
            if name.startswith("Grad-CAM"):
                gray = image.mean(0)
                axis.imshow(gray, cmap="gray")
                axis.imshow(values, cmap="inferno", vmin=0, vmax=1, alpha=0.15 + 0.55 * values)
                name += "" if values.any() else "\n(nothing speaks for it)"
            else:
                axis.imshow(values, cmap="gray", vmin=0, vmax=1)
            axis.set_title(name, fontsize=7)
    return figure
