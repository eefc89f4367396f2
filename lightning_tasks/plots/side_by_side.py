"""Figures of several runs on one axes. Each function returns Matplotlib figures."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_tasks.measures.binary import Roc, auroc, average_precision

from .panels import panels_of
from .style import PALETTE

Curves = dict[str, list[tuple[float, float]]]  # metric -> (epoch, value)
SIZE = (4.4, 3.2)  # inches
NAMED = 12  # runs that a legend has room for


def scores_figure(results: dict[str, Any]) -> Figure:
    """The headline of each run with its interval, and its difference from that of the first with the paired one.

    Args:
        results: Of a comparison, as ``results.json`` holds it.
    """
    headline, runs = results["headline"], results["runs"]
    figure = Figure(figsize=(8, 0.9 + 0.32 * len(runs)), layout="constrained")
    values, changes = figure.subplots(1, 2, sharey=True)
    for y, run in enumerate(runs):
        _interval(values, y, run["scores"].get(headline), PALETTE[y % len(PALETTE)])
        _interval(changes, y, run["change"].get(headline), PALETTE[y % len(PALETTE)])
    changes.axvline(0, color="#999999", linestyle=":")
    values.set_yticks(range(len(runs)), [run["name"] for run in runs], fontsize=8)
    values.set_ylim(len(runs) - 0.5, -0.5)
    values.set_title(f"{headline}, 95 % interval", fontsize=9)
    changes.set_title(f"less that of {runs[0]['name']}, paired", fontsize=9)
    for axis in (values, changes):
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(axis="x", labelsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def _interval(axis: Any, y: int, score: dict[str, Any] | None, color: str) -> None:
    if score is None or score["value"] is None:
        return
    if score.get("low") is not None:
        axis.hlines(y, score["low"], score["high"], color=color)
    axis.plot(score["value"], y, "o", color=color, markersize=5)


def ranking_figure(curves: dict[str, Roc]) -> Figure:
    """ROC, and precision over recall, of the second of two classes.

    Args:
        curves: Name of a run -> its ROC, with samples of both classes.
    """
    figure = Figure(figsize=(8.8, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for place, (name, curve) in enumerate(curves.items()):
        color, few = PALETTE[place % len(PALETTE)], len(curves) <= NAMED
        label = f"{name}: {float(auroc(curve)):.4f}" if few else None
        left.plot(curve.fpr.tolist(), curve.tpr.tolist(), color=color, label=label)
        precision = curve.tp[1:] / (curve.tp[1:] + curve.fp[1:])
        label = f"{name}: {float(average_precision(curve)):.4f}" if few else None
        right.step(curve.tpr[1:].tolist(), precision.tolist(), where="pre", color=color, label=label)
    left.plot([0, 1], [0, 1], color="#999999", linestyle=":")
    left.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01), title="ROC, AUROC")
    right.set(xlabel="recall (sensitivity)", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02),
              title="precision over recall, average precision")  # fmt: skip
    for axis in (left, right):
        axis.title.set_fontsize(10)
        axis.grid(alpha=0.3)
        if len(curves) <= NAMED:
            axis.legend(fontsize=7, loc="lower right" if axis is left else "upper right")
    return figure


def curve_figures(runs: dict[str, Curves], monitor: str | None) -> dict[str, Figure]:
    """A panel for each metric of training that two runs have: train part dotted, validation part drawn.

    Args:
        runs: Name -> curves.
        monitor: Metric that chose the best epoch of the first run, which has a panel in any case.

    Returns:
        ``curves/<metric>`` -> figure; none where no run has two epochs.
    """
    names = list(dict.fromkeys(name for curves in runs.values() for name in curves))
    panels = panels_of(names, {}, monitor or "")
    figures = {}
    for title, group in panels.items():
        drawn = [
            (run, name) for run, curves in runs.items() for name in reversed(group) if len(curves.get(name, ())) > 1
        ]
        if len({run for run, _ in drawn}) > 1:
            figures[f"curves/{title.replace(' ', '_').replace('/', '_')}"] = _panel(runs, title, drawn)
    return figures


def _panel(runs: dict[str, Curves], title: str, drawn: list[tuple[str, str]]) -> Figure:
    figure = Figure(figsize=SIZE, layout="constrained")
    axis = figure.subplots()
    places, named = {run: place for place, run in enumerate(runs)}, set()
    for run, name in drawn:
        label = None if run in named or len(runs) > NAMED else run
        named.add(run)
        style = ":" if name.startswith("train/") and len({n for _, n in drawn}) > 1 else "-"
        axis.plot(*zip(*runs[run][name], strict=True), style, color=PALETTE[places[run] % len(PALETTE)], label=label)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("epoch", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axis.grid(alpha=0.3)
    if len(runs) <= NAMED:
        axis.legend(fontsize=7)
    return figure
