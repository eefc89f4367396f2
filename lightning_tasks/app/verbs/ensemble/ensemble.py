"""``ensemble``: the mean of several members' probabilities, scored beside each of them."""

import json
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from lightning_tasks.app.console import direction
from lightning_tasks.app.members import Run, batches_of, load_groups, mean_prediction, predictions, require
from lightning_tasks.app.pages.ensemble import print_members, write_ensemble_report
from lightning_tasks.app.places import as_shown
from lightning_tasks.app.scores import mean_baselines, scores_of
from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.host import on_host
from lightning_tasks.runs.data_record import check_split
from lightning_tasks.runs.directory import check_new, new_folder
from lightning_tasks.runs.kinds import kind_of
from lightning_tasks.runs.results import clean_json, read_results
from lightning_tasks.runs.rowfile import concatenated
from lightning_tasks.runs.tables import save_table

from .blend import blend_weights, truth_probs

TO_SCORE = (
    "so their mean must not be scored there (its results.json has the score of single members). Train with a test part "
    "(--data.test_fraction 0.2)"
)
TO_FIT = "to which --fit-weights would fit. Leave it away: all then weigh the same"


@dataclass
class Group:
    """What one path of ``--runs`` stands for: one run, or the folds of a k-fold directory."""

    path: Path
    runs: list[Run]
    kind: str  # "run", "kfold" or "bags"


@dataclass
class Unit:
    """Samples and the members that may be averaged on them, because none has trained on them.

    Args:
        part: ``test`` or ``val`` of the first member's data.
        runs: The members.
        group: Number of the group each member belongs to; its weight is shared among its members.
    """

    part: str
    runs: list[Run]
    group: list[int]


def run(options: Namespace, overrides: list[str]) -> None:
    """``ensemble --runs A B ... [--fit-weights] [--name N] [--overwrite]`` and overrides for every member."""
    folder = options.runs[0].parent / options.name
    check_new(folder, "ensemble", options.overwrite)
    loaded = load_groups(options.runs, overrides)
    groups = [Group(path, runs, kind_of(path)) for path, runs in zip(options.runs, loaded, strict=True)]
    first = groups[0].runs[0]
    require(first.task, "ensemble")
    if sum(map(len, loaded)) < 2:
        raise ValueError("ensemble needs two or more members: give several runs, or a k-fold directory, to --runs.")
    for member in (run for group in groups for run in group.runs):
        check_split(member.dir.path, member.data)
    validation = first.data.scores_validation
    units = validation_units(groups) if validation else [held_out_unit(groups)]
    for member in (run for group in groups for run in group.runs if validation):
        member.task.calibration = None  # it was fitted to the samples that are scored here
    names = member_names(groups, units)
    if options.fit_weights and validation and len(units) == 1:
        raise ValueError(
            "--fit-weights would fit and score on the same validation samples. It needs data with a test part of "
            "its own (--data.test_fraction 0.2 when training), or two or more k-fold directories."
        )
    if not options.fit_weights:
        weights = [np.full(len(groups), 1 / len(groups))] * len(units)
    elif validation:  # the weights of a fold come from the other folds
        unit_truths = [truths(unit, len(groups)) for unit in units]
        weights = [blend_weights(np.concatenate(unit_truths[:i] + unit_truths[i + 1 :])) for i in range(len(units))]
    else:
        validation_truths = np.concatenate([truths(unit, len(groups)) for unit in validation_units(groups, TO_FIT)])
        weights = [blend_weights(validation_truths)]

    task = first.task
    scored = [score_unit(unit, member_weights(unit, w)) for unit, w in zip(units, weights, strict=True)]
    mean, order = concatenated([rows for rows, _ in scored])
    member_rows = [concatenated([rows[m] for _, rows in scored])[0] for m in range(len(names))]
    mean_weights = np.mean([member_weights(u, w) for u, w in zip(units, weights, strict=True)], 0)
    part = "oof" if len(units) > 1 else units[0].part
    stored = read_results(first.dir)
    results = {
        "kind": "ensemble",
        "task": type(task).__name__,
        "experiment": stored["experiment"],
        "name": options.name,
        "data_source": first.data.data_source,
        "arrays_fingerprint": stored["arrays_fingerprint"],
        "scored": scored_on(units, first),
        "weighting": "fitted to validation predictions (NLL)" if options.fit_weights else "equal",
        "calibrated": sum(run.task.calibration is not None for group in groups for run in group.runs),
        "runs": [as_shown(path) for path in options.runs],
        "networks": sum(len(group.runs) for group in groups),
        "headline": task.headline_metric,
        "headline_mode": direction(task),
        "metrics": scores_of(task, part, mean, options.draws),
        "members": [
            {"run": name, "weight": float(weight), "metrics": scores_of(task, part, rows, 0)}
            for name, weight, rows in zip(names, mean_weights, member_rows, strict=True)
        ],
        "baselines": baselines_of(groups),
        "notes": first.data.notes,
    }
    results = clean_json(results)
    file = {"id": np.array(first.data.names(first.data.pool_of(units[0].part), mean["id"].numpy()), dtype=str)}
    file |= {k: v.numpy() for k, v in mean.items() if k in task.written_rows}
    with new_folder(folder, "ensemble", options.overwrite):
        save_table(folder / "predictions", file, task.class_names)
        write_atomic(folder / "results.json", json.dumps(results, indent=2) + "\n")
        report = write_ensemble_report(folder)
    print_members(results)
    print(f"Report: {as_shown(report)}")
    alike = all(first.data.serves_as(run.data) for group in groups for run in group.runs)
    if "export" not in task.refuses and (alike or "tokens" not in task.reads):  # each run may have its own vocabulary
        runs = " ".join(as_shown(path) for path in options.runs)
        out = " --out FILE.onnx" if len(options.runs) > 1 else ""
        print(f"Next: export --run {runs}{out} writes the mean, in equal shares, as one file.")


