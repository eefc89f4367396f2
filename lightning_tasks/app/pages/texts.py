"""Markdown that tasks write, in blocks for a page: its tables as tables, all else as it is."""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from .captions import title_of_text

LONG = 16  # lines that stand open on a page; longer texts are folded


@dataclass
class Block:
    """A table (``head`` and ``rows``) or lines of text."""

    text: str
    head: list[str]
    rows: list[list[str]]


@dataclass
class Text:
    """A text of a run with its title."""

    title: str
    blocks: list[Block]
    is_long: bool


def text_of(path: Path) -> Text:
    """The text in a Markdown file such as ``test_answers.md``."""
    content = path.read_text(encoding="utf-8")
    return Text(title_of_text(path.stem), blocks_of(content), content.count("\n") > LONG)


def blocks_of(content: str) -> list[Block]:
    """Tables and what stands between them. Lines of a table begin with a bar, and all have as many cells."""
    blocks = []
    for is_table, group in groupby(content.splitlines(), key=lambda line: line.startswith("|")):
        lines = list(group)
        cells = [
            [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")] for line in lines
        ]
        if is_table and len(cells) > 2 and len({len(row) for row in cells}) == 1:
            blocks.append(Block("", cells[0], cells[2:]))  # the second line is the rule below the head
        elif text := "\n".join(lines).strip("\n"):
            blocks.append(Block(text, [], []))
    return blocks
