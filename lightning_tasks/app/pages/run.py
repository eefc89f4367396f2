"""One self-contained HTML page about a run: scores, baselines, curves, figures, configuration."""

import html
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lightning_tasks.callbacks.metrics_csv import read_metrics
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.runs.directory import RunDir

from .html import embed, grid, number, page, picture, table


def write_report(run: RunDir) -> Path:
    """Write ``report.html`` from what stands in the run directory.

    Raises:
        FileNotFoundError: The run has no ``results.json``: it did not finish.
    """
    if not run.results.is_file():
        raise FileNotFoundError(f"{run.path} has no results.json: its fit did not finish. Continue it with --resume.")
    results = json.loads(run.results.read_text())
    history = read_metrics(run.metrics)
    drawn = len(history) > 1  # one epoch is no curve
    extra = [section.read_text() for section in sorted(run.path.glob("report_*.html"))]
    parts = [
        f"<h1>{html.escape(results['experiment'])} / {html.escape(results['name'])}</h1>",
        f"<p class=muted>{summary(results)}</p>",
        *(f"<p class=warn>{html.escape(note)}</p>" for note in results["notes"]),
        "<h2>Scores</h2>",
        f"<p>Scored on: {html.escape(results['split']['test'])}, {results['data_source']} data. "
        "Intervals: 95 % bootstrap over independent units (groups where the data has them, else samples).</p>",
        score_table(results),
        *extra,
        *(["<h2>Curves</h2>", picture(curves(history, results["monitor"], results["best_epoch"]))] if drawn else []),
        "<h2>Figures</h2>" if run.figures.is_dir() else "",
        *(f"<h3>{html.escape(p.stem)}</h3>{embed(p.read_bytes())}" for p in sorted(run.figures.glob("*.png"))),
        "<h2>Run</h2>",
        table({k: v for k, v in results.items() if not isinstance(v, (dict, list))}),
        "<h3>Data</h3>",
        table(
            {f"samples in {k}": v for k, v in results["sizes"].items()}
            | {f"{k} part": v for k, v in results["split"].items()}
        ),
        "<h3>Packages</h3>",
        table(results["packages"]),
        "<h2>Configuration</h2>",
        f"<pre>{html.escape(run.config.read_text())}</pre>",
    ]
    write_atomic(run.report, page(f"{results['experiment']} {results['name']}", parts))
    return run.report


def summary(results: dict[str, Any]) -> str:
    """One line: what, how big, how long."""
    return html.escape(
        f"{results['task']}, {results['parameters']:,} parameters, {results['epochs']} epochs "
        f"in {results['seconds']:.0f} s ({results['samples_per_second']:.0f} samples/s) on {results['device']}, "
        f"precision {results['precision']}, seed {results['seed']}, {results['data_source']} data"
    )


def score_table(results: dict[str, Any]) -> str:
    """Metrics with intervals, one column for each baseline."""
    baselines = results["baselines"]
    head = ["metric", "this run", "95 % interval", "n", "units", *baselines]
    rows = []
    for name, m in results["metrics"].items():
        interval = f"{m['low']:.4f} to {m['high']:.4f}" if "low" in m else ""
        beside = [number(scores.get(name.split("/", 1)[1])) for scores in baselines.values()]
        rows.append([html.escape(name), f"<b>{number(m['value'])}</b>", interval, m["n"], m["units"], *beside])
    return grid(head, rows)


def curves(rows: list[dict[str, float]], monitor: str, best_epoch: int) -> Figure:
    """Losses, the monitored metric, and the learning rate over epochs.

    Where a task measures the train part as validation is measured (``train/clean_loss``), that is drawn for training.
    """
    figure = Figure(figsize=(10, 3), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    names = {n for row in rows for n in row}
    clean = monitor.replace("val/", "train/clean_")
    losses = {n for n in names if n.endswith("/loss") and not n.startswith("test/")}
    if "train/clean_loss" in names:
        losses = losses - {"train/loss"} | {"train/clean_loss"}
    for name in sorted(losses):
        left.plot(*series(rows, name), ".-", label=name)
    middle.plot(*series(rows, monitor), ".-", label=monitor, color="C2")
    if clean in names:
        middle.plot(*series(rows, clean), ".-", label=clean, color="C0")
    middle.axvline(best_epoch, color="#999999", linestyle=":", label=f"best epoch {best_epoch}")
    right.plot(*series(rows, "train/lr"), ".-", color="C3", label="learning rate")
    for axis in (left, middle, right):
        axis.set_xlabel("epoch")
        if axis.lines:
            axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    return figure


def series(rows: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """Epochs and values of one column."""
    found = [(row["epoch"], row[name]) for row in rows if name in row]
    return [e for e, _ in found], [v for _, v in found]
