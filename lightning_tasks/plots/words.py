"""Words of a text with their weights: as Markdown, and as a figure. ``Line`` is a text with its title."""

import textwrap
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure

from .style import DPI

WIDTH, ROW = 96, 0.2  # letters of a line, inches of its height


class Line(NamedTuple):
    """A text.

    Args:
        title: What is to be said of it: prediction, truth.
        words: T words.
        weights: T numbers; below 0 speaks against.
    """

    title: str
    words: list[str]
    weights: list[float]


def words_as_markdown(lines: list[Line], bold: int = 3) -> str:
    """Each text with the weight of each word behind it in percent, the ``bold`` largest in bold; a table below it."""
    parts = []
    for line in lines:
        top = sorted(range(len(line.words)), key=lambda i: -abs(line.weights[i]))[:bold]
        said = [f"{escaped(word)}({weight:.0%})" for word, weight in zip(line.words, line.weights, strict=True)]
        shown = [f"**{word}**" if i in top else word for i, word in enumerate(said)]
        rest = ", ".join(f"{escaped(line.words[i])} {line.weights[i]:.3f}" for i in top)
        body = textwrap.fill(" ".join(shown), 120, break_long_words=False, break_on_hyphens=False)
        parts.append(f"### {escaped(line.title)}\n\n{body}\n\nLargest: {rest}")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text of the data within Markdown: marks that it would read as its own are shown as they are."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in text)


def words_figure(lines: list[Line], longest: int = 120) -> Figure:
    """Texts as rows of words on a ground as dark as their weight: orange for, blue against.

    Args:
        lines: Texts; the weights of each are divided by its own largest.
        longest: Words of a text that are drawn.
    """
    placed: list[tuple[int, int, str, float]] = []  # row, letter, word, weight
    heads: list[tuple[int, str]] = []
    row = 0
    for line in lines:
        heads.append((row, line.title))
        row, at = row + 1, 0
        largest = max(map(abs, line.weights)) or 1.0
        for word, weight in list(zip(line.words, line.weights, strict=True))[:longest]:
            if at + len(word) > WIDTH and at:
                row, at = row + 1, 0
            placed.append((row, at, word[:WIDTH], weight / largest))
            at += len(word) + 1
        row += 2
    figure = Figure(figsize=(10, max(1.0, ROW * (row + 1.5) + 0.1)), dpi=DPI)
    axis = figure.add_axes((0.01, 0, 0.98, 1))
    axis.set(xlim=(0, WIDTH + 2), ylim=(row, -2.2))
    axis.set_axis_off()
    against = "; orange for, blue against the class that is named" if any(w < 0 for *_, w in placed) else ""
    axis.text(0, -1.5, f"The darker a word, the more weight among those of its text{against}.", fontsize=8, va="center")
    for place, title in heads:
        axis.text(0, place, title, fontsize=8, va="center", fontweight="bold")
    for place, at, word, weight in placed:
        color = matplotlib.colormaps["Oranges" if weight >= 0 else "Blues"](0.75 * abs(weight))
        axis.add_patch(matplotlib.patches.Rectangle((at, place - 0.45), len(word), 0.9, color=color, linewidth=0))
        axis.text(at, place, word, fontsize=8, va="center", family="monospace", parse_math=False)
    return figure
