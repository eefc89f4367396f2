"""Table and HTML page of a k-fold directory."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lightning_tasks.app.console import calibration_words, chosen, print_notes, verdict
from lightning_tasks.common.json_files import read_json

from .captions import RUN
from .cautions import cautions
from .render import drawn, facts, first, identity, interval, number, pictures_in, value_of, write_page

SHOWN_FOLDS = 5  # columns of the printed table; more do not fit a terminal


def rows_of_table(results: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a metric: name, value of each fold, mean, sd, pooled metric or None.

    What each fold measured as ``val/...`` is called ``oof/...`` where all folds are pooled: the same samples.
    """
    rows = []
    for name, over in results["over_folds"].items():
        part, metric = name.split("/", 1)
        pooled = results["metrics"].get(f"oof/{metric}") if part == "val" else None
        values = [fold["metrics"].get(name) for fold in results["per_fold"]]
        rows.append({"name": f"oof/{metric}" if pooled else name, "folds": values, **over, "pooled": pooled})
    return rows


def print_folds(results: dict[str, Any]) -> None:
    """Folds, mean and sd, pooled value with interval and n; and the verdict on the headline."""
    headline = results["headline"]
    rows = {row["name"]: row for row in rows_of_table(results)}
    shown_names = names_shown(rows, headline)
    width = max(len(name) for name in shown_names)
    shown = range(results["folds"]) if results["folds"] <= SHOWN_FOLDS else []
    heads = "".join(f" {f'fold {i}':>8}" for i in shown)
    print(f"  {'metric':{width}}{heads} {'mean':>8} {'sd':>8} {'pooled':>8}  {'95 % interval':>18} {'n':>6}")
    for name in shown_names:
        row = rows[name]
        cells = [*(row["folds"][i] for i in shown), row["mean"], row["sd"]]
        mark = "*" if name.split("/", 1)[-1] == headline else " "
        line = f"{mark} {name:{width}}" + "".join(f" {number(cell):>8}" for cell in cells)
        if (m := row["pooled"]) is not None:
            line += f" {value_of(m):>8}  {interval(m, name):>18} {m['n']:6d}"
        print(line)
    print_notes([*results["notes"], *cautions(results["metrics"])], False)
    words = calibration_words(results["calibrated"])
    print(f"Scored: {results['scored']}. {results['data_source'].capitalize()} data{words}.")
    if results["test"]:
        print(f"test/...: the data's own test part ({results['test']}), the same for every fold.")
    for line in verdict_of(results, rows):
        print(line)
    print_notes([], results["data_source"] == "simulated")


def names_shown(rows: dict[str, dict[str, Any]], headline: str) -> list[str]:
    """Metrics of the short table, the headline first: see ``console.chosen``."""
    return list(chosen({name: row["pooled"] or as_score(row) for name, row in rows.items()}, headline))


def scored_part(results: dict[str, Any]) -> str:
    """What baselines were scored on: the ``test`` part, where the data has one, else all folds pooled, ``oof``."""
    return "test" if results["test"] else "oof"


def key_of(results: dict[str, Any]) -> str:
    """The headline on what baselines were scored on."""
    return f"{scored_part(results)}/{results['headline']}"


def verdict_of(results: dict[str, Any], rows: dict[str, dict[str, Any]]) -> list[str]:
    """The headline beside the best baseline, both on the same samples; nothing where the headline was not measured.

    Baselines were scored by each fold on what it tests: the test part, where the data has one, else its validation
    part, which all folds together pool. In the first case the interval holds all folds, and a second line says so.
    """
    key = key_of(results)
    row = rows.get(key)
    if row is None:
        return []
    line = verdict(key, row["pooled"] or as_score(row), results["headline_mode"], results["baselines"])
    means = f"(mean of {results['folds']} folds; the interval is from the lowest to the highest of them)"
    return [line, means] if results["test"] else [line]


def as_score(row: dict[str, Any]) -> dict[str, Any]:
    """The mean over folds, with the range of the folds as its interval; n is their number."""
    values = [value for value in row["folds"] if value is not None]
    ends = {"low": min(values), "high": max(values)} if values else {}
    return {"value": row["mean"], "n": row["n"], **ends}


def write_kfold_report(folder: Path) -> Path:
    """Write ``report.html`` from ``results.json`` and the figures of a k-fold directory."""
    results = read_json(folder / "results.json")
    unit, baselines = "bag" if results["kind"] == "bags" else "fold", results["baselines"]
    head = ["metric", "pooled", "95 % interval", "n", "units", "mean", "sd", *baselines]
    rows = first({row["name"]: row for row in rows_of_table(results)}, results["headline"])
    table = {}
    for name, row in rows.items():
        m, (part, metric) = row["pooled"], name.split("/", 1)
        pooled = [value_of(m), interval(m, name), m["n"], m["units"]] if m else ["", "", "", ""]
        beside = [scores.get(metric) if part == scored_part(results) else None for scores in baselines.values()]
        table[name] = [name, *pooled, *map(number, (row["mean"], row["sd"], *beside))]
    return write_page(
        folder / "report.html",
        "kfold.html",
        title=f"{results['experiment']} / {results['name']}",
        notes=[*results["notes"], *cautions(results["metrics"])],
        results=results,
        unit=unit,
        verdict=verdict_of(results, rows),
        score_head=head,
        score_rows=[table[name] for name in names_shown(rows, results["headline"])],
        all_head=[*head, *(f"{unit} {i}" for i in range(results["folds"]))],
        all_rows=[[*table[name], *map(number, row["folds"])] for name, row in rows.items()],
        pictures=[
            drawn(strip(results), "Folds", f"Scores of each {unit}, and pooled with their interval"),
            *pictures_in((folder / "figures").glob("*.png"), RUN),
        ],
        fold_rows=[[f["fold"], f["n"], f["best_epoch"] + 1, f"{f['seconds']:.0f}"] for f in results["per_fold"]],
        facts=facts(results),
        identity=identity(results),
    )


def strip(results: dict[str, Any]) -> Figure:
    """A dot for each fold, and the pooled value with its interval, one line a metric."""
    rows = [row for row in rows_of_table(results) if not row["name"].startswith("test/")][:15]
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
