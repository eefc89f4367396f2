"""Curves of a run over its epochs: which metrics share a panel, and the figure of all panels."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .render import Picture, drawn

COLUMNS = 3  # panels in a row
RATE = "train/lr"
Panels = dict[str, list[str]]  # title -> names of metrics


def curves_of(history: list[dict[str, float]], results: dict) -> Picture | None:
    """All panels of a run as one picture; None where one epoch is no curve.

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
    if len(history) < 2 or not panels:
        return None
    description = "; ".join(f"{title} ({', '.join(group)})" for title, group in panels.items())
    alt = f"Curves over the epochs, of which {results['best_epoch']} is the best: {description}."
    return drawn(draw(history, panels, results["best_epoch"]), "Curves", alt)


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


def draw(history: list[dict[str, float]], panels: Panels, best_epoch: int) -> Figure:
    """One panel each, three in a row, with the best epoch marked."""
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(10, 2.8 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    for axis, (title, names) in zip(axes, panels.items(), strict=False):
        for name in names:
            axis.plot(*series(history, name), ".-", label=name)
        axis.axvline(best_epoch, color="#999999", linestyle=":", label=f"best epoch {best_epoch}")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(fontsize=7)
        axis.grid(alpha=0.3)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def series(history: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Epochs and values of one metric."""
    points = [(row["epoch"], row[name]) for row in history if name in row]
    return [e for e, _ in points], [v for _, v in points]
