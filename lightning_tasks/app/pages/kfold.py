"""Table and HTML page of a k-fold directory."""

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from .cautions import cautions
from .render import drawn, facts, first, interval, number, pictures_in, write_page
from .run import EXPLAINED

SHOWN_FOLDS = 5  # columns of the printed table; more do not fit a terminal


def rows_of_table(results: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a metric: name, value of each fold, mean, sd, pooled metric or None."""
    return [
        {
            "name": name,
            "folds": [fold["metrics"].get(name) for fold in results["per_fold"]],
            **over,
            "pooled": results["metrics"].get("oof/" + name.removeprefix("val/")) if name.startswith("val/") else None,
        }
        for name, over in results["over_folds"].items()
    ]


def print_folds(results: dict[str, Any]) -> None:
    """Folds, mean and sd, pooled value with interval and n."""
    rows = rows_of_table(results)
    width = max(len(row["name"]) for row in rows)
    shown = range(results["folds"]) if results["folds"] <= SHOWN_FOLDS else []
    heads = "".join(f" {f'fold {i}':>8}" for i in shown)
    print(f"{'metric':{width}}{heads} {'mean':>8} {'sd':>8} {'pooled':>8}  {'95 % interval':>17} {'n':>6}")
    for row in rows:
        cells = [*(row["folds"][i] for i in shown), row["mean"], row["sd"]]
        line = f"{row['name']:{width}}" + "".join(f" {number(cell):>8}" for cell in cells)
        if (m := row["pooled"]) is not None:
            interval = f"{m['low']:.4f} - {m['high']:.4f}" if "low" in m else ""
            line += f" {number(m['value']):>8}  {interval:>17} {m['n']:6d}"
        print(line)
    for note in [*results["notes"], *cautions(results["metrics"])]:
        print(f"note: {note}")
    print(f"Scored: {results['scored']}. {results['data_source'].capitalize()} data.")
    if results["test"]:
        print(f"test/...: the data's own test part ({results['test']}), the same for every fold.")


def write_kfold_report(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json`` and the figures of a k-fold directory."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    unit = "bag" if results["kind"] == "bags" else "fold"
    head = [
        *("metric", "pooled", "95 % interval", "n", "units", "mean", "sd"),
        *(f"{unit} {i}" for i in range(results["folds"])),
    ]
    rows = []
    for row in first({row["name"]: row for row in rows_of_table(results)}, results["headline"]).values():
        m = row["pooled"]
        pooled = [number(m["value"]), interval(m), m["n"], m["units"]] if m else ["", "", "", ""]
        rows.append([row["name"], *pooled, number(row["mean"]), number(row["sd"]), *map(number, row["folds"])])
    return write_page(
        folder / "report.html",
        "kfold.html",
        title=f"{results['experiment']} / {results['name']}",
        notes=[*results["notes"], *cautions(results["metrics"])],
        results=results,
        unit=unit,
        score_head=head,
        score_rows=rows,
        strip=drawn(strip(results), "Folds", f"Scores of each {unit}, and pooled with their interval."),
        pictures=pictures_in((folder / "figures").glob("*.png"), EXPLAINED),
        fold_rows=[[f["fold"], f["n"], f["best_epoch"], f"{f['seconds']:.0f}"] for f in results["per_fold"]],
        facts=facts(results),
    )


def strip(results: dict[str, Any]) -> Figure:
    """A dot for each fold, and the pooled value with its interval, one line a metric."""
    rows = [row for row in rows_of_table(results) if row["name"].startswith("val/")][:15]
    figure = Figure(figsize=(8, 0.6 + 0.4 * len(rows)), layout="constrained")
    axis = figure.subplots()
    for y, row in enumerate(rows):
        values = [v for v in row["folds"] if v is not None]
        axis.plot(values, [y] * len(values), "o", color="#56B4E9", label="folds" if y == 0 else None)
        if (m := row["pooled"]) is not None and m["value"] is not None:
            axis.plot(m["value"], y, "D", color="#D55E00", label="pooled" if y == 0 else None)
            if "low" in m:
                axis.hlines(y, m["low"], m["high"], color="#D55E00", label="95 % interval" if y == 0 else None)
    axis.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=8)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.legend(fontsize=8)
    return figure
