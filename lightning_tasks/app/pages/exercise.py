"""Pages of a computed exercise: its report, and the animation of paths where it has some."""

import base64
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.common.json_files import read_json
from lightning_tasks.plots.save import png_of
from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Scene

from .captions import EXERCISES
from .render import Picture, pictures_in, write_page

FRAMES = 200  # of the longest path; longer ones are thinned
SIDE = 3.6  # inches of a scene


def write_exercise_report(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json`` and the figures beside it."""
    results = read_json(folder / "results.json")
    tables = [{**table, "rows": [[cell(v) for v in row] for row in table["rows"]]} for table in results["tables"]]
    checks = [[c["name"], cell(c["found"]), cell(c["expected"]), "ok" if c["holds"] else "DIFFERS"]
              for c in results["checks"]]  # fmt: skip
    return write_page(
        folder / "report.html",
        "exercise.html",
        title=f"{results['name']}: {results['title']}",
        notes=[],
        results=results,
        answers=side_by_side(tables, sorted((folder / "figures").glob("*.png"))),
        checks=checks,
        animated=(folder / "animation.html").is_file(),
    )


def side_by_side(tables: list[dict[str, Any]], files: list[Path]) -> list[tuple[dict[str, Any], list[Picture]]]:
    """Each table with the figure of its place, by name; the last one has all that are left."""
    last = len(tables) - 1
    return [
        (table, pictures_in(files[place:] if place == last else files[place : place + 1], EXERCISES))
        for place, table in enumerate(tables)
    ]


def cell(value: Any) -> str:
    """Numbers in short, also those in lists; what is no number, and None in JSON, as a dash."""
    if isinstance(value, list):
        return "[" + ", ".join(cell(v) for v in value) + "]"
    if value is None or isinstance(value, float) and math.isnan(value):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_animation(path: Path, title: str, scenes: list[Scene]) -> Path:
    """Write a self-contained page that plays the paths of all scenes side by side."""
    names = list(dict.fromkeys(name for scene in scenes for name in scene.paths))
    steps = max(len(points) for scene in scenes for points in scene.paths.values())
    every = -(-steps // FRAMES)
    content = [
        {
            "title": scene.title,
            "png": base64.b64encode(png_of(background(scene))).decode(),
            "paths": {name: on_canvas(points[::every], scene.extent) for name, points in scene.paths.items()},
        }
        for scene in scenes
    ]
    colors = dict(zip(names, PALETTE * (len(names) // len(PALETTE) + 1), strict=False))
    return write_page(path, "animation.html", title=title, notes=[], scenes=content, colors=colors, every=every)


def background(scene: Scene) -> Figure:
    """Contours that fill the picture to its edges."""
    figure = Figure(figsize=(SIDE, SIDE))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    axis.contourf(np.asarray(scene.height), levels=24, cmap="Greys", alpha=0.7)
    return figure


def on_canvas(points: np.ndarray, extent: tuple[float, float, float, float]) -> list[list[float]]:
    """Points (T, 2) as shares of width and height from the upper left; a path ends where it is not finite."""
    left, right, bottom, top = extent
    points = np.asarray(points, float)
    finite = np.isfinite(points).all(1)
    points = points[: len(points) if finite.all() else int(finite.argmin())]
    shares = np.stack([(points[:, 0] - left) / (right - left), (top - points[:, 1]) / (top - bottom)], 1)
    return np.clip(shares, -5, 5).round(4).tolist()
