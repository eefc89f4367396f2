"""Curves of a run over its epochs: which metrics share a panel, and a picture of each panel."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .render import Picture, drawn

SIZE = (3.6, 2.6)  # inches: three panels in a row of a wide page, each as wide as a phone's
RATE = "train/lr"
Panels = dict[str, list[str]]  # title -> names of metrics


def curves_of(history: list[dict[str, float]], results: dict) -> list[Picture]:
    """The panels of a run; none where one epoch is no curve.

    Args:
        history: Rows of ``metrics.csv``.
        results: ``results.json``; its ``panels``, then one for each metric of training that they leave out.
    """
    names = list(dict.fromkeys(name for row in history for name in row))
    declared = results["panels"]
    held = {name for group in declared.values() for name in group}
    known = {title: [name for name in group if name in names] for title, group in declared.items()}
    known |= default_panels([name for name in names if name not in held])
    panels = with_always({title: group for title, group in known.items() if group}, names, results["monitor"])
    if len(history) < 2:
        return []
    best = results["best_epoch"]
    return [
        drawn(
            draw(history, title, group, best),
            f"Curve of {title}",
            f"{', '.join(group)} over the epochs, of which {best} is the best",
        )
        for title, group in panels.items()
    ]


def default_panels(names: list[str]) -> Panels:
    """A panel for each metric of training with its twin of validation: ``acc`` holds train/acc and val/acc.

    ``train/clean_acc`` is the train part measured as validation is measured, and stands in the same panel. What is
    measured on validation alone has none: there may be one for each class.
    """
    panels: Panels = {}
    for name in names:
        if name.startswith("train/") and name != RATE:
            panels.setdefault(name.removeprefix("train/").removeprefix("clean_"), []).append(name)
    return {title: [*group, *([twin] if (twin := f"val/{title}") in names else [])] for title, group in panels.items()}


def with_always(panels: Panels, names: list[str], monitor: str) -> Panels:
    """The same panels, and those of the monitored metric and of the learning rate where none holds them."""
    held = {name for group in panels.values() for name in group}
    always = {monitor.split("/", 1)[-1]: monitor, "learning rate": RATE}
    return panels | {title: [name] for title, name in always.items() if name in names and name not in held}


def draw(history: list[dict[str, float]], title: str, names: list[str], best_epoch: int) -> Figure:
    """One panel, with the best epoch marked."""
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
    """Epochs and values of one metric."""
    points = [(row["epoch"], row[name]) for row in history if name in row]
    return [e for e, _ in points], [v for _, v in points]
