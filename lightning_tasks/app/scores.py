"""A score as every results file holds it: value, 95 % interval, and what it was computed from."""

import math
from typing import Any

from torch import Tensor

from lightning_tasks.measures.bootstrap import bootstrap, members


def used(task: Any, rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """What ``score`` and the bootstrap read, on the CPU."""
    return {k: v.cpu() for k, v in rows.items() if k in (*task.scored_rows, "id", "group")}


def scores_of(
    task: Any, part: str, rows: dict[str, Tensor], draws: int, values: dict[str, float] | None = None
) -> dict[str, dict[str, float]]:
    """``part/name`` -> ``value``, ``n`` samples, independent ``units`` and, where defined, ``low`` and ``high``.

    Args:
        task: Scores the rows; ``counted`` says which scores read a part of them only.
        part: What names begin with.
        rows: Per-sample results (N, ...).
        draws: Bootstrap draws; 0 gives no intervals.
        values: What to report beside and instead of ``score(rows)``, by name without ``part``; the default computes it.
    """
    rows = used(task, rows)
    values = task.score(rows) if values is None else values
    intervals = bootstrap(task.resampled, rows, draws) if draws and rows else {}
    counted = task.counted(rows) if rows else {}
    whole = size(rows)
    scores = {}
    for name, value in values.items():
        n, units = size({k: v[counted[name]] for k, v in rows.items()}) if name in counted else whole
        scores[f"{part}/{name}"] = {"value": float(value), "n": n, "units": units}
        low, high = intervals.get(name, (math.nan,) * 2)
        if math.isfinite(low) and n:  # of no samples a score is 0 by its definition, and so is each resample's
            scores[f"{part}/{name}"] |= {"low": low, "high": high}
    return scores


def size(rows: dict[str, Tensor]) -> tuple[int, int]:
    """Samples and independent units of rows."""
    return (len(rows["id"]), len(members(rows))) if rows else (0, 0)
