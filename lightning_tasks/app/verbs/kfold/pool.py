"""What k folds say together: scores of each fold, their spread, and scores pooled over all samples."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.console import can_submit, direction, is_calibrated
from lightning_tasks.app.members import Run, batches_of, load_run, predictions
from lightning_tasks.app.pages.kfold import print_folds, write_kfold_report
from lightning_tasks.app.places import as_shown
from lightning_tasks.app.scores import mean_baselines, scores_of, used
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.host import on_host
from lightning_tasks.common.json_files import read_json
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.calibration import NAME as CALIBRATION
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.directory import RunDir
from lightning_tasks.runs.results import clean_json
from lightning_tasks.runs.rowfile import concatenated, load_rows
from lightning_tasks.runs.tables import save_table

SELECTED = "each fold's checkpoint was chosen on that fold's validation part, so these scores are slightly optimistic"

AS_TRAINED = "; networks as trained, not calibrated: calibration.json acts in predict, submit and ensemble"


def pool(folder: Path, count: int, bags: bool, draws: int) -> dict[str, Any]:
    """Write ``oof``, ``results.json``, figures, ``report.html`` and ``latest`` of a directory whose folds are done.

    Args:
        folder: Holds ``fold_0`` to ``fold_<count - 1>``, each with ``results.json`` and ``rows.npz``.
        count: Number of folds or bags.
        bags: Whether samples are out of several bags, whose predictions are then averaged.
        draws: Bootstrap draws of the intervals.

    Raises:
        ValueError: The folds were made from different data.
    """
    runs = [RunDir(folder / f"fold_{i}") for i in range(count)]
    fold_results = [read_json(run.results) for run in runs]
    if len({r["arrays_fingerprint"] for r in fold_results}) > 1:
        raise ValueError(f"{folder}: the data changed between the folds. Train them anew with --overwrite.")
    loaded = [load_rows(run.rows) for run in runs]
    task = TaskCLI(["--config", str(runs[0].config)], run=False).model
    load_weights(task, runs[0].best)  # for what it learnt of the data, such as the names of strata
    rows = columns = note = None
    if bags and (reason := task.refuses.get("ensemble")) is not None:
        note = f"No out-of-bag scores: {reason}."
    elif bags:
        rows, columns = out_of_bag(folder, loaded)
    else:
        rows, columns = out_of_fold(folder, loaded)
    if columns is not None:
        columns |= {k: v.numpy() for k, v in rows.items() if k in task.written_rows}
        save_table(folder / "oof", columns, task.class_names)
    results = summarise(task, fold_results, [r for r, _ in loaded], rows, draws)
    first = fold_results[0]
    results = {
        "kind": "bags" if bags else "kfold",
        **{
            k: first[k]
            for k in ("task", "experiment", "seed", "data_source", "arrays_fingerprint", "weights", "headline")
        },
        "headline_mode": direction(task),
        "calibrated": is_calibrated(task),
        "name": folder.name,
        "folds": count,
        "scored": f"{scored_on(first, count, bags)}; {SELECTED}"
        + AS_TRAINED * any((run.path / CALIBRATION).is_file() for run in runs),
        "test": "" if first["scores_validation"] else first["split"]["test"],
        "notes": [*dict.fromkeys(n for r in fold_results for n in r["notes"]), *([note] if note else [])],
        **results,
        "baselines": mean_baselines(fold_results),
        "seconds": round(sum(r["seconds"] for r in fold_results), 2),
        **{k: first[k] for k in ("device", "precision", "packages", "python", "git_commit")},
    }
    if rows is not None:
        publish(folder, {f"oof/{name}": figure for name, figure in task.figures_of_rows(rows).items()})
    results = clean_json(results)
    write_atomic(folder / "results.json", json.dumps(results, indent=2) + "\n")
    report = write_kfold_report(folder)
    RunDir(folder).mark_latest()
    print_folds(results)
    print(f"Report: {as_shown(report)}")
    where, verbs = as_shown(folder), ["submit"] if can_submit(task, first["data_source"], first["sizes"]) else []
    if "export" not in task.refuses and "tokens" not in task.reads:  # each fold has a vocabulary of its own
        verbs.append("export")
    if "ensemble" not in task.refuses:
        mean = f"{', '.join(verbs)} --run {where} take the mean of all; " if verbs else ""
        print(f"Next: {mean}ensemble --runs {where} OTHER scores that of two.")
    return results


def scored_on(first: dict[str, Any], count: int, bags: bool) -> str:
    """Which samples are scored and, of folds, how they were made: ``grouped, by colour``. ``first``: of fold 0."""
    if bags:
        return "out-of-bag samples, mean over the bags without them"
    made = first["split"]["val"].removeprefix(f"fold 0 of {count}")
    return f"out-of-fold samples of {count} folds{made}"


def out_of_fold(folder: Path, loaded: list) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
    """Rows of all folds as one, each sample once, and the columns ``id`` and ``fold`` of ``oof``."""
    rows, order = concatenated([r for r, _ in loaded])
    if len(rows["id"].unique()) < len(rows["id"]):
        raise ValueError(f"{folder}: a sample is in the validation part of two folds. Train them with one --data.seed.")
    names = np.concatenate([names for _, names in loaded])
    fold = np.concatenate([np.full(len(names), i) for i, (_, names) in enumerate(loaded)])
    return rows, {"id": names[order.numpy()], "fold": fold[order.numpy()]}


def out_of_bag(folder: Path, loaded: list) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
    """Rows from the mean prediction of the bags that a sample is out of, and the columns ``id`` and ``bags``.

    Streams the data through all members once more, because rows of single bags (such as a confusion matrix of one
    picture) cannot be averaged.
    """
    runs = [load_run(str(folder / f"fold_{i}"), is_calibrated=False) for i in range(len(loaded))]
    task, data = runs[0].task, runs[0].data
    ids_by_bag = [r["id"] for r, _ in loaded]
    for run in runs:
        run.data.parts["oob"] = np.flatnonzero(np.isin(run.data.pools["train"]["id"], torch.cat(ids_by_bag).numpy()))
    gathered, times = [], []
    for batches in batches_of(runs, "oob"):
        batch = batches[0]
        mask = torch.stack([torch.isin(batch["id"], ids.to(batch["id"].device)) for ids in ids_by_bag]).float()
        rows = task.rows_with(batch, partial(mean_over, runs, batches, mask / mask.sum(0)))  # mask: (members, B)
        metadata = {k: batch[k] for k in ("id", "group") if k in batch}
        gathered.append(on_host({**rows, **metadata}))
        times.append(mask.sum(0).long().cpu())
    rows, order = concatenated(gathered)
    names = np.array(data.names("train", rows["id"].numpy()), dtype=str)
    return rows, {"id": names, "bags": torch.cat(times)[order].numpy()}


def mean_over(runs: list[Run], batches: list[dict], shares: Tensor, changed: dict) -> Tensor:
    """Mean prediction with a share (members, B) of each member in each sample."""
    outputs = predictions(runs, batches, changed)
    return sum(share.view(-1, *[1] * (p.ndim - 1)) * p for share, p in zip(shares, outputs, strict=True))


def summarise(
    task: Any, fold_results: list[dict], parts: list[dict[str, Tensor]], rows: dict[str, Tensor] | None, draws: int
) -> dict[str, Any]:
    """``per_fold`` values, their mean and sd ``over_folds``, and pooled ``metrics`` with intervals."""
    per_fold = []
    for i, (results, part) in enumerate(zip(fold_results, parts, strict=True)):
        scores = {f"val/{k}": float(v) for k, v in task.score(used(task, part)).items()}
        if not results["scores_validation"]:
            scores |= {k: math.nan if m["value"] is None else m["value"] for k, m in results["metrics"].items()}
        per_fold.append({"fold": i, "n": len(part["id"]), "best_epoch": results["best_epoch"],
                         "seconds": results["seconds"], "metrics": scores})  # fmt: skip
    over = {}
    for name in per_fold[0]["metrics"]:
        values = np.array([fold["metrics"].get(name, math.nan) for fold in per_fold])
        values = values[np.isfinite(values)]  # undefined in a fold, such as the IoU of a class it does not hold
        sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        over[name] = {"mean": float(values.mean()) if len(values) else math.nan, "sd": sd, "n": len(values)}
    metrics = {} if rows is None else scores_of(task, "oof", rows, draws)
    return {"metrics": metrics, "over_folds": over, "per_fold": per_fold}
