"""Table of trials, importance, figures and ``results.json`` of a tuning."""

import json
import math
from typing import Any

import numpy as np
import optuna
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from lightning_tasks.app.console import calibration_words, print_notes
from lightning_tasks.app.pages.comparison import short, tuned_verdict, write_comparison_report
from lightning_tasks.app.pages.render import number
from lightning_tasks.app.places import as_shown
from lightning_tasks.app.verbs.sweep.axes import short_names
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.tables import write_csv
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.results import clean_json, git_commit

from .reinforce import policy_figure
from .space import scalar
from .study import Search
from .tuning import Tuning

COLORS = {"tpe": "#D55E00", "random": "#0072B2", "reinforce": "#009E73"}
ENOUGH = 4  # complete trials for an analysis of variance
FINAL = ("seeds", "shown", "headline", "headline_mode", "combinations", "runs", "seconds")  # of the final sweep
COLUMNS = 4  # panels in a row of the effects


def report_tuning(tuning: Tuning, searches: dict[str, Search], final: dict[str, Any]) -> dict[str, Any]:
    """Write ``trials.csv``, ``tune.md``, ``results.json`` and figures, and print what was found.

    Args:
        tuning: Folder, metric and space.
        searches: By name of the sampler.
        final: Results of the sweep over winners and the configuration by hand.
    """
    folder = tuning.folder
    rows = [row for name, search in searches.items() for row in rows_of(name, search)]
    write_csv(folder / "trials.csv", rows)
    importance = importances(tuning, searches)
    results = clean_json(
        {
            "kind": "tune",
            "name": tuning.options.study,
            "experiment": tuning.plan.options.experiment,
            "metric": tuning.objective,
            "mode": tuning.mode,
            "pruner": tuning.options.pruner,
            "seed": tuning.seed,
            "searches": {name: summary(search) for name, search in searches.items()},
            "best": tuning.best_of(searches),
            "importance": importance,
            "final": {k: final[k] for k in FINAL},
            "data_source": final["data_source"],
            "calibrated": final["calibrated"],
            "notes": final["notes"],
            "seconds": round(sum(r["seconds"] or 0 for r in rows) + final["seconds"], 2),
            "git_commit": git_commit(),
        }
    )
    write_atomic(folder / "results.json", json.dumps(results, indent=2) + "\n")
    write_atomic(folder / "tune.md", markdown(results, (folder / "final" / "sweep.md").read_text(encoding="utf-8")))
    figures = {
        "history": history(rows, tuning.objective, tuning.mode),
        "effects": effects(rows, tuning.space.ranges, tuning.objective),
    }
    if "reinforce" in searches:
        figures["policy"] = policy_figure(searches["reinforce"].study, short)
    if importance:
        figures["importance"] = bars(importance)
    publish(folder, figures)
    report = write_comparison_report(folder)
    print("\n".join([*lines_of(results), *tuned_verdict(results["final"])]))
    print(
        f"Trials: {as_shown(folder / 'trials.csv')}. Best by validation, of {results['best']}: "
        f"{as_shown(folder / 'best.yaml')}. "
        f"Tables: {as_shown(folder / 'tune.md')}. Report: {as_shown(report)}"
    )
    print_notes([], "simulated" in results["data_source"])
    print(f"Next: fit --config {as_shown(folder / 'best.yaml')} trains the best by itself.")
    return results


def rows_of(name: str, search: Search) -> list[dict[str, Any]]:
    """One row a trial that counts; the value of a pruned one is that of its last epoch."""
    rows = []
    for trial in search.done():
        last = trial.intermediate_values.get(trial.last_step) if trial.last_step is not None else None
        attrs = trial.user_attrs
        rows.append(
            {
                "search": name,
                "trial": trial.number,
                "state": trial.state.name.lower(),
                "value": trial.value if trial.state == TrialState.COMPLETE else last,
                **{key: attrs.get(key) for key in ("epochs", "seconds", "parameters")},
                **trial.params,
                "error": attrs.get("error", "its process died" if trial.state == TrialState.FAIL else ""),
            }
        )
    return rows


def summary(search: Search) -> dict[str, Any]:
    """Counts, time and the best trial of one search."""
    trials, best = search.done(), search.best()
    states = [trial.state for trial in trials]
    return {
        "trials": len(trials),
        "complete": states.count(TrialState.COMPLETE),
        "pruned": states.count(TrialState.PRUNED),
        "failed": states.count(TrialState.FAIL),
        "epochs": sum(trial.user_attrs.get("epochs", 0) for trial in trials),
        "seconds": round(sum(trial.user_attrs.get("seconds", 0.0) for trial in trials), 2),
        "best": {
            "trial": best.number,
            "value": best.value,
            "parameters": best.user_attrs["parameters"],
            "params": best.params,
        },  # fmt: skip
    }


