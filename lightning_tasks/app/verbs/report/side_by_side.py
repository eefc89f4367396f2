"""``report --runs A B ...``: scores with paired intervals, curves on one axes, and in what the runs differ."""

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from datamodules.readers.wording import listed
from lightning_tasks.app.options import as_text
from lightning_tasks.app.pages.side_by_side import print_comparison, write_side_by_side
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.json_files import read_json
from lightning_tasks.measures.binary import Roc, roc
from lightning_tasks.plots.side_by_side import curve_figures, ranking_figure, scores_figure
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.directory import new_folder
from lightning_tasks.runs.kinds import check_place, holds_results
from lightning_tasks.runs.results import clean_json

from .entries import Entry, common_folder, entries_of
from .pairs import Rows, differences, rows_of

ABSENT = "-"  # in place of a setting that a run does not have


def compare(options: Namespace) -> Path:
    """Write ``results.json``, figures and ``report.html`` of a comparison, print a short table, and return the page.

    The folder is beside the runs, or where these lie apart in the first folder that holds all of them.

    Raises:
        FileExistsError: Something else stands there.
        FileNotFoundError: A path is no run, or did not finish.
        ValueError: There are not two different runs with a metric in common.
    """
    entries = entries_of(options.runs)
    folder = common_folder(entries) / options.name
    check_place(folder, "comparison")
    found = [rows_of(entry) for entry in entries]
    results = clean_json(compared(entries, found, folder, options.draws))
    if holds_results(folder):
        before, now = ([run["name"] for run in r["runs"]] for r in (read_json(folder / "results.json"), results))
        if before != now:
            print(f"This replaces the comparison of {listed(before)}; --name NAME would keep both.")
    with new_folder(folder, "comparison", overwrite=True):  # an earlier comparison is computed again in seconds
        publish(folder, figures_of(entries, found, results))
        write_atomic(folder / "results.json", json.dumps(results, indent=2) + "\n")
        print_comparison(results)
        return write_side_by_side(folder)


def compared(entries: list[Entry], found: list[Rows | str], folder: Path, draws: int) -> dict[str, Any]:
    """What ``results.json`` holds.

    Args:
        entries: What is compared, the first with all others.
        found: ``rows_of`` each.
        folder: Where the comparison is written.
        draws: Bootstrap draws of the paired intervals.
    """
    first = entries[0].results
    shared = [name for name in entries[0].scores if all(name in entry.scores for entry in entries[1:])]
    if not shared:
        raise ValueError(f"{listed([e.name for e in entries])} have no metric in common: there is nothing to compare.")
    headline = first["headline"] if first["headline"] in shared else shared[0]
    changes, reasons = differences(entries, found, draws)
    of_no_sample = f"{headline} is not made of scores of single samples; other metrics are paired in the report"
    reasons = [reason or ("" if "low" in change.get(headline, {}) else of_no_sample)
               for change, reason in zip(changes, reasons, strict=True)]  # fmt: skip
    rows = []
    for entry, change, reason in zip(entries, [{}, *changes], ["", *reasons], strict=True):
        results = entry.results
        rows.append(
            {
                "name": entry.name,
                "report": os.path.relpath(entry.path / "report.html", folder.resolve()),
                "task": results["task"],
                "folds": results.get("folds"),
                "scored": entry.scored,
                "data_source": results["data_source"],
                "arrays_fingerprint": results["arrays_fingerprint"],
                "splits": entry.splits,
                "epochs": results.get("epochs"),
                "parameters": results.get("parameters"),
                "seconds": results["seconds"],
                "scores": entry.scores,
                "change": change,
                "unpaired": reason,
            }
        )
    return {
        "kind": "comparison",
        "name": folder.name,
        "experiment": ", ".join(dict.fromkeys(entry.results["experiment"] for entry in entries)),
        "headline": headline,
        "headline_mode": first.get("headline_mode", "max") if headline == first["headline"] else None,
        "draws": draws,
        "runs": rows,
        "settings": differing([entry.settings for entry in entries]),
        "data": data_sentence(entries),
        "data_source": ", ".join(dict.fromkeys(row["data_source"] for row in rows)),
        "notes": list(dict.fromkeys(note for entry in entries for note in entry.results["notes"])),
    }


def differing(each: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs: name -> the value of each as text."""
    names = dict.fromkeys(name for one in each for name in one)
    table = {}
    for name in names:
        values = [as_text(one[name]) if name in one else ABSENT for one in each]
        if name.endswith(".class_path"):
            values = [value.rpartition(".")[2] for value in values]
        if len(set(values)) > 1:
            table[name.removesuffix(".class_path")] = values
    return table


def data_sentence(entries: list[Entry]) -> str:
    """Whether all runs read the same data, with the same split."""
    base = entries[0]
    others = [e.name for e in entries if e.results["arrays_fingerprint"] != base.results["arrays_fingerprint"]]
    if others:
        return f"Not the same data: {listed(others)} read others than {base.name}."
    if any(entry.splits != base.splits for entry in entries):
        return "All read the same data; their splits are not the same."
    return "All read the same data with the same train, validation and test parts."


def figures_of(entries: list[Entry], found: list[Rows | str], results: dict[str, Any]) -> dict[str, Any]:
    """Scores with their intervals, two classes ranked, and a panel for each metric of training."""
    curves = {entry.name: entry.curves for entry in entries}
    rocs = {entry.name: ranking_of(rows) for entry, rows in zip(entries, found, strict=True)}
    ranked = {name: curve for name, curve in rocs.items() if curve is not None}
    ranking = {"ranking": ranking_figure(ranked)} if len(ranked) > 1 else {}
    return {"scores": scores_figure(results), **ranking, **curve_figures(curves, entries[0].monitor)}


def ranking_of(found: Rows | str) -> Roc | None:
    """The ROC of the second of two classes; None where there are no probabilities of two, or samples of one alone."""
    if isinstance(found, str):
        return None
    prob, label = (found[0].get(name) for name in ("prob", "label"))
    if prob is None or label is None or prob.ndim != 2 or prob.shape[1] != 2 or len(label.unique()) < 2:
        return None
    return roc(prob[:, 1], label)
