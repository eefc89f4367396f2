"""Table and HTML page of an ensemble."""

from pathlib import Path
from typing import Any

from lightning_tasks.app.console import chosen, print_notes, verdict_of
from lightning_tasks.common.json_files import read_json

from .cautions import cautions
from .render import facts, first, identity, interval, number, value_of, write_page

SHOWN = 5  # metrics in the printed table; the report has all


def print_members(results: dict[str, Any]) -> None:
    """One line a member, then the ensemble with its intervals."""
    ensemble = results["metrics"]
    names = list(chosen(ensemble, results["headline"]))[:SHOWN]
    heads = ["* " * (name.split("/", 1)[-1] == results["headline"]) + name for name in names]
    width = max(len("95 % interval"), *(len(m["run"]) for m in results["members"]))
    size = max(16, *map(len, heads), *(len(interval(ensemble[name], name)) for name in names))
    print(f"{'member':{width}} {'weight':>7}" + "".join(f"  {head:>{size}}" for head in heads))
    for m in results["members"]:
        cells = "".join(f"  {number(m['metrics'][name]['value']):>{size}}" for name in names)
        print(f"{m['run']:{width}} {m['weight']:7.3f}{cells}")
    print(f"{'ensemble':{width}} {'':7}" + "".join(f"  {number(ensemble[name]['value']):>{size}}" for name in names))
    if any(interval(ensemble[name], name) for name in names):
        spans = [interval(ensemble[name], name) for name in names]
        print(f"{'95 % interval':{width}} {'':7}" + "".join(f"  {span:>{size}}" for span in spans))
    print_notes([*results["notes"], *cautions(ensemble)], False)
    n = next(iter(ensemble.values()))["n"]
    print(f"Scored on: {results['scored']} (n = {n}), {results['data_source']} data. Weights: {results['weighting']}.")
    print(f"Members recalibrated by their calibration.json: {results['calibrated']} of {results['networks']}.")
    if line := verdict_of(results):
        print(line)
    print_notes([], results["data_source"] == "simulated")


def write_ensemble_report(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json`` of an ensemble."""
    results = read_json(folder / "results.json")
    members = results["members"]
    metrics, headline = results["metrics"], results["headline"]
    rows = {}
    for name, m in first(metrics, headline).items():
        member_values = [number(member["metrics"][name]["value"]) for member in members]
        rows[name] = [name, value_of(m), interval(m, name), m["n"], m["units"], *member_values]
    head = ["metric", "ensemble", "95 % interval", "n", "units", *(f"member {i}" for i in range(len(members)))]
    return write_page(
        folder / "report.html",
        "ensemble.html",
        title=f"{results['experiment']} / {results['name']}",
        notes=[*results["notes"], *cautions(metrics)],
        results=results,
        verdict=verdict_of(results),
        score_head=head,
        score_rows=[rows[name] for name in chosen(metrics, headline)],
        all_head=head,
        all_rows=list(rows.values()),
        member_rows=[[i, m["run"], f"{m['weight']:.3f}"] for i, m in enumerate(members)],
        facts=facts(results),
        identity=identity(results),
    )
