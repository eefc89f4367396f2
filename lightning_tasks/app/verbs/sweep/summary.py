"""Table (CSV, Markdown), figure and ``results.json`` of a sweep."""

import json
import math
from collections import Counter
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.app.messages import SIMULATED
from lightning_tasks.app.options import as_text
from lightning_tasks.app.pages.comparison import facts_of, table_of, write_comparison_report
from lightning_tasks.app.pages.render import mean_sd
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.choices import nearest
from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.tables import read_metrics, write_csv
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.directory import RunDir
from lightning_tasks.runs.results import clean_json, git_commit

from .plan import Sweep

COLUMNS = 3  # panels in a row of the figure
WIDE = 50  # a numeric axis whose largest value is so many times its smallest is drawn on a log scale


def summarise(sweep: Sweep, failed: dict[str, str]) -> dict[str, Any]:
    """What ``results.json`` holds, from the directories of the runs.

    Args:
        sweep: After its ``plan``.
        failed: ``<slug>/seed_<n>`` -> message, of runs that failed in this call.
    """
    runs, combos, results = [], [], []
    for combo in sweep.combos:
        rows, baselines = [], {}
        for seed in sweep.seeds:
            run, name = sweep.run(combo, seed), f"{combo.slug}/seed_{seed}"
            row = {"combination": combo.slug, **combo.shown, "seed": seed}
            if name in failed:
                row |= {"status": "failed", "error": failed[name], "log": str(sweep.folder / f"{name}.log")}
            elif run.results.is_file():
                results.append(read_json(run.results))
                baselines = baselines or results[-1]["baselines"]  # the first seed has them
                row |= {
                    "status": "finished",
                    "seconds": results[-1]["seconds"],
                    "best_epoch": results[-1]["best_epoch"],
                }
                row["metrics"] = metrics_of(run, results[-1])
                if said := results[-1].get("diagnosis"):  # runs of earlier versions have none
                    row["diagnosis"] = said
            else:
                row["status"] = "waiting"
            rows.append(row)
        done = [row for row in rows if row["status"] == "finished"]
        names = dict.fromkeys(name for row in done for name in row["metrics"])
        stats = {name: spread([row["metrics"].get(name) for row in done]) for name in names}
        mean_seconds = float(np.mean([row["seconds"] for row in done])) if done else None
        combos.append({"combination": combo.slug, "shown": combo.shown, "n": len(done), "seconds": mean_seconds,
                       "metrics": stats, "diagnosis": counted([row.get("diagnosis", "") for row in done]),
                       "baselines": baselines})  # fmt: skip
        runs += rows
    return clean_json(
        {
            "kind": "sweep",
            "name": sweep.name,
            "experiment": sweep.experiment,
            "title": sweep.title or f"{sweep.experiment}: {sweep.name}",
            "axes": list(sweep.combos[0].shown),
            "seeds": sweep.seeds,
            **headline_of(results),
            "shown": sweep.metrics or ([default_metric(results[0])] if results else []),
            "data_source": ", ".join(dict.fromkeys(f["data_source"] for f in results)),
            "calibrated": next((f.get("calibrated") for f in results), None),  # one task: all alike
            "notes": list(dict.fromkeys(note for f in results for note in f["notes"])),
            "seconds": round(sum(f["seconds"] for f in results), 2),
            "failed": len(failed),
            "waiting": sum(row["status"] == "waiting" for row in runs),
            "combinations": combos,
            "runs": runs,
            "git_commit": git_commit(),
        }
    )


def metrics_of(run: RunDir, results: dict[str, Any]) -> dict[str, float | None]:
    """Test metrics; those of train and validation at the epoch whose weights were tested, and ``last/...``."""
    table = read_metrics(run.metrics)
    best = next((row for row in table if row["epoch"] == results["best_epoch"]), {})
    metrics = {name: m["value"] for name, m in results["metrics"].items()}
    metrics |= {name: value for name, value in best.items() if "/" in name} | results["best"]
    metrics |= {f"last/{name}": value for name, value in (table[-1] if table else {}).items() if "/" in name}
    return {name: value for name, value in metrics.items() if not name.endswith("train/lr")}


