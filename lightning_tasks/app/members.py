"""Finished runs as objects: each task with its weights, and the data as that task reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from datamodules.core.base import DataModule
from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.unfinished import no_checkpoint
from lightning_tasks.measures.recalibration import calibrated
from lightning_tasks.problems import Task
from lightning_tasks.problems.checks import check_trained
from lightning_tasks.runs.calibration import read_calibration
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.directory import RunDir, find_run, holds_folds
from lightning_tasks.runs.results import read_results

from .cli import TaskCLI
from .places import as_shown

Rows = dict[str, Tensor]


@dataclass
class Run:
    """What a verb works with: a member of an ensemble, or the only one.

    Args:
        dir: Its directory.
        task: The network with its best weights.
        data: Its own data module, set up: another fold may have another vocabulary or scaler.
    """

    dir: RunDir | None
    task: Task
    data: DataModule


def load_run(path: str, overrides: list[str] | None = None, is_calibrated: bool = True) -> Run:
    """Build task and data from the run's ``config.yaml`` and load its best weights, on the device its trainer has.

    Args:
        path: Run directory.
        overrides: Further command-line arguments, such as ``["--data.root", "other"]``.
        is_calibrated: Also load what ``calibrate`` fitted, where it was called.

    Raises:
        FileNotFoundError: No run, or one without its best weights.
    """
    run = find_run(path)
    if not run.best.is_file():
        raise no_checkpoint(run.best)
    cli = TaskCLI(["--config", str(run.config), *(overrides or [])], run=False)
    cli.datamodule.take_fitted(load_weights(cli.model, run.best))
    cli.model.calibration = read_calibration(run) if is_calibrated else None
    cli.model.eval().to(cli.trainer.strategy.root_device)
    cli.datamodule.setup("predict")
    check_trained(cli.model, cli.datamodule)
    return Run(run, cli.model, cli.datamodule)


def member_dirs(path: str | Path) -> list[RunDir]:
    """The run at ``path``, or the folds of the k-fold directory at ``path``, in their order.

    Raises:
        FileNotFoundError: Neither is there, or folds are missing.
    """
    path = Path(path)
    if not holds_folds(path):
        return [find_run(path)]
    if not (path / "results.json").is_file():
        raise FileNotFoundError(f"{path} has no results.json: folds are missing. Call its kfold command again.")
    count = read_json(path / "results.json")["folds"]
    return [find_run(path / f"fold_{i}") for i in range(count)]


def load_members(path: str | Path, overrides: list[str] | None = None) -> list[Run]:
    """A run as a list of one, or all folds (or bags) of a k-fold directory; each with its own split.

    Args:
        path: Run or k-fold directory.
        overrides: As in ``load_run``, for every member.
    """
    return [load_run(str(run.path), overrides) for run in member_dirs(path)]


def load_groups(paths: list[Path], overrides: list[str]) -> list[list[Run]]:
    """The members at each of several paths, whose predictions are to be averaged.

    Raises:
        ValueError: A member is given twice, or they are of different tasks or data.
    """
    places = [run.path for path in paths for run in member_dirs(path)]
    if twice := next((place for place in places if places.count(place) > 1), None):
        raise ValueError(f"{as_shown(twice)} is given twice, perhaps once as the link latest: give different runs.")
    groups = [load_members(path, overrides) for path in paths]
    first, *others = (run for group in groups for run in group)
    for run in others:
        tasks = [type(each.task).__name__ for each in (first, run)]
        data = [read_results(each.dir)["arrays_fingerprint"][:12] for each in (first, run)]
        for what, (one, other) in (("tasks", tasks), ("data", data)):
            if one != other:
                places = f"{as_shown(first.dir.path)} and {as_shown(run.dir.path)}"
                raise ValueError(
                    f"{places} were made from different {what} ({one}, {other}): their predictions cannot be averaged."
                )
    return groups


def require(task: Task, verb: str) -> None:
    """Raise a ValueError with the reason where a verb or option has no meaning for a task."""
    if (reason := task.refuses.get(verb)) is not None:
        name = f"--{verb}" if verb == "tta" else verb
        raise ValueError(f"{name} has no meaning for {type(task).__name__}: {reason}.")


# ---- what they predict ----------------------------------------------------------------------------------------


def batches_of(members: list[Run], part: str) -> Iterator[list[dict]]:
    """The samples of a part as each member reads them: a batch for each member, each sample once, on its device.

    Members whose data modules serve the same batches share them, texts in order of length; else they are served in the
    part's order. Tasks are brought to their devices in evaluation mode, and their random streams begin anew.

    Raises:
        ValueError: The members do not read the same samples.
    """
    first = members[0]
    device = first.task.device
    for member in members:
        member.task.eval().to(device)
        member.task.restart_streams()
    readers: list[DataModule] = []
    reader_of = []
    for member in members:
        index = next((i for i, data in enumerate(readers) if data.serves_as(member.data)), len(readers))
        readers += [member.data] if index == len(readers) else []
        reader_of.append(index)
    size = first.data.hparams.batch_size if len(readers) > 1 else None
    for batches in zip(*(data.part_loader(part, size) for data in readers), strict=True):
        ready = [
            data.on_after_batch_transfer({k: v.to(device) for k, v in batch.items()}, 0)
            for data, batch in zip(readers, batches, strict=True)
        ]
        if any(not torch.equal(batch["id"], ready[0]["id"]) for batch in ready):
            raise ValueError(f"The members do not read the same samples of the {part} part: give them one data set.")
        yield [ready[i] for i in reader_of]


@torch.inference_mode()
def predictions(members: list[Run], batches: list[dict], changed: dict | None = None) -> list[Tensor]:
    """What each member predicts of its own batch (B, ...), recalibrated where its run was calibrated.

    Args:
        members: With ``averaged`` of their tasks.
        batches: A batch for each, from ``batches_of``.
        changed: The first member's batch with other values of some keys, such as a corrupted ``image``: all members
            then see these.
    """
    new = {key: value for key, value in (changed or {}).items() if value is not batches[0].get(key)}
    outputs = []
    for member, batch in zip(members, batches, strict=True):
        task = member.task
        out = calibrated(task, task.predict_step({**batch, **new}, 0))[task.averaged]
        # Double stays double: rounded to float32 it could turn near ties into ties, and so move a predicted class.
        outputs.append(out if out.dtype == torch.float64 else out.float())
    return outputs


def mean_prediction(outputs: list[Tensor], weights: list[float] | None = None) -> Tensor:
    """Weighted mean over members; equal weights where none are given."""
    weights = weights or [1 / len(outputs)] * len(outputs)
    return sum(weight * output for weight, output in zip(weights, outputs, strict=True))


def mean_batches(members: list[Run], part: str) -> Iterator[dict]:
    """Batches of a part with the mean prediction of the members, in bounded memory."""
    for batches in batches_of(members, part):
        yield {**batches[0], members[0].task.averaged: mean_prediction(predictions(members, batches))}


def rows_of_part(loaded: Run, part: str) -> Rows:
    """``prob`` (N, K), ``label`` (N,), ``id`` and perhaps ``group`` of a part, on the CPU."""
    columns: dict[str, list[Tensor]] = {}
    for batches in batches_of([loaded], part):
        batch = batches[0]
        metadata = {k: batch[k] for k in ("label", "id", "group") if k in batch}
        for name, value in {"prob": predictions([loaded], batches)[0], **metadata}.items():
            columns.setdefault(name, []).append(value.cpu())
    return {name: torch.cat(values) for name, values in columns.items()}
