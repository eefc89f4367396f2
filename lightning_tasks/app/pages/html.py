"""Building blocks of HTML pages: the page, tables, embedded pictures."""

import base64
import html
import math
from typing import Any

from matplotlib.figure import Figure

from lightning_tasks.plots.save import png_of

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
h1 { margin-bottom: .2rem } h2 { margin-top: 2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #eee; }
td:first-child, th:first-child { text-align: left; } img { max-width: 100%; }
pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; }
.warn { background: #fff3cd; border-left: .4rem solid #e0a800; padding: .6rem 1rem; } .muted { color: #666; }
"""


def page(title: str, parts: list[str]) -> str:
    """A whole HTML page of ready parts."""
    head = f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><meta charset=utf-8>{head}{''.join(parts)}</html>"


def grid(head: list[str], rows: list[list[Any]]) -> str:
    """A table whose cells are ready HTML."""
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + f"</tr>{body}</table>"


def number(value: float | None) -> str:
    """Four decimals, or a dash."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4f}"


def table(values: dict[str, Any]) -> str:
    """Two columns."""
    rows = "".join(f"<tr><td>{html.escape(str(k))}</td><td>{html.escape(str(v))}</td></tr>" for k, v in values.items())
    return f"<table>{rows}</table>"


def picture(figure: Figure) -> str:
    """A figure as an embedded PNG."""
    return embed(png_of(figure))


def embed(png: bytes) -> str:
    """PNG bytes as an image tag that needs no file."""
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"
