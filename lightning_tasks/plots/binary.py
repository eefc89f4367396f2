"""Figures about two classes, one of them rare. Each function returns a Matplotlib figure that the caller closes."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lightning_tasks.measures.binary import MIN_TPR, Roc, auroc, auroc_interval, average_precision, pauc, roc

from .style import COLORS


def roc_figure(curve: Roc, partial: bool = True) -> Figure:
    """ROC; with ``partial`` the region that the pAUC measures."""
    tpr, fpr = curve.tpr.cpu().numpy(), curve.fpr.cpu().numpy()
    figure = Figure(figsize=(4.8, 4.6), layout="constrained")
    axis = figure.subplots()
    if partial:
        # fpr as a function of tpr, on the points and at the line itself
        at = np.concatenate([[MIN_TPR], tpr[tpr > MIN_TPR]])
        left = np.concatenate([[np.interp(MIN_TPR, tpr, fpr)], fpr[tpr > MIN_TPR]])
        axis.fill_betweenx(at, left, 1, color=COLORS[2], alpha=0.35, linewidth=0,
                           label=f"pAUC above {MIN_TPR:.0%} sensitivity {float(pauc(curve)):.4f} of 0.2")  # fmt: skip
        axis.axhline(MIN_TPR, color="#999999", linewidth=0.6)
    axis.plot(fpr, tpr, color=COLORS[7], label=f"AUROC {float(auroc(curve)):.4f}")
    axis.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="chance")
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01))
    axis.legend(fontsize=8, loc="lower right")
    return figure


def precision_recall_figure(curve: Roc) -> Figure:
    """Precision over recall, and the prevalence, which is the precision of chance."""
    precision = curve.tp[1:] / (curve.tp[1:] + curve.fp[1:])
    share = float(curve.tp[-1] / (curve.tp[-1] + curve.fp[-1]))
    figure = Figure(figsize=(4.8, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.step(curve.tpr[1:].tolist(), precision.tolist(), where="pre", color=COLORS[7],
              label=f"average precision {float(average_precision(curve)):.4f}")  # fmt: skip
    axis.axhline(share, color="#999999", linestyle=":", label=f"prevalence {share:.4f}")
    axis.set(xlabel="recall (sensitivity)", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axis.legend(fontsize=8, loc="upper right")
    return figure


def scores_figure(prob: Tensor, label: Tensor, names: list[str], bins: int = 40) -> Figure:
    """How the logit of the positive class is distributed in each class: share of the class in each bin."""
    z = torch.logit(prob.double(), eps=1e-6).cpu().numpy()
    truth = label.cpu().numpy()
    edges = np.linspace(z.min() - 0.1, z.max() + 0.1, bins + 1)
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axis = figure.subplots()
    for k, color in enumerate((COLORS[7], COLORS[4])):
        of_class = z[truth == k]
        if len(of_class):
            axis.hist(of_class, edges, weights=np.full(len(of_class), 1 / len(of_class)), color=color, alpha=0.55,
                      label=f"{names[k]}, n {len(of_class)}")  # fmt: skip
    axis.set(xlabel=f"log odds of {names[1]}", ylabel="share of the class")
    axis.legend(fontsize=8)
    return figure


def strata_figure(strata: dict[str, tuple[Tensor, Tensor]]) -> Figure:
    """AUROC of each stratum with a 95 % interval (none at 0 and 1), beside its numbers of positives and negatives.

    Args:
        strata: Name -> ``prob`` and ``label`` (n,) of its samples, both classes among them.
    """
    figure = Figure(figsize=(6.4, 1.2 + 0.34 * len(strata)), layout="constrained")
    axis = figure.subplots()
    for row, (prob, label) in enumerate(strata.values()):
        positives = int(label.sum())
        area = float(auroc(roc(prob, label)))
        interval = auroc_interval(area, positives, len(label) - positives)
        axis.barh(row, area, color=COLORS[2], edgecolor="black", linewidth=0.6)
        if 0 < area < 1:  # of classes that are quite apart the formula gives an interval of no width
            axis.plot(interval, [row, row], color="black", linewidth=1.4)
        axis.text(1.01, row, f"{positives} / {len(label) - positives}", va="center", fontsize=8)
    axis.axvline(0.5, color="#999999", linestyle=":")
    axis.set_yticks(range(len(strata)), list(strata), fontsize=8)
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="AUROC with 95 % interval; right: positives / negatives")
    return figure
