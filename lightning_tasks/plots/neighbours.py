"""Figures about nearest neighbours. Each function returns a Matplotlib figure that the caller closes."""

from typing import Any

import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.measures.nearest import vote

from .style import COLORS

GRID = 120  # points a side of a decision map


def error_figure(ks: list[int], curves: dict[str, Tensor], test: Tensor, chosen: int) -> Figure:
    """Left: error over k; right: bias^2 and variance over k.

    Args:
        ks: Numbers of neighbours.
        curves: Name -> (len(ks),); names with ``error`` are drawn left, the others right. NaN is not drawn.
        test: (len(ks),), error on the scored part.
        chosen: The k in use.
    """
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, (name, values) in enumerate({**curves, "scored part error": test}.items()):
        values = values.float().cpu()
        if not values.isnan().all():
            axis = left if "error" in name else right
            axis.plot(ks, values.tolist(), marker="o", markersize=4, label=name, color=COLORS[number + 1])
    for axis, title in ((left, "error"), (right, "squared error of the probabilities")):
        axis.axvline(chosen, color="#999999", linestyle=":", label=f"chosen k = {chosen}")
        axis.set_xscale("log")
        axis.set_xticks(ks, [str(k) for k in ks])
        axis.minorticks_off()
        axis.set(xlabel="k: few neighbours vary, many are biased", ylabel=title)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return figure


def decision_figure(task: Any) -> Figure:
    """Decision maps of the smallest, the chosen and the largest k of a ``NeighboursTask`` on two features."""
    ks = sorted({task.ks[0], int(task.k), task.ks[-1]})
    points, labels = task.bank.float(), task.bank_label
    low, high = points.min(0).values, points.max(0).values
    margin = 0.08 * (high - low)
    axes = [torch.linspace(float(a), float(b), GRID) for a, b in zip(low - margin, high + margin, strict=True)]
    grid = torch.cartesian_prod(*axes).to(points)  # (GRID^2, 2), already in the units of distances
    near, _ = task.index.search(grid, min(ks[-1], len(task.bank)))
    figure = Figure(figsize=(4 * len(ks), 3.8), layout="constrained")
    panels = figure.subplots(1, len(ks), squeeze=False)[0]
    cmap = ListedColormap(COLORS[1 : 1 + task.num_classes])
    shares = vote(labels[near], task.num_classes, ks)
    for number, (axis, k) in enumerate(zip(panels, ks, strict=True)):
        decided = shares[:, number].argmax(1).view(GRID, GRID).T.cpu().numpy()
        extent = [float(v) for v in (axes[0][0], axes[0][-1], axes[1][0], axes[1][-1])]
        options = {"cmap": cmap, "vmin": 0, "vmax": task.num_classes - 1}
        axis.imshow(
            decided, origin="lower", extent=extent, aspect="auto", alpha=0.35, interpolation="nearest", **options
        )
        axis.scatter(*points.cpu().T.numpy(), c=labels.cpu().numpy(), s=6, **options)
        axis.set_title(f"k = {k}" + (" (chosen)" if k == int(task.k) else ""), fontsize=10)
    return figure
