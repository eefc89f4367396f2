"""Figures of a data report: class histogram, contact sheet of suspects, t-SNE map."""

import numpy as np
from matplotlib.figure import Figure

from .mosaic import mosaic, rgb
from .style import PALETTE


def class_figure(counts: dict[str, dict[str, int]]) -> Figure:
    """Samples of each class, a bar for each part side by side.

    Args:
        counts: part -> class name -> samples.
    """
    names = list(dict.fromkeys(name for part in counts.values() for name in part))
    figure = Figure(figsize=(max(5, 0.9 * len(names) + 2), 3.5), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(counts)
    for i, (part, in_part) in enumerate(counts.items()):
        at = np.arange(len(names)) + (i - (len(counts) - 1) / 2) * width
        bars = axis.bar(at, [in_part.get(name, 0) for name in names], width, label=part, color=PALETTE[i])
        axis.bar_label(bars, fontsize=6)
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    axis.set_ylabel("samples")
    axis.legend(fontsize=8)
    return figure


def contact_sheet(images: np.ndarray, words: list[str], columns: int = 8) -> Figure:
    """Pictures (n, C, H, W), uint8 or float, each under its words."""
    unit = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    return mosaic([rgb(image) for image in unit], columns, 164, words, fontsize=6)


def map_figure(
    points: np.ndarray, labels: np.ndarray | None, names: list[str], outliers: np.ndarray, dropped: np.ndarray
) -> Figure:
    """A map (N, 2) coloured by class, with outliers ringed and rows to leave out crossed."""
    figure = Figure(figsize=(8.5, 7), layout="constrained")
    axis = figure.subplots()
    if labels is None:
        axis.scatter(*points.T, s=5, color=PALETTE[1])
    else:
        for k in np.unique(labels):
            name = names[k] if k < len(names) else str(k)
            axis.scatter(*points[labels == k].T, s=5, color=PALETTE[k % len(PALETTE)], label=name)
    if outliers.any():
        axis.scatter(*points[outliers].T, s=50, facecolors="none", edgecolors="black", linewidths=0.8,
                     label=f"outlier ({outliers.sum()})")  # fmt: skip
    if dropped.any():
        axis.scatter(*points[dropped].T, s=50, marker="x", color="red", label="in exclude.csv")
    axis.set_xticks([])
    axis.set_yticks([])
    if axis.get_legend_handles_labels()[1]:
        axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
