"""The HTML page of a sweep or a tuning: its Markdown tables, its figures, and the way to the report of each run."""

import html
import json
import re
from itertools import groupby
from pathlib import Path

from lightning_tasks.common.atomic import write_atomic

from .html import embed, grid, page


def write_comparison_report(folder: Path) -> Path:
    """Write ``report.html`` from ``sweep.md`` or ``tune.md``, the pictures and the runs below ``folder``."""
    results = json.loads((folder / "results.json").read_text())
    below = Path("final") if results["kind"] == "tune" else Path()
    finished = results["final"]["runs"] if below.parts else results["runs"]
    runs = [below / r["combination"] / f"seed_{r['seed']}" / "report.html" for r in finished if "metrics" in r]
    parts = [
        as_html((folder / f"{results['kind']}.md").read_text()),
        *(f"<h3>{html.escape(p.stem)}</h3>{embed(p.read_bytes())}" for p in pictures(folder)),
        "<h2>Runs</h2>" if runs else "",
        "<ul>" + "".join(f'<li><a href="{html.escape(str(p))}">{html.escape(str(p.parent))}</a></li>' for p in runs),
        "</ul>",
    ]
    write_atomic(folder / "report.html", page(f"{results['experiment']} {results['name']}", parts))
    return folder / "report.html"


def pictures(folder: Path) -> list[Path]:
    """Those of the comparison itself, not of its runs."""
    return [*sorted(folder.glob("*.png")), *sorted((folder / "figures").glob("*.png"))]


def as_html(text: str) -> str:
    """Headings, tables, lists and paragraphs, which is all that our Markdown uses."""
    parts = []
    for kind, lines in groupby(text.splitlines(), block):
        lines = list(lines)
        if kind == "heading":
            parts += [f"<h{len(m[1])}>{inline(m[2])}</h{len(m[1])}>" for m in map(HEADING.match, lines)]
        elif kind == "table":
            rows = [
                [cell.strip() for cell in line.strip("| ").split(" |")] for line in lines if set(line) - set("|-: ")
            ]
            parts.append(grid(rows[0], [[inline(cell) for cell in row] for row in rows[1:]]))
        elif kind == "list":
            parts.append("<ul>" + "".join(f"<li>{inline(line[2:])}</li>" for line in lines) + "</ul>")
        elif kind == "text":
            parts.append(f"<p>{inline(' '.join(lines))}</p>")
    return "".join(parts)


HEADING = re.compile(r"(#+) (.*)")


def block(line: str) -> str:
    """What a line belongs to."""
    if not line.strip():
        return ""
    return {"#": "heading", "|": "table", "-": "list"}.get(line[0], "text")


def inline(text: str) -> str:
    """Escaped, with code and strong text marked."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