def baselines_of(groups: list[Group]) -> dict[str, dict[str, float]]:
    """Scores without a network: the mean over the members whose fit had them on the data and split of today."""
    stored = [(run, read_results(run.dir)) for group in groups for run in group.runs]
    return mean_baselines([found for run, found in stored if found["data_fingerprint"] == run.data.fingerprint()])


def held_out_unit(groups: list[Group]) -> Unit:
    """All members on the data's own test part.

    Raises:
        ValueError: Members have different test parts.
    """
    runs = [run for group in groups for run in group.runs]
    same_samples(runs, "test")
    return Unit("test", runs, [g for g, group in enumerate(groups) for _ in group.runs])


def validation_units(groups: list[Group], otherwise: str = TO_SCORE) -> list[Unit]:
    """Single runs on the validation part they share, or k-fold directories fold by fold.

    Args:
        groups: What is averaged.
        otherwise: What is said where no sample is unseen by all members.

    Raises:
        ValueError: No sample is unseen by all members.
    """
    if all(group.kind == "run" for group in groups):
        runs = [group.runs[0] for group in groups]
        same_samples(runs, "val")
        return [Unit("val", runs, list(range(len(groups))))]
    counts = {len(group.runs) for group in groups}
    if len(groups) < 2 or len(counts) > 1 or any(group.kind != "kfold" for group in groups):
        several = next(group for group in groups if group.kind != "run")
        raise ValueError(
            f"The members of {several.path} have trained on each other's validation samples, {otherwise}, or give two "
            "or more k-fold directories of the same folds."
        )
    units = [[group.runs[i] for group in groups] for i in range(counts.pop())]
    for runs in units:
        same_samples(runs, "val")
    return [Unit("val", runs, list(range(len(groups)))) for runs in units]


def same_samples(runs: list[Run], part: str) -> None:
    """Raise a ValueError unless ``part`` holds the same samples for all: else some have trained on others' samples."""
    for run in runs[1:]:
        if not np.array_equal(np.sort(run.data.parts[part]), np.sort(runs[0].data.parts[part])):
            raise ValueError(
                f"{runs[0].dir.path} and {run.dir.path} have different {part} samples ({runs[0].data.part_kind[part]}; "
                f"{run.data.part_kind[part]}). Train both with the same --data.fold, --data.folds and --data.seed, or "
                "keep a test part (--data.test_fraction 0.2)."
            )


def member_weights(unit: Unit, weights: np.ndarray) -> list[float]:
    """Weight of each member: its group's, shared among the group's members."""
    return [float(weights[g]) / unit.group.count(g) for g in unit.group]


def member_names(groups: list[Group], units: list[Unit]) -> list[str]:
    """What a member is called: its directory, or the k-fold directory where folds are scored one by one."""
    if len(units) > 1:
        return [str(group.path) for group in groups]
    return [str(run.dir.path.relative_to(group.path.resolve().parent)) if group.kind != "run" else str(group.path)
            for group in groups for run in group.runs]  # fmt: skip


def score_unit(unit: Unit, weights: list[float]) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Rows of the mean, and of each member; each network sees each batch once."""
    task = unit.runs[0].task
    mean, member_rows = [], [[] for _ in unit.runs]
    for batches in batches_of(unit.runs, unit.part):
        calls: list[list[Tensor]] = []

        def average(changed: dict, batches: list = batches, calls: list = calls) -> Tensor:
            calls.append(predictions(unit.runs, batches, changed))
            return mean_prediction(calls[-1], weights)

        batch = batches[0]
        metadata = {k: batch[k] for k in ("id", "group") if k in batch}
        mean.append(on_host({**task.rows_with(batch, average), **metadata}))
        for m, rows in enumerate(member_rows):
            replay = iter(calls)  # the same copies in the same order
            rows.append(on_host({**task.rows_with(batch, lambda _, r=replay, m=m: next(r)[m]), **metadata}))
    return concatenated(mean)[0], [concatenated(rows)[0] for rows in member_rows]


def truths(unit: Unit, groups: int) -> np.ndarray:
    """(n, groups): what each group's mean gives to the true class, over the unit's samples."""
    true_probs = []
    for batches in batches_of(unit.runs, unit.part):
        probs = predictions(unit.runs, batches)
        means = [mean_prediction([p for p, g in zip(probs, unit.group, strict=True) if g == i]) for i in range(groups)]
        true_probs.append(truth_probs(means, batches[0], unit.runs[0].task.hparams.get("ignore_class")))
    return np.concatenate(true_probs)


def scored_on(units: list[Unit], first: Run) -> str:
    """In words, what the members were scored on."""
    if len(units) > 1:
        return f"out-of-fold samples of {len(units)} folds, by the members that did not train on them"
    return first.data.part_kind["test"]
