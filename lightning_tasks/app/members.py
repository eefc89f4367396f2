"""A finished run as objects: task with its weights, datamodule set up."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_tasks.runs.calibration import read_calibration
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.directory import RunDir, find_run

from .cli import TaskCLI
from .predict import batches_of, member_probs


@dataclass
class Run:
    """What a verb works with."""

    dir: RunDir
    task: Any
    data: Any


def load_run(path: str, overrides: list[str] | None = None, calibrated: bool = True) -> Run:
    """Build task and data from the run's ``config.yaml`` and load its best weights, on the device its trainer has.

    Args:
        path: Run directory.
        overrides: Further command-line arguments, such as ``["--data.root", "other"]``.
        calibrated: Also load what ``calibrate`` fitted, where it was called.
    """
    run = find_run(path)
    cli = TaskCLI(["--config", str(run.config), *(overrides or [])], run=False)
    load_weights(cli.model, run.best)
    cli.model.calibration = read_calibration(run) if calibrated else None
    cli.model.eval().to(cli.trainer.strategy.root_device)
    cli.datamodule.setup("predict")
    return Run(run, cli.model, cli.datamodule)


def member_dirs(path: str | Path) -> list[RunDir]:
    """The run at ``path``, or the folds of the k-fold directory at ``path``, in their order.

    Raises:
        FileNotFoundError: Neither is there, or folds are missing.
    """
    path = Path(path)
    if (path / "config.yaml").is_file() or not (path / "fold_0").is_dir():
        return [find_run(path)]
    if not (path / "results.json").is_file():
        raise FileNotFoundError(f"{path} has no results.json: folds are missing. Call its kfold command again.")
    count = json.loads((path / "results.json").read_text())["folds"]
    return [find_run(path / f"fold_{i}") for i in range(count)]


def load_members(path: str | Path, overrides: list[str] | None = None) -> list[Run]:
    """A run as a list of one, or all folds (or bags) of a k-fold directory; each with its own split.

    Args:
        path: Run or k-fold directory.
        overrides: As in ``load_run``, for every member.
    """
    return [load_run(str(run.path), overrides) for run in member_dirs(path)]


Rows = dict[str, Tensor]


def rows_of_part(loaded: Run, part: str) -> Rows:
    """``prob`` (N, K), ``label`` (N,), ``id`` and perhaps ``group`` of a part, on the CPU."""
    found: dict[str, list[Tensor]] = {}
    for batch in batches_of([loaded.task], loaded.data, part):
        prob = member_probs([loaded.task], batch)[0]
        if prob.ndim != 2 or "label" not in batch:
            raise ValueError(
                f"{type(loaded.task).__name__} gives no class probabilities for whole samples: "
                "calibrate takes classifiers."
            )
        kept = {k: batch[k] for k in ("label", "id", "group") if k in batch}
        for name, value in {"prob": prob, **kept}.items():
            found.setdefault(name, []).append(value.cpu())
    return {name: torch.cat(values) for name, values in found.items()}
