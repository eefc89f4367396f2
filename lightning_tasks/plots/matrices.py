"""Matrices as images with their numbers."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure


def matrices_figure(matrices: Mapping[str, np.ndarray], columns: int = 3) -> Figure:
    """Each matrix (H, W) under its name, with a number in each cell; blue below 0, red above, white at 0.

    Args:
        matrices: Name -> numbers. Each has a colour scale of its own: what compares is the sign.
        columns: Matrices side by side.

    Raises:
        ValueError: No matrix, or an array with another number of axes.
    """
    if not matrices or any(np.ndim(m) != 2 or not np.size(m) for m in matrices.values()):
        raise ValueError(f"shapes {[np.shape(m) for m in matrices.values()]}: need matrices (H, W), not empty.")
    columns = min(columns, len(matrices))
    lines = -(-len(matrices) // columns)
    figure = Figure(figsize=(2.3 * columns, 2.3 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, matrix) in zip(axes, matrices.items(), strict=False):
        most = float(np.abs(matrix).max()) or 1.0
        axis.imshow(matrix, cmap="RdBu_r", vmin=-2 * most, vmax=2 * most)  # pale: the numbers are what is read
        axis.set_title(name, fontsize=9)
        for (row, column), value in np.ndenumerate(matrix):
            axis.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=8)
    return figure