def importances(tuning: Tuning, searches: dict[str, Search]) -> dict[str, float]:
    """Share of the variance of the metric that each setting explains; empty where too few trials were completed.

    Over the complete trials of all searches: those of TPE alone crowd around its best.

    Source: Hutter, Hoos & Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance" (fANOVA).
    """
    complete = [t for s in searches.values() for t in s.done() if t.state == TrialState.COMPLETE]
    if len(complete) < ENOUGH or len({t.value for t in complete}) < 2:
        return {}
    study = optuna.create_study(direction="minimize" if tuning.mode == "min" else "maximize")
    study.add_trials(complete)
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def lines_of(results: dict[str, Any]) -> list[str]:
    """What the searches found, for the user."""
    lines = []
    for name, s in results["searches"].items():
        best = s["best"]
        lines.append(
            f"{name}: {s['trials']} trials ({s['complete']} complete, {s['pruned']} pruned, {s['failed']} failed), "
            f"{s['epochs']} epochs in {s['seconds']:.0f} s; best {results['metric']} {number(best['value'])} "
            f"(trial {best['trial']}, {best['parameters']:,} parameters)"
        )
    words = calibration_words(results["calibrated"]).removeprefix(", ")
    lines.append(f"Trials are scored on the validation part{words and ' (' + words + ')'}.")
    lines.append("The best of many trials is optimistic on validation; the final runs on the test part decide.")
    if results["importance"]:
        shares = ", ".join(f"{key} {value:.2f}" for key, value in results["importance"].items())
        lines.append(f"Importance (fANOVA): {shares}")
    else:
        lines.append("Importance: too few complete trials with different values.")
    return lines


def markdown(results: dict[str, Any], final: str) -> str:
    """Searches, best values and the table of the final runs."""
    settings = list(next(iter(results["searches"].values()))["best"]["params"])
    head = ["search", *short_names(settings)]
    rows = [[name, *(short(s["best"]["params"][k]) for k in settings)] for name, s in results["searches"].items()]
    table = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    lines = [f"- {line}" for line in [*lines_of(results), *tuned_verdict(results["final"])]]
    return "\n".join([f"# {results['experiment']}: {results['name']}", "", *lines, "", *table, "", f"#{final}"])


# ---- figures --------------------------------------------------------------------------------------------------


def history(rows: list[dict[str, Any]], metric: str, mode: str) -> Figure:
    """Each trial's value in its order, and the best so far, one line a search."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    pick = np.fmin if mode == "min" else np.fmax
    for name in dict.fromkeys(row["search"] for row in rows):
        trials = [row for row in rows if row["search"] == name]
        x = np.arange(1, len(trials) + 1)
        complete = np.array([r["value"] if r["state"] == "complete" else math.nan for r in trials])
        pruned = np.array([r["value"] if r["state"] == "pruned" else math.nan for r in trials], float)
        axis.step(x, pick.accumulate(complete), where="post", color=COLORS[name], label=f"{name}, best so far")
        axis.plot(x, complete, "o", color=COLORS[name], markersize=4, alpha=0.7)
        axis.plot(x, pruned, "x", color=COLORS[name], markersize=5, alpha=0.7)
    axis.plot([], [], "x", color="#666666", label="pruned, its last epoch")
    axis.set(xlabel="trial", ylabel=metric)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure


def effects(rows: list[dict[str, Any]], ranges: dict[str, dict[str, Any]], metric: str) -> Figure:
    """The metric over each setting: a dot a complete trial."""
    rows = [row for row in rows if row["state"] == "complete"]
    columns = min(COLUMNS, len(ranges))
    lines = -(-len(ranges) // columns)
    figure = Figure(figsize=(0.6 + 2.6 * columns, 0.3 + 2.4 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).flatten()
    for panel, (key, r), name in zip(panels, ranges.items(), short_names(list(ranges)), strict=False):
        choices = [str(scalar(choice)) for choice in r.get("choices", [])]
        for search in dict.fromkeys(row["search"] for row in rows):
            trials = [row for row in rows if row["search"] == search]
            x = [choices.index(str(row[key])) if choices else row[key] for row in trials]
            panel.plot(
                x, [row["value"] for row in trials], "o", color=COLORS[search], markersize=4, alpha=0.7, label=search
            )
        if choices:
            panel.set_xticks(range(len(choices)), choices, fontsize=8, rotation=30)
            panel.set_xlim(-0.5, len(choices) - 0.5)
        elif r.get("log"):
            panel.set_xscale("log")
            middle = math.sqrt(r["low"] * r["high"])
            ticks = [r["low"], round(middle) if r["type"] == "int" else middle, r["high"]]
            panel.set_xticks(ticks, [f"{t:.3g}" for t in ticks], fontsize=8)
            panel.minorticks_off()
        else:
            panel.xaxis.set_major_locator(MaxNLocator(5, integer=r["type"] == "int"))
        panel.set_xlabel(name)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel(metric)
    panels[0].legend(fontsize=8)
    for panel in panels[len(ranges) :]:
        panel.set_visible(False)
    return figure


def bars(importance: dict[str, float]) -> Figure:
    """Importance, the largest on top."""
    figure = Figure(figsize=(6, 0.8 + 0.3 * len(importance)), layout="constrained")
    axis = figure.subplots()
    axis.barh(short_names(list(importance)), list(importance.values()), color="#56B4E9")
    axis.invert_yaxis()
    axis.set_xlabel("share of the variance of complete trials (fANOVA)")
    axis.grid(axis="x", alpha=0.3)
    return figure
