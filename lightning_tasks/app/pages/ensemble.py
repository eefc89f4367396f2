"""Table and HTML page of an ensemble."""

import html
import json
from pathlib import Path
from typing import Any

from lightning_tasks.common.atomic import write_atomic

from .html import grid, number, page, table

SHOWN = 5  # metrics in the printed table; the report has all


def print_members(results: dict[str, Any]) -> None:
    """One line a member, then the ensemble with its intervals."""
    ensemble = results["metrics"]
    chosen = results["monitor"].split("/", 1)[1]
    names = sorted(ensemble, key=lambda name: name.split("/", 1)[1] != chosen)[:SHOWN]
    width = max(len("95 % interval"), *(len(m["run"]) for m in results["members"]))
    size = max(17, *map(len, names))  # an interval takes 17
    print(f"{'member':{width}} {'weight':>7}" + "".join(f"  {name:>{size}}" for name in names))
    for m in results["members"]:
        cells = "".join(f"  {number(m['metrics'][name]['value']):>{size}}" for name in names)
        print(f"{m['run']:{width}} {m['weight']:7.3f}{cells}")
    print(f"{'ensemble':{width}} {'':7}" + "".join(f"  {number(ensemble[name]['value']):>{size}}" for name in names))
    if all("low" in ensemble[name] for name in names):
        spans = [f"{ensemble[name]['low']:.4f} - {ensemble[name]['high']:.4f}" for name in names]
        print(f"{'95 % interval':{width}} {'':7}" + "".join(f"  {span:>{size}}" for span in spans))
    for note in results["notes"]:
        print(f"note: {note}")
    n = next(iter(ensemble.values()))["n"]
    print(f"Scored on: {results['scored']} (n = {n}), {results['data_source']} data. Weights: {results['weighting']}.")


def write_ensemble_report(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json`` of an ensemble."""
    results = json.loads((folder / "results.json").read_text())
    found = results["members"]
    rows = []
    for name, m in results["metrics"].items():
        interval = f"{m['low']:.4f} to {m['high']:.4f}" if "low" in m else ""
        alone = [number(member["metrics"][name]["value"]) for member in found]
        rows.append([html.escape(name), f"<b>{number(m['value'])}</b>", interval, m["n"], m["units"], *alone])
    head = ["metric", "ensemble", "95 % interval", "n", "units", *(f"member {i}" for i in range(len(found)))]
    weights = [[i, html.escape(m["run"]), f"{m['weight']:.3f}"] for i, m in enumerate(found)]
    parts = [
        f"<h1>{html.escape(results['experiment'])} / {html.escape(results['name'])}</h1>",
        *(f"<p class=warn>{html.escape(note)}</p>" for note in results["notes"]),
        "<h2>Scores</h2>",
        f"<p>Scored on: {html.escape(results['scored'])}, {html.escape(results['data_source'])} data. "
        "Intervals: 95 % bootstrap over independent units (groups where the data has them, else samples).</p>",
        grid(head, rows),
        "<h2>Members</h2>",
        f"<p>Weights: {html.escape(results['weighting'])}.</p>",
        grid(["member", "run", "weight"], weights),
        "<h2>Run</h2>",
        table({k: v for k, v in results.items() if not isinstance(v, (dict, list))}),
    ]
    write_atomic(folder / "report.html", page(f"{results['experiment']} {results['name']}", parts))
    return folder / "report.html"
