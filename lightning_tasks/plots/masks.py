"""Figures of segmentation masks."""

import numpy as np
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from .mosaic import mosaic, rgb
from .style import COLORS

ROWS = 6  # pictures of a figure
WIDTH = 276  # pixels of a picture, about
RED, GRAY = (0.84, 0.1, 0.1), 0.6


def rarest_first(pixels: Tensor, training: Tensor, count: int = ROWS) -> Tensor:
    """Positions (n,) of pictures that together show every class, and the rare ones more often.

    In turn each class, the one with the fewest training pixels first, takes the picture with the most of its pixels
    that no other has taken, until there are ``count``. The same pixels give the same pictures.

    Args:
        pixels: int64 (N, K), of each class in each picture.
        training: (K,) pixels of each class in the train part; a class without any is left out.
        count: Pictures at most.
    """
    pixels, order = pixels.cpu().clone(), [k for k in training.argsort(stable=True).tolist() if training[k] > 0]
    chosen: list[int] = []
    while len(chosen) < min(count, len(pixels)):
        before = len(chosen)
        for k in order:
            most, place = pixels[:, k].max(0)
            if most > 0 and len(chosen) < count:
                chosen.append(int(place))
                pixels[place] = -1  # taken
        if len(chosen) == before:  # what is left holds no class of the training
            chosen += [i for i in range(len(pixels)) if i not in chosen][: count - before]
    return torch.tensor(chosen, dtype=torch.int64)


def mask_figure(batch: dict, pred: Tensor | None, names: list[str], ignore: int | None, rows: int = ROWS) -> Figure:
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