def counted(diagnoses: list[str]) -> str:
    """What runs were diagnosed as: ``overfitted``, or ``overfitted 2, neither 1`` where they differ."""
    counts = Counter(filter(None, diagnoses))
    return "".join(counts) if len(counts) == 1 else ", ".join(f"{word} {n}" for word, n in counts.most_common())


def headline_of(results: list[dict[str, Any]]) -> dict[str, str | None]:
    """``headline`` and ``headline_mode`` of the runs; None of runs that differ in them, which have no best."""
    keys = ("headline", "headline_mode")
    found = {tuple(run.get(key) for key in keys) for run in results}
    return dict(zip(keys, found.pop() if len(found) == 1 else (None, None), strict=True))


def default_metric(results: dict[str, Any]) -> str:
    """The headline on the test part, or the monitored metric where the test has none of that name."""
    name = f"test/{results['headline']}"
    return name if name in results["metrics"] else results["monitor"]


def spread(values: list[float | None]) -> dict[str, float | int]:
    """Mean and sample sd of the defined values, and their number."""
    known = np.array([v for v in values if v is not None and math.isfinite(v)])
    mean = float(known.mean()) if len(known) else math.nan
    return {"mean": mean, "sd": float(known.std(ddof=1)) if len(known) > 1 else math.nan, "n": len(known)}


def check_metrics(results: dict[str, Any]) -> None:
    """Raise a ValueError where a metric of the table is in none of the runs."""
    known = list(dict.fromkeys(name for combo in results["combinations"] for name in combo["metrics"]))
    for name in results["shown"]:
        if name not in known:
            raise ValueError(
                f"metric {name!r} is in none of the runs.{nearest(name, known)} sweep.csv holds all of them; the runs "
                "are kept, so that the same command with another --metric only writes the table."
            )


def write_all(folder: Path, results: dict[str, Any], figure: bool) -> None:
    """Write ``results.json``, ``sweep.csv``, ``sweep.md``; with ``figure`` also ``sweep.png`` and ``report.html``."""
    write_atomic(folder / "results.json", json.dumps(results, indent=2) + "\n")
    rows = []
    for run in results["runs"]:
        flat = {k: as_text(v) if isinstance(v, (list, dict)) else v for k, v in run.items() if k != "metrics"}
        rows.append(flat | run.get("metrics", {}))
    write_csv(folder / "sweep.csv", rows)
    write_atomic(folder / "sweep.md", markdown(results))
    if figure:
        publish(folder, {"sweep": draw(results)}, inside="")
        write_comparison_report(folder)


def show(folder: Path, results: dict[str, Any]) -> None:
    """Print the table and where it is; of simulated data the verb says a word at its end."""
    print(markdown(results | {"notes": [note for note in results["notes"] if not note.startswith(SIMULATED)]}))
    table, text, report = (as_shown(folder / name) for name in ("sweep.csv", "sweep.md", "report.html"))
    print(f"Table: {table}, {text}. Report: {report}")


def markdown(results: dict[str, Any]) -> str:
    """Heading, one row a combination with mean and sd over seeds, rows without a network, failures."""
    head, rows = table_of(results)
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in [head, *rows]]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    notes = [f"note: {note}" for note in results["notes"]]
    if results["waiting"]:
        notes.append(f"{results['waiting']} runs are still missing.")
    failures = [f"- FAILED {r['combination']}, seed {r['seed']}: {' '.join(r['error'].split())} ({r['log']})"
             for r in results["runs"] if r["status"] == "failed"]  # fmt: skip
    parts = [f"# {results['title']}", facts_of(results), "\n".join(lines), *notes, "\n".join(failures)]
    return "\n\n".join(part for part in parts if part) + "\n"


# ---- figure ---------------------------------------------------------------------------------------------------


