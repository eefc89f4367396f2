"""Figures to files and to TensorBoard."""

from pathlib import Path

from matplotlib.figure import Figure

from lightning_tasks.common.atomic import write_atomic_with


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG at 110 dots an inch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic_with(path, lambda temporary: figure.savefig(temporary, dpi=110, format="png"))


def agg(figure: Figure) -> Figure:
    """Give a bare figure the canvas that TensorBoard's conversion needs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    return figure
