"""Markdown that tasks write, in blocks for a page: titles, words with some of them bold, tables, lines as they are."""

import re
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from .captions import title_of_text

LONG = 16  # lines that stand open on a page; longer texts are folded
MARKS = re.compile(r"\\([\\`*_{}\[\]<>#|])|(\*\*)|(.)", re.DOTALL)  # an escaped mark, bold on or off, any other letter
BAR = re.compile(r"(?<!\\)\|")


@dataclass
class Block:
    """A part of a text.

    Args:
        kind: ``title``, ``words``, ``table``, or ``lines``, which are shown as they are.
        text: Its letters, without marks; of a table none.
        pieces: Of words: letters, and whether they are bold.
        head: Of a table.
        rows: Of a table.
    """

    kind: str
    text: str = ""
    pieces: list[tuple[str, bool]] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


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
    """Blocks of what tasks write: a part of Markdown, in which no HTML is read."""
    blocks = []
    for kind, group in groupby(content.splitlines(), key=kind_of_line):
        lines = list(group)
        if kind == "table":
            blocks.append(table_of(lines))
        elif kind == "title":
            blocks += [Block("title", plain(line.lstrip("# "))) for line in lines]
        elif kind == "lines":
            blocks.append(Block("lines", "\n".join(line[4:] for line in lines)))
        elif kind == "words":
            pieces = pieces_of("\n".join(lines))
            blocks.append(Block("words", "".join(text for text, _ in pieces), pieces))
    return blocks


def kind_of_line(line: str) -> str:
    """To which kind of block a line belongs; a blank one ends all of them."""
    begins = {"|": "table", "#": "title", "    ": "lines"}
    return next((kind for start, kind in begins.items() if line.startswith(start)), "words" if line.strip() else "")


def table_of(lines: list[str]) -> Block:
    """Lines that begin with a bar, as a table; as they are where these have not all as many cells."""
    cells = [[plain(cell.strip()) for cell in BAR.split(line.strip())[1:-1]] for line in lines]
    if len(cells) < 3 or len({len(row) for row in cells}) > 1:
        return Block("lines", "\n".join(lines))
    return Block("table", head=cells[0], rows=cells[2:])  # the second line is the rule below the head


def plain(text: str) -> str:
    """Letters without marks."""
    return "".join(letters for letters, _ in pieces_of(text))


def pieces_of(text: str) -> list[tuple[str, bool]]:
    """Letters, and whether they are bold."""
    pieces, bold = [["", False]], False
    for escaped, mark, letter in MARKS.findall(text):
        if mark:
            bold = not bold
            pieces.append(["", bold])
        else:
            pieces[-1][0] += escaped or letter
    return [(letters, bold) for letters, bold in pieces if letters]
