"""Points in the plane."""

from matplotlib.figure import Figure
from torch import Tensor

from .style import COLORS


def points_figure(points: Tensor) -> Figure:
    """The first two coordinates of points (N, D), D of 2 or more."""
    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    axis = figure.add_subplot()
    axis.scatter(points[:, 0].tolist(), points[:, 1].tolist(), s=8, color=COLORS[7], alpha=0.6, linewidth=0)
    axis.set(xlabel="first coordinate", ylabel="second coordinate")
    axis.grid(alpha=0.3)
    return figure
