"""Make the figures of ``docs/gallery.md`` by the commands that stand there, and the picture at the top of the README.

    python docs/gallery.py --root FOLDER               # all, on real data
    python docs/gallery.py                             # all, on simulated data
    python docs/gallery.py --only mars isic            # those whose figure begins so

Runs stay in ``--work`` (build/gallery): a figure whose run is there is fetched again and not trained again.
"""

import argparse
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageOps
from screenshots import shoot

DOCS = Path(__file__).resolve().parent
SIDE, MARGIN = 900, 10  # the longest side of a figure and its margin, in pixels
PALETTE = {"colors": 256, "method": Image.Quantize.FASTOCTREE, "dither": Image.Dither.NONE}  # median cut merges lines
OVERVIEW = {  # figure -> the part of it that is shown above: left, top, right, bottom as shares
    "mars_segmentation": (0, 0.345, 1, 1),
    "blood_cells_explain": (0, 0, 1, 0.495),
    "optimiser_paths": (0.5, 0, 1, 0.505),
    "gas_forecast": (0, 0.06, 0.6, 0.492),
    "mnist_diffusion_denoising": (0, 0, 1, 1),
    "phrasebank_attention": (0, 0, 1, 0.66),
}


@dataclass
class Entry:
    """A section of the gallery: arguments of its commands, the file of a run, the picture beside the page."""

    commands: list[str]
    source: str
    picture: Path


def entries(page: str) -> list[Entry]:
    """The sections of ``page``, the text of ``gallery.md``.

    Raises:
        ValueError: A section has no command, names no file of a run or shows no picture.
    """
    sections = []
    for text in page.split("\n## ")[1:]:
        title, body = text.split("\n", 1)
        commands = re.findall(r"^ {4}python cli\.py (.+)$", body.replace("\\\n", ""), re.M)
        source, picture = re.search(r"^From `(runs/\S+)`\.$", body, re.M), re.search(r"\]\((figures/\w+\.png)\)", body)
        if not commands or source is None or picture is None:
            raise ValueError(f"gallery.md, {title!r}: a section has commands, a picture, and a line From `runs/...`.")
        sections.append(Entry(commands, source[1], DOCS / picture[1]))
    return sections


def arguments(command: str, root: Path | None) -> list[str]:
    """Words of a command, with the data folder where ``FOLDER`` stands; without one the option is left away."""
    if root is None:
        command = command.replace("--data.root FOLDER", "--data.source simulated")
    return [word.replace("FOLDER", str(root)) for word in shlex.split(command)]


def reduce(image: Image.Image, side: int = SIDE) -> Image.Image:
    """The picture with a narrow white margin, at most ``side`` pixels long, in 256 colours."""
    image = image.convert("RGB")
    image = image.crop(ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox())
    image.thumbnail((side - 2 * MARGIN, side - 2 * MARGIN), Image.Resampling.LANCZOS)
    return ImageOps.expand(image, MARGIN, "white").quantize(**PALETTE)


def overview(width: int = 400, height: int = 250, gap: int = 12) -> Image.Image:
    """Parts of six figures, three in a row, each in a cell of ``width`` by ``height`` pixels."""
    sheet = Image.new("RGB", (3 * width + 4 * gap, 2 * height + 3 * gap), "white")
    for place, (name, share) in enumerate(OVERVIEW.items()):
        figure = Image.open(DOCS / "figures" / f"{name}.png").convert("RGB")
        figure = figure.crop([round(s * n) for s, n in zip(share, figure.size * 2, strict=True)])
        figure.thumbnail((width, height), Image.Resampling.LANCZOS)
        left, top = gap + place % 3 * (width + gap), gap + place // 3 * (height + gap)
        sheet.paste(figure, (left + (width - figure.width) // 2, top + (height - figure.height) // 2))
    return sheet.quantize(**PALETTE)


def main() -> None:
    """Run what is missing, then bring the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of the real data; simulated data where it is left away")
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of the names of figures")
    parser.add_argument("--work", type=Path, default=DOCS.parent / "build" / "gallery", help="where runs are kept")
    options = parser.parse_args()
    root = options.root and options.root.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    for entry in entries((DOCS / "gallery.md").read_text(encoding="utf-8")):
        if not entry.picture.name.startswith(tuple(options.only)):
            continue
        source = options.work / entry.source
        if not source.is_file():
            for command in entry.commands:
                print(f"python cli.py {command}", flush=True)
                words = [sys.executable, str(DOCS.parent / "cli.py"), *arguments(command, root)]
                subprocess.run(words, cwd=options.work, check=True)
        if source.suffix == ".html":
            shoot(source.resolve().as_uri(), 1280, entry.picture, height=1000)
            source = entry.picture
        reduce(Image.open(source)).save(entry.picture, optimize=True)
        print(f"{entry.picture.relative_to(DOCS)}: {entry.picture.stat().st_size // 1024} KB", flush=True)
    overview().save(DOCS / "figures" / "overview.png", optimize=True)


if __name__ == "__main__":
    main()
