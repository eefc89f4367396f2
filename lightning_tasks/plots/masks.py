"""Figures of segmentation masks."""

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from .mosaic import mosaic, rgb
from .style import COLORS

WIDTH = 276  # pixels of a picture, about
RED, GRAY = (0.84, 0.1, 0.1), 0.6


def mask_figure(batch: dict, pred: Tensor | None, names: list[str], ignore: int | None, rows: int = 6) -> Figure:
    """Image, truth, prediction and error of the first ``rows`` samples, as far as there are truth and prediction.

    Pixels left out of the loss are gray.
    """
    # Masks are enlarged or thinned out by whole factors: a mixture of two classes' colours would be a third one's.
    step = -(-batch["image"].shape[-1] // WIDTH)
    image = batch["image"][:rows, :, ::step, ::step].float().cpu().numpy()
    masks = {"truth": batch.get("mask"), "prediction": pred}
    masks = {title: mask[:rows, ::step, ::step].cpu().numpy() for title, mask in masks.items() if mask is not None}
    titles = ["image", *masks, *(["error (red)"] if len(masks) == 2 else [])]
    palette = np.array([to_rgb(color) for color in COLORS[: len(names)]])
    pictures = []
    for r in range(len(image)):
        pictures += [rgb(image[r]), *(palette.take(mask[r], axis=0, mode="clip") for mask in masks.values())]
        if len(masks) == 2:
            truth = masks["truth"][r]
            error = np.full((*truth.shape, 3), 1.0)
            error[truth != masks["prediction"][r]] = RED
            if ignore is not None:
                error[truth == ignore] = GRAY
            pictures.append(error)
    width = image.shape[-1] * max(1, WIDTH // image.shape[-1])
    figure = mosaic(pictures, len(titles), width, titles, fontsize=9, foot=24)
    handles = [Patch(facecolor=COLORS[k], edgecolor="#555555", label=name) for k, name in enumerate(names)]
    figure.legend(handles=handles, ncols=len(names), loc="lower center", fontsize=8, frameon=False, borderaxespad=0.2)
    return figure
