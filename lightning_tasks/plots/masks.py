"""Figures of segmentation masks."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from .style import COLORS, show


def mask_figure(batch: dict, pred: Tensor | None, names: list[str], ignore: int | None, rows: int = 6) -> Figure:
    """Image, truth, prediction and error of the first ``rows`` samples, as far as there are truth and prediction.

    Pixels left out of the loss are gray.
    """
    image = batch["image"][:rows].float().cpu().numpy()
    masks = {"truth": batch.get("mask"), "prediction": pred}
    masks = {title: mask[:rows].cpu().numpy() for title, mask in masks.items() if mask is not None}
    titles = ["image", *masks, *(["error (red)"] if len(masks) == 2 else [])]
    figure = Figure(figsize=(2.6 * len(titles), 1.35 * len(image) + 0.6), layout="constrained")
    axes = figure.subplots(len(image), len(titles), squeeze=False)
    cmap = ListedColormap(COLORS[: len(names)])
    for r in range(len(image)):
        show(axes[r, 0], image[r])
        for axis, mask in zip(axes[r, 1:], masks.values(), strict=False):
            axis.imshow(mask[r], cmap=cmap, vmin=0, vmax=len(names) - 1, interpolation="nearest")
            axis.set_axis_off()
        if len(masks) == 2:
            truth = masks["truth"][r]
            error = np.full((*truth.shape, 3), 1.0)
            error[truth != masks["prediction"][r]] = (0.84, 0.1, 0.1)
            if ignore is not None:
                error[truth == ignore] = 0.6
            axes[r, 3].imshow(error)
            axes[r, 3].set_axis_off()
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    handles = [Patch(facecolor=COLORS[k], edgecolor="#555555", label=name) for k, name in enumerate(names)]
    figure.legend(handles=handles, ncols=len(names), loc="outside lower center", fontsize=8, frameon=False)
    return figure
