"""Figures of classifiers. Each function returns a Matplotlib figure that the caller closes."""

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from .mosaic import mosaic, rgb
from .style import COLORS

RIGHT, WRONG = "#00695c", "#c62828"
SIDE = 176  # pixels of a picture


def labelled_figure(batch: dict, names: list[str], count: int = 24, columns: int = 6) -> Figure:
    """The first ``count`` images with their classes; with both and their shares where images were mixed.

    Args:
        batch: ``image`` (B, C, H, W) in [0, 1], ``label`` (B,) and perhaps ``label2`` and ``lam`` (B,).
        names: K names.
        count: Most images shown.
        columns: Images a row.
    """
    images, label = batch["image"][:count].float().cpu().numpy(), batch["label"].tolist()
    titles = [names[k] for k in label[:count]]
    if "lam" in batch:
        for i, (second, share) in enumerate(zip(batch["label2"].tolist(), batch["lam"].tolist(), strict=True)):
            if i < len(titles) and share < 1 and second != label[i]:
                titles[i] = f"{names[label[i]]} {share:.2f}\n{names[second]} {1 - share:.2f}"
    return mosaic([rgb(image) for image in images], columns, SIDE, titles)


def grid_figure(batch: dict, prob: Tensor, names: list[str], count: int = 24, columns: int = 6) -> Figure:
    """The first ``count`` images with the predicted class, its probability and, where it is wrong, the true class.

    Args:
        batch: ``image`` (B, C, H, W) in [0, 1] and perhaps ``label`` (B,).
        prob: (B, K).
        names: K names.
        count: Most images shown.
        columns: Images a row.
    """
    images = batch["image"][:count].float().cpu().numpy()
    confidence, pred = (v[:count].tolist() for v in prob.float().max(1))
    truth = batch["label"][:count].tolist() if "label" in batch else pred
    titles, colors = [], []
    for p, t, c in zip(pred, truth, confidence, strict=True):
        titles.append(f"{names[p]} {c:.2f}" + ("" if p == t else f"\ntruth: {names[t]}"))
        colors.append(RIGHT if p == t else WRONG)
    return mosaic([rgb(image) for image in images], columns, SIDE, titles, colors)


def severity_figure(accuracy: Tensor, names: tuple[str, ...], severities: list[int], clean: float) -> Figure:
    """Accuracy over severity, one line for each corruption.

    Args:
        accuracy: (corruptions, severities).
        names: Names of the corruptions.
        severities: Which were measured.
        clean: Accuracy on the pictures as they are, drawn as severity 0.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for k, (name, values) in enumerate(zip(names, accuracy.tolist(), strict=True)):
        axis.plot([0, *severities], [clean, *values], marker="o", label=name, color=COLORS[k % 9], markersize=4)
    axis.set_xticks([0, *severities])
    axis.set_xlabel("severity (0: as they are)")
    axis.set_ylabel("accuracy")
    axis.set_ylim(0, 1.02)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, ncols=2)
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
            words = f"{share[r, c]:.2f}\n{short(counts[r, c])}"
            cell = axis.text(c, r, words, ha="center", va="center", color=color, fontsize=7)
            cell.set_in_layout(False)  # it lies inside, and to measure a hundred takes most of the time
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
