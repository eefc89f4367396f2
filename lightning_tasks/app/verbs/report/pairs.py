"""Differences between runs, with intervals over the same resamples where both were scored on the same samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.scores import resampled
from lightning_tasks.measures.bootstrap import paired, replicates, units_behind
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.rowfile import concatenated, load_rows

from .entries import Entry

Rows = tuple[dict[str, Tensor], np.ndarray]  # results of each sample, and the names of the samples


@dataclass
class Sample:
    """Per-sample results of what an entry was scored on.

    Args:
        rows: What its scores are resampled from, in the order of ``id``.
        names: Of the samples, in the same order.
        drawn: Scores of the resamples.
        units: Independent ones behind each score.
    """

    rows: dict[str, Tensor]
    names: np.ndarray
    drawn: dict[str, np.ndarray]
    units: Callable[[str], int]


def differences(
    entries: list[Entry], found: list[Rows | str], draws: int
) -> tuple[list[dict[str, dict[str, float]]], list[str]]:
    """How each entry but the first differs from the first one.

    Args:
        entries: What is compared.
        found: ``rows_of`` each.
        draws: Resamples.

    Returns:
        Of each: metric -> ``value`` and, where both were scored on the same samples, ``low`` and ``high``; and why
        there are no intervals, empty where there are.
    """
    first = sample_of(entries[0], found[0], draws)
    changes, reasons = [], []
    for entry, its_rows in zip(entries[1:], found[1:], strict=True):
        reason = first if isinstance(first, str) else "" if draws else "--draws 0 asks for none"
        intervals = {}
        if not reason:
            second = sample_of(entry, its_rows, draws)
            reason = second if isinstance(second, str) else unlike(entries[0], entry, first, second)
            intervals = {} if reason else paired(first.drawn, second.drawn, fewer(first.units, second.units))
        change: dict[str, dict[str, float]] = {}
        for name, score in entry.scores.items():
            base = entries[0].scores.get(name, {}).get("value")
            if base is None or score["value"] is None:
                continue
            change[name] = {"value": score["value"] - base}
            if name in intervals and np.isfinite(intervals[name]).all():
                change[name] |= dict(zip(("low", "high"), intervals[name], strict=True))
        changes.append(change)
        reasons.append(reason)
    return changes, reasons


def rows_of(entry: Entry) -> Rows | str:
    """Rows of what an entry was scored on and names of the samples, in the order of ``id``; or why there are none."""
    if entry.results.get("kind") == "bags":
        return f"{entry.name} is scored by means over bags, which are not kept for each sample"
    paths = [r.rows for r in entry.runs]
    if entry.is_run and not entry.results["scores_validation"]:
        paths = [entry.runs[0].test_rows]
    if absent := [path for path in paths if not path.is_file()]:
        return f"{entry.name} has no {absent[0].name}: its task resamples nothing, or an earlier version made it"
    loaded = [load_rows(path) for path in paths]
    rows, order = concatenated([part for part, _ in loaded])
    return rows, np.concatenate([part for _, part in loaded])[order.numpy()]


def sample_of(entry: Entry, found: Rows | str, draws: int) -> Sample | str:
    """What an entry was scored on, of its rows, or why that is not known."""
    if isinstance(found, str):
        return found
    (rows, names), run = found, entry.runs[0]
    task: Any = TaskCLI(["--config", str(run.config)], run=False).model
    load_weights(task, run.best)  # for what it learnt of the data, such as the names of strata
    rows = resampled(task, rows)
    return Sample(rows, names, replicates(task.resampled, rows, draws), units_behind(rows, task.counted(rows)))


def fewer(first: Callable[[str], int], second: Callable[[str], int]) -> Callable[[str], int]:
    """The lesser of two numbers of units: which samples a precision reads depends on the network."""
    return lambda name: min(first(name), second(name))


def unlike(first: Entry, second: Entry, a: Sample, b: Sample) -> str:
    """Why the samples of two entries are not the same ones; nothing where they are."""
    if first.results["arrays_fingerprint"] != second.results["arrays_fingerprint"]:
        return f"{second.name} was scored on other data than {first.name}"
    if len(a.names) != len(b.names) or (a.names != b.names).any():
        return f"{second.name} was scored on other samples than {first.name}"
    groups = [sample.rows.get("group") for sample in (a, b)]
    if (groups[0] is None) != (groups[1] is None) or (groups[0] is not None and not groups[0].equal(groups[1])):
        return f"{second.name} has other groups of samples than {first.name}"
    return "" if a.drawn and b.drawn else f"{second.name} has no scores that can be resampled"
