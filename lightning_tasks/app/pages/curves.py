"""Curves of a run over its epochs: a picture of each panel."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_tasks.plots.panels import panels_of

from .render import Picture, drawn

SIZE = (3.6, 2.6)  # inches: three panels in a row of a wide page, each as wide as a phone's


def curves_of(history: list[dict[str, float]], results: dict) -> list[Picture]:
    """The panels of a run; none where one epoch is no curve.

    Args:
        history: Rows of ``metrics.csv``.
        results: ``results.json``; its ``panels``, then one for each metric of training that they leave out.
    """
    names = list(dict.fromkeys(name for row in history for name in row))
    if len(history) < 2:
        return []
    panels = panels_of(names, results["panels"], results["monitor"])
    best = results["best_epoch"] + 1
    return [
        drawn(
            draw(history, title, group, best),
            f"Curve of {title}",
            f"{', '.join(group)} over the epochs, of which {best} is the best",
        )
        for title, group in panels.items()
    ]


def draw(history: list[dict[str, float]], title: str, names: list[str], best_epoch: int) -> Figure:
    """One panel, with the best epoch marked; epochs count from 1, as on the terminal."""
    figure = Figure(figsize=SIZE)
    axis = figure.add_axes((0.17, 0.17, 0.8, 0.73))  # margins by hand: to find them takes a third of the time
    for name in names:
        axis.plot(*series(history, name), ".-", label=name)
    axis.axvline(best_epoch, color="#999999", linestyle=":", label=f"best epoch {best_epoch}")
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("epoch", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axis.legend(fontsize=7)
    axis.grid(alpha=0.3)
    return figure


def series(history: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Epochs, which files count from 0, and values of one metric."""
    points = [(row["epoch"] + 1, row[name]) for row in history if name in row]
    return [e for e, _ in points], [v for _, v in points]
