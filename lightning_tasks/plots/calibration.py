"""Figures about calibration. Each function returns a Matplotlib figure that the caller closes."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

Bins = tuple[Tensor, Tensor, Tensor]  # count, mean confidence and accuracy of each bin of equal width


def reliability_figure(
    before: Bins, after: Bins | None = None, titles: tuple[str, str] = ("before", "after"), chance: float = 0.0
) -> Figure:
    """Accuracy over confidence with the gap to the diagonal, and how many samples each bin holds.

    Args:
        before: From ``calibration.reliability_bins`` with bins of equal width.
        after: The same for recalibrated probabilities.
        titles: Over the two panels.
        chance: 1 / K: no confidence lies below it.

    Source of the form: Guo et al. 2017, figure 4; with counts, because bars of a few samples say little.
    """
    panels = [before] if after is None else [before, after]
    figure = Figure(figsize=(4.6 * len(panels), 5.2), layout="constrained")
    axes = figure.subplots(2, len(panels), squeeze=False, sharex=True, sharey="row", height_ratios=[3, 1])
    for column, (bins, title) in enumerate(zip(panels, titles, strict=False)):
        _reliability(axes[0, column], bins, title, chance)
        _counts(axes[1, column], bins[0])
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("samples")
    return figure


def _edges(bins: int) -> tuple[np.ndarray, float]:
    return np.arange(bins) / bins, 1 / bins


def _reliability(axis: Axes, bins: Bins, title: str, chance: float) -> None:
    count, confidence, accuracy = (v.cpu().numpy() for v in bins)
    left, width = _edges(len(count))
    held = count > 0
    gap = accuracy - confidence
    error = float((count * np.abs(gap)).sum() / max(count.sum(), 1))
    axis.bar(left[held], accuracy[held], width, align="edge", color="#56B4E9", edgecolor="black", linewidth=0.6,
             label="accuracy")  # fmt: skip
    axis.bar(left[held], -gap[held], width, bottom=accuracy[held], align="edge", color="#D55E00", alpha=0.35,
             hatch="//", edgecolor="#D55E00", linewidth=0.6, label="gap to confidence")  # fmt: skip
    axis.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1)
    if chance:
        axis.axvline(chance, color="#999999", linestyle=":", linewidth=1, label="chance")
    axis.set(xlim=(0, 1), ylim=(0, 1), title=f"{title}: ECE {error:.4f}, n {int(count.sum())}")
    axis.legend(fontsize=8, loc="upper left")


def _counts(axis: Axes, count: Tensor) -> None:
    left, width = _edges(len(count))
    values = count.cpu().numpy()
    axis.bar(left, values, width, align="edge", color="#999999", edgecolor="black", linewidth=0.6)
    for x, n in zip(left, values, strict=True):
        if n:
            axis.text(x + width / 2, n, int(n), ha="center", va="bottom", fontsize=6, rotation=90)
    axis.set_xlabel("confidence (probability of the predicted class)")
    axis.margins(y=0.45)


def scaling_figure(factors: Tensor, ece: Tensor, nll: Tensor, chosen: float | None = None) -> Figure:
    """ECE and NLL of p = softmax(a z) over the factor a; all arguments but ``chosen`` are (F,)."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    left = figure.subplots()
    right = left.twinx()
    lines = left.plot(factors.tolist(), ece.tolist(), color="#D55E00", label="ECE")
    lines += right.plot(factors.tolist(), nll.tolist(), color="#0072B2", label="NLL")
    lines.append(left.axvline(1, color="#999999", linestyle=":", label="a = 1, unscaled"))
    if chosen is not None:
        lines.append(left.axvline(chosen, color="black", linestyle="--", label=f"a = {chosen:.3f}, fitted"))
    left.set_xscale("log")
    left.set(xlabel="a in softmax(a z), a = 1 / T: below 1 softens, above 1 sharpens", ylabel="ECE")
    right.set_ylabel("NLL")
    figure.legend(handles=lines, fontsize=8, ncols=len(lines), loc="outside upper center")
    return figure


def risk_figure(before: tuple[Tensor, Tensor], after: tuple[Tensor, Tensor] | None = None) -> Figure:
    """Error among the most confident samples over the share of samples kept (``calibration.risk_coverage``)."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    if after is not None and torch.allclose(before[1], after[1], atol=1e-9):
        lines = {"before and after: the order of the samples is the same": before}
    else:
        lines = {"before": before} | ({"after": after} if after is not None else {})
    for name, (kept, risk) in lines.items():
        axis.plot(kept.tolist(), risk.tolist(), label=name)
    axis.set(xlabel="share of samples kept, most confident first", ylabel="error among them", xlim=(0, 1))
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure
