"""From templates to pages: whatever comes from files is escaped, pictures are embedded."""

import base64
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from lightning_tasks.app.messages import SAYS_NOTHING, SIMULATED
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.plots.save import png_of

from .captions import Captions, caption_of

OF_CLASS = ("recall_", "precision_", "f1_", "iou_", "dice_", "boundary_f1_")  # what a score of one class begins with
VERSIONS = ("python", "git_commit")
LARGE = 800  # pixels: a wider figure gets more of a row, and a wide one a row by itself
WIDE = 1.25  # width over height
COUNT = 20  # whole numbers from here on are counts: samples, parameters


@dataclass
class Picture:
    """A figure of a page.

    Args:
        title: What stands below it.
        shows: What one sees, in words; empty where nobody has said it.
        png: Its content.
    """

    title: str
    shows: str
    png: bytes

    @property
    def alt(self) -> str:
        """For those who cannot see it."""
        return f"{self.title}. {self.shows}." if self.shows else f"Figure: {self.title}."

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, of the header (PNG specification, 11.2.2)."""
        return struct.unpack(">II", self.png[16:24])

    @property
    def is_large(self) -> bool:
        """Whether a phone shows it at less than half its size."""
        return self.size[0] > LARGE

    @property
    def is_wide(self) -> bool:
        """Whether it fills a row."""
        width, height = self.size
        return self.is_large and width > WIDE * height

    @property
    def base64(self) -> str:
        """Its content, for a page that holds it."""
        return base64.b64encode(self.png).decode()


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Render a template of ``templates/`` into a self-contained page at ``path``.

    Where ``results`` are of simulated data and no note says why, a note says so: a page is shown to others, without the
    command that made it.
    """
    notes, source = values["notes"], values.get("results", {}).get("data_source") or ""
    if "simulated" in source and not any(note.startswith(SIMULATED) for note in notes):
        values["notes"] = [SAYS_NOTHING, *notes]
    write_atomic(path, ENVIRONMENT.get_template(template).render(**values))
    return path


def drawn(figure: Figure, title: str, shows: str) -> Picture:
    """A figure as a picture of a page."""
    return Picture(title, shows, png_of(figure))


def pictures_in(files: Iterable[Path], known: Captions) -> list[Picture]:
    """Figures that stand in files, by name.

    Args:
        files: PNG files such as ``test_confusion.png``.
        known: Captions by name without part (``confusion``).

    Raises:
        ValueError: A file is no whole PNG.
    """
    pictures = []
    for path in sorted(files):
        caption, png = caption_of(path.stem, known), path.read_bytes()
        if not png.startswith(b"\x89PNG") or b"IEND" not in png[-12:]:  # its last chunk, see 11.2.5
            raise ValueError(f"{path} is no whole PNG file. Delete it, or make it again.")
        pictures.append(Picture(caption.title, caption.shows, png))
    return pictures


def facts(results: dict[str, Any]) -> dict[str, Any]:
    """What is said in a word or a number, for a table of two columns; what ``identity`` has is left out."""
    plain = {key: value for key, value in results.items() if not isinstance(value, (dict, list))}
    if "best_epoch" in plain:
        plain["best_epoch"] += 1  # people count from 1
    return {key: value for key, value in plain.items() if key not in identity(results)}


def identity(results: dict[str, Any]) -> dict[str, Any]:
    """Fingerprints and versions: what tells one result from another that looks the same."""
    kept = {key: value for key, value in results.items() if key.endswith("fingerprint") or key in VERSIONS}
    return results.get("packages", {}) | kept


def first(rows: dict[str, Any], headline: str) -> dict[str, Any]:
    """The same mapping with the headline of each part first, where it is there."""
    return {name: row for name, row in rows.items() if name.split("/", 1)[-1] == headline} | rows


# ---- filters --------------------------------------------------------------------------------------------------


def number(value: float | None) -> str:
    """Four decimals, a count such as 14,977,218 without, or a dash."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= COUNT and value == int(value) else f"{value:.4f}"


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
