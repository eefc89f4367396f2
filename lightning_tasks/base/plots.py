"""Figures shared by tasks. Each function returns a Matplotlib figure that the caller closes."""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

# Colour-blind safe (Okabe & Ito 2008), black first for background.
COLORS = ["#000000", "#E69F00", "#56B4E9", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#0072B2", "#999999", "#FFFFFF"]


def show(axis, image: np.ndarray) -> None:
    """Draw one image (C, H, W) in [0, 1] without axes; gray where C is 1."""
    picture = image[0] if len(image) == 1 else np.moveaxis(image[:3], 0, -1)
    if image.shape[0] == 1:
        axis.imshow(picture, cmap="gray")  # stretched to its own range: dark scenes stay readable
    else:
        axis.imshow(picture.clip(0, 1))
    height, width = picture.shape[:2]
    edge = Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="#bbbbbb", linewidth=0.6, clip_on=False)
    axis.add_patch(edge)  # white pictures have no border of their own on a white page
    axis.set_axis_off()


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


def confusion_figure(matrix: Tensor, names: list[str], unit: str = "samples") -> Figure:
    """Confusion matrix (K, K), rows = truth: share of each row in colour, counts and shares as text."""
    counts = matrix.cpu().numpy().astype(float)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    size = 1.6 + 0.75 * len(names)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    axis = figure.subplots()
    drawn = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for r in range(len(names)):
        for c in range(len(names)):
            color = "white" if share[r, c] > 0.6 else "black"
            axis.text(
                c, r, f"{share[r, c]:.2f}\n{short(counts[r, c])}", ha="center", va="center", color=color, fontsize=7
            )
    axis.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel("prediction")
    axis.set_ylabel("truth")
    figure.colorbar(drawn, ax=axis, shrink=0.75, label=f"share of true {unit}")
    return figure


def short(count: float) -> str:
    """1234567 -> 1.2M."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if count >= limit:
            return f"{count / limit:.1f}{letter}"
    return f"{count:.0f}"
