"""From templates to pages: whatever comes from files is escaped, pictures are embedded."""

import base64
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.plots.save import png_of

OF_CLASS = ("recall_", "precision_", "f1_", "iou_", "dice_", "boundary_f1_")  # what a score of one class begins with
PARTS = ("train", "val", "test", "oof", "explain", "calibration")  # what names of figures begin with


@dataclass
class Picture:
    """A figure of a page.

    Args:
        title: Heading.
        alt: What it shows, in words, for those who cannot see it.
        png: Its content, base64.
    """

    title: str
    alt: str
    png: str


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Render a template of ``templates/`` into a self-contained page at ``path``."""
    write_atomic(path, ENVIRONMENT.get_template(template).render(**values))
    return path


def drawn(figure: Figure, title: str, alt: str) -> Picture:
    """A figure as a picture of a page."""
    return Picture(title, alt, base64.b64encode(png_of(figure)).decode())


def pictures_in(files: Iterable[Path], explained: dict[str, str]) -> list[Picture]:
    """Figures that stand in files, by name.

    Args:
        files: PNG files such as ``test_confusion.png``.
        explained: Name without part (``confusion``) -> what such a figure shows.
    """
    pictures = []
    for path in sorted(files):
        part, name = part_and_name(path.stem)
        title = f"{part.capitalize()}: {name}" if part else name.capitalize()
        alt = explained.get(name.replace(" ", "_"), f"Figure of {name}")
        pictures.append(Picture(title, f"{title}. {alt}.", base64.b64encode(path.read_bytes()).decode()))
    return pictures


def part_and_name(stem: str) -> tuple[str, str]:
    """``test_error_over_k`` -> ("test", "error over k"); without a part the first is empty."""
    part, _, name = stem.partition("_")
    return (part, name.replace("_", " ")) if part in PARTS and name else ("", stem.replace("_", " "))


def facts(results: dict[str, Any]) -> dict[str, Any]:
    """What is said in a word or a number, for a table of two columns."""
    return {key: value for key, value in results.items() if not isinstance(value, (dict, list))}


def first(rows: dict[str, Any], headline: str) -> dict[str, Any]:
    """The same mapping with the headline of each part first, where it is there."""
    return {name: row for name, row in rows.items() if name.split("/", 1)[-1] == headline} | rows


# ---- filters --------------------------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """Four decimals, or a dash."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4f}"


def value_of(m: dict[str, Any]) -> str:
    """The value of a score, or a dash where nothing was scored."""
    return number(None if m["n"] == 0 else m["value"])


def interval(m: dict[str, Any], name: str = "") -> str:
    """``0.8000 to 0.9000`` of a score; why it has no value; or nothing where it has a value and no interval."""
    return absent(m, name) or (f"{number(m['low'])} to {number(m['high'])}" if "low" in m else "")


def absent(m: dict[str, Any], name: str) -> str:
    """Why a score has no value, in words, or nothing where it has one. What ``name`` says is of a class or is not."""
    plain = name.rpartition("/")[2]
    if m.get("n") == 0:
        return "never predicted" if plain.startswith("precision_") else "no sample of this class"
    if name and (m["value"] is None or not math.isfinite(m["value"])):
        return "no sample of this class" if plain.startswith(OF_CLASS) else "undefined on these samples"
    return ""


def mean_sd(stats: dict[str, Any] | None) -> str:
    """``0.8800 ± 0.0020``, without sd for a single run."""
    if stats is None or stats["mean"] is None:
        return "-"
    return number(stats["mean"]) + (f" ± {number(stats['sd'])}" if stats["sd"] is not None else "")


ENVIRONMENT = Environment(
    loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
ENVIRONMENT.filters |= {"number": number, "interval": interval, "mean_sd": mean_sd}
