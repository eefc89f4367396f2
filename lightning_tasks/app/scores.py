"""A score as every results file holds it: value, 95 % interval, and what it was computed from."""

import math
from typing import Any

from torch import Tensor

from lightning_tasks.measures.bootstrap import bootstrap, exact_share, is_ranking, members
from lightning_tasks.measures.classification import is_share


def used(task: Any, rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """What ``score`` and the bootstrap read, on the CPU."""
    return {k: v.cpu() for k, v in rows.items() if k in (*task.scored_rows, "id", "group")}


def resampled(task: Any, rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """What ``Task.resampled`` reads, on the CPU; of a task with nothing to resample ids alone."""
    names = task.scored_rows if task.resampled_rows is None else task.resampled_rows
    return {k: v for k, v in used(task, rows).items() if k in (*names, "id", "group")}


def scores_of(
    task: Any, part: str, rows: dict[str, Tensor], draws: int, values: dict[str, float] | None = None
) -> dict[str, dict[str, float]]:
    """``part/name`` -> ``value``, ``n`` samples, independent ``units`` and, where defined, ``low`` and ``high``.

    ``interval`` is ``exact`` where they are those of Clopper and Pearson. A bootstrap without spread says nothing, and
    is left out. Ranking scores of two classes also hold ``positives``.

    Args:
        task: Scores the rows; ``counted`` says which scores read a part of them only.
        part: What names begin with.
        rows: Per-sample results (N, ...).
        draws: Bootstrap draws; 0 gives no intervals.
        values: What to report beside and instead of ``score(rows)``, by name without ``part``; the default computes it.
    """
    rows = used(task, rows)
    values = task.score(rows) if values is None else values
    counted = task.counted(rows) if rows else {}
    intervals = bootstrap(task.resampled, resampled(task, rows), draws, counted=counted) if draws and rows else {}
    whole = size(rows)
    scores = {}
    for name, value in values.items():
        read = {k: v[counted[name]] for k, v in rows.items()} if name in counted else rows
        n, units = size(read) if name in counted else whole
        if name in task.number_of:
            n = units = task.number_of[name]
        scores[f"{part}/{name}"] = {"value": float(value), "n": n, "units": units}
        if is_ranking(name) and "label" in rows:
            scores[f"{part}/{name}"]["positives"] = int((read["label"] == 1).sum())
        if name not in intervals or not math.isfinite(value) or not n:  # of no samples a score is 0 by its definition
            continue
        low, high = intervals[name]
        exact = exact_share(float(value), n, units) if is_share(name, rows) else None
        if exact:
            scores[f"{part}/{name}"] |= {"low": exact[0], "high": exact[1], "interval": "exact"}
        elif high - low > 1e-9:  # more than rounding
            scores[f"{part}/{name}"] |= {"low": low, "high": high}
    return scores


def mean_baselines(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Scores without a network: the mean over those of several ``results.json`` that have them."""
    means: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(name for r in runs for name in r["baselines"]):
        found = [r["baselines"][name] for r in runs if name in r["baselines"]]
        for metric in dict.fromkeys(metric for scores in found for metric in scores):
            values = [scores[metric] for scores in found if scores.get(metric) is not None]
            means.setdefault(name, {})[metric] = sum(values) / len(values) if values else math.nan
    return means


def size(rows: dict[str, Tensor]) -> tuple[int, int]:
    """Samples and independent units of rows."""
    return (len(rows["id"]), len(members(rows))) if rows else (0, 0)
