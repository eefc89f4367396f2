"""``calibration.json``: the map that ``calibrate`` fitted, tied to the weights it was fitted for."""

import hashlib
from pathlib import Path
from typing import Any

from lightning_tasks.common.call import CALL
from lightning_tasks.common.json_files import read_json

from .directory import RunDir

NAME = "calibration.json"


def weights_digest(path: Path) -> str:
    """Sha256 of a checkpoint file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_calibration(run: RunDir) -> dict[str, Any] | None:
    """The fitted map of a run, with its views and the run's own path.

    None where it was not calibrated, or no map could be fitted.

    Raises:
        ValueError: It was fitted for other weights: the run was continued or replaced.
    """
    path = run.path / NAME
    if not path.is_file():
        return None
    stored = read_json(path)
    if stored["weights_sha256"] != weights_digest(run.best):
        raise ValueError(
            f"{path} was fitted for other weights than {run.best.name} holds now. "
            f"Run `{CALL} calibrate --run {run.path}` again, or delete the file."
        )
    if "reason" in stored["map"]:  # T = 1 was kept, which changes nothing
        return None
    return stored["map"] | {"tta": stored["tta"], "run": str(run.path)}


def calibration_beside(checkpoint: Path) -> dict[str, Any] | None:
    """The fitted map of the run whose ``best.ckpt`` this is; None for any other file."""
    checkpoint = checkpoint.resolve()
    run = RunDir(checkpoint.parent.parent)
    return read_calibration(run) if checkpoint == run.best.resolve() else None
