"""A finished run as objects: task with its weights, datamodule set up."""

from dataclasses import dataclass
from typing import Any

from .checkpoint import load_weights
from .cli import TaskCLI
from .rundir import RunDir, find_run


@dataclass
class Run:
    """What a verb works with."""

    dir: RunDir
    task: Any
    data: Any


def load_run(path: str, overrides: list[str] | None = None) -> Run:
    """Build task and data from the run's ``config.yaml`` and load its best weights.

    Args:
        path: Run directory.
        overrides: Further command-line arguments, such as ``["--data.root", "other"]``.
    """
    run = find_run(path)
    cli = TaskCLI(["--config", str(run.config), *(overrides or [])], run=False)
    load_weights(cli.model, run.best)
    cli.model.eval()
    cli.datamodule.setup("predict")
    return Run(run, cli.model, cli.datamodule)