def draw(results: dict[str, Any]) -> Figure:
    """One panel a metric: lines over a numeric axis, one for each value of a second axis; else a row a combination."""
    shown, axes, combos = results["shown"], results["axes"], results["combinations"]
    numeric = [a for a in axes if all(is_number(c["shown"][a]) for c in combos) and len(values_of(combos, a)) > 1]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    lines = bool(numeric) and len(axes) <= 2
    height = 3.2 if lines else 1.2 + 0.32 * len(combos)
    figure = Figure(figsize=(1.5 + 3.6 * columns, 0.4 + height * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey="none" if lines else "row").flatten()
    for panel, name in zip(panels, shown, strict=False):
        if lines:
            draw_lines(panel, results, name, numeric[0], next((a for a in axes if a != numeric[0]), None))
        else:
            draw_rows(panel, results, name)
        panel.grid(alpha=0.3)
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    title = f"{results['title']} (mean, sd and single runs; {results['data_source']} data)"
    figure.suptitle(fill(title, int(14 * figure.get_figwidth())), fontsize=10)
    return figure


def is_number(value: Any) -> bool:
    """A number that can stand on an axis."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def values_of(combos: list[dict], axis: str) -> list[Any]:
    """Different values of one axis, in their order."""
    return list({as_text(c["shown"][axis]): c["shown"][axis] for c in combos}.values())


def draw_lines(panel: Any, results: dict, metric: str, axis: str, second: str | None) -> None:
    """Mean with a band of one sd over ``axis``."""
    combos = [c for c in results["combinations"] if mean_sd(c["metrics"].get(metric)) != "-"]
    for i, value in enumerate(values_of(combos, second) if second else [None]):
        line = [c for c in combos if second is None or c["shown"][second] == value]
        line.sort(key=lambda c: c["shown"][axis])
        x = [c["shown"][axis] for c in line]
        mean = np.array([c["metrics"][metric]["mean"] for c in line])
        sd = np.array([c["metrics"][metric]["sd"] or 0.0 for c in line])
        label = None if second is None else f"{second}={as_text(value)}"
        panel.plot(x, mean, "o-", color=f"C{i}", markersize=4, label=label)
        panel.fill_between(x, mean - sd, mean + sd, color=f"C{i}", alpha=0.2, linewidth=0)
        for combo in line:
            singles = single_runs(results, combo, metric)
            panel.plot([combo["shown"][axis]] * len(singles), singles, ".", color=f"C{i}", alpha=0.5, markersize=4)
    ticks = sorted(values_of(combos, axis))
    if ticks and ticks[0] > 0 and ticks[-1] >= WIDE * ticks[0]:
        panel.set_xscale("log")
    if len(ticks) <= 8:
        panel.set_xticks(ticks, [f"{t:g}" for t in ticks], fontsize=8)
        panel.minorticks_off()
    panel.set(xlabel=axis, ylabel=metric)
    if second:
        panel.legend(fontsize=8)


def draw_rows(panel: Any, results: dict, metric: str) -> None:
    """Mean with a whisker of one sd for each combination; not from zero, where differences could not be seen."""
    combos = results["combinations"]
    for y, combo in enumerate(combos):
        stats = combo["metrics"].get(metric)
        if mean_sd(stats) == "-":
            continue
        singles = single_runs(results, combo, metric)
        panel.plot(singles, [y] * len(singles), ".", color="#56B4E9", zorder=3)
        panel.errorbar(stats["mean"], y, xerr=stats["sd"] or 0.0, fmt="D", color="#D55E00", markersize=5, capsize=4)
    panel.set_yticks(range(len(combos)), [c["combination"] for c in combos], fontsize=8)
    panel.set_ylim(len(combos) - 0.5, -0.5)
    panel.locator_params(axis="x", nbins=5)
    panel.tick_params(axis="x", labelsize=8)
    panel.set_xlabel(metric)


def single_runs(results: dict, combo: dict, metric: str) -> list[float]:
    """Values of the runs of one combination."""
    values = [r["metrics"].get(metric) for r in results["runs"]
             if r["combination"] == combo["combination"] and r["status"] == "finished"]  # fmt: skip
    return [value for value in values if value is not None]
