"""Figures of predicted numbers."""

from matplotlib.figure import Figure
from torch import Tensor

SHOWN = 5000  # points; more are a blot


def scatter_figure(pred: Tensor, target: Tensor) -> Figure:
    """Prediction over target, (N,) or (N, D), with the line of equality."""
    step = max(1, target.numel() // SHOWN)
    x, y = target.float().cpu().flatten()[::step], pred.float().cpu().flatten()[::step]
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axis = figure.subplots()
    axis.plot(x.tolist(), y.tolist(), ".", markersize=3, alpha=0.5, color="#0072B2")
    ends = [min(float(x.min()), float(y.min())), max(float(x.max()), float(y.max()))]
    axis.plot(ends, ends, ":", color="#999999", label="equal")
    axis.set(xlabel="target", ylabel="prediction")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure
