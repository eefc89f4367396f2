"""Figures of tasks that write sequences."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .style import COLORS


def accuracy_by_length_figure(exact: Tensor, length: Tensor) -> Figure:
    """Share of right answers for each length, with its standard error.

    Args:
        exact: 0 or 1 (N,).
        length: int64 (N,).
    """
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.add_subplot()
    lengths = torch.unique(length).tolist()
    groups = [exact[length == n].double() for n in lengths]
    share = [float(group.mean()) for group in groups]
    error = [(p * (1 - p) / len(group)) ** 0.5 for p, group in zip(share, groups, strict=True)]
    axis.errorbar(lengths, share, error, fmt="o-", color=COLORS[7], capsize=3)
    axis.set(xlabel="digits", ylabel="answers that are right", ylim=(-0.03, 1.03), xticks=lengths)
    axis.grid(alpha=0.3)
    return figure
