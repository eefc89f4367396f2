"""Maps of codes: t-SNE, with colours of labels or with the pictures themselves."""

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from torch import Tensor

from .style import PALETTE

PERPLEXITY = 30


def code_map(codes: Tensor) -> np.ndarray:
    """Codes (N, Z) in the plane, (N, 2): t-SNE (van der Maaten & Hinton 2008); of two numbers the codes themselves."""
    codes = codes.float().cpu()
    if codes.shape[1] <= 2:
        return torch.nn.functional.pad(codes, (0, 2 - codes.shape[1])).numpy()
    from sklearn.manifold import TSNE  # here: only a finished run draws it

    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(codes.numpy())


def labelled_codes_figure(codes: Tensor, label: Tensor, title: str = "") -> Figure:
    """Codes (N, Z) in the plane, coloured by label int64 (N,)."""
    at, label = code_map(codes), label.cpu().numpy()
    figure = Figure(figsize=(6, 5), layout="constrained")
    axis = figure.subplots()
    for number in np.unique(label):
        chosen = label == number
        color = PALETTE[int(number) % len(PALETTE)]
        axis.plot(*at[chosen].T, ".", markersize=3, label=str(number), color=color)
    axis.set(xticks=[], yticks=[], title=title)
    axis.legend(fontsize=7, markerscale=3, ncols=2, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def picture_codes_figure(codes: Tensor, images: Tensor) -> Figure:
    """Codes (N, Z) in the plane, each shown as its picture, (N, C, H, W) in [0, 1]."""
    at = code_map(codes)
    figure = Figure(figsize=(9, 9), layout="constrained")
    axis = figure.subplots()
    zoom = 22 / images.shape[-1]
    for place, image in zip(at, images.float().cpu().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy(), strict=True):
        axis.add_artist(AnnotationBbox(OffsetImage(image, zoom=zoom), place, frameon=False, pad=0))
    axis.plot(*at.T, ".", alpha=0)  # sets the limits
    axis.set(xticks=[], yticks=[])
    return figure


def guessed_components(codes: Tensor, most: int = 20) -> int:
    """How many Gaussians, 1 to ``most``, describe codes (N, Z) best by BIC: a guess of the number of clusters.

    It may be wrong in both directions: a bent cluster takes several Gaussians, and two near ones may take one.
    """
    from sklearn.mixture import GaussianMixture

    points = codes.double().cpu().numpy()
    scores = [GaussianMixture(k, random_state=0, reg_covar=1e-4).fit(points).bic(points) for k in range(1, most + 1)]
    return int(np.argmin(scores)) + 1
