"""Scores of groups of samples, such as sites or patients."""

import math

from matplotlib.figure import Figure

from .style import COLORS


def groups_figure(scores: dict[str, tuple[float, int]], metric: str) -> Figure:
    """A bar for each group, the lowest first, with its number of samples.

    Args:
        scores: Name -> score, NaN where it is not defined, and number of samples.
        metric: Name of the score.
    """
    ordered = sorted(scores.items(), key=lambda item: (math.isnan(item[1][0]), item[1][0]))
    figure = Figure(figsize=(6.4, 1.2 + 0.24 * len(ordered)), layout="constrained")
    axis = figure.subplots()
    values = [0.0 if math.isnan(score) else score for _, (score, _) in ordered]
    axis.barh(range(len(ordered)), values, color=COLORS[2], edgecolor="black", linewidth=0.6)
    for row, (_, (score, n)) in enumerate(ordered):
        text = "none" if math.isnan(score) else f"{score:.3f}"
        axis.text(max(0.0, values[row]), row, f" {text}, n = {n}", va="center", fontsize=7)
    axis.set_yticks(range(len(ordered)), [name for name, _ in ordered], fontsize=7)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1.25 * max(values, default=1) or 1), xlabel=metric)
    return figure
