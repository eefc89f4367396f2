"""Loggers of a fit: TensorBoard's beside the run, and those that the user names by Lightning's own flag."""

from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_info


def loggers_of(configured: Any, folder: Path) -> list[Logger] | bool:
    """Ours first, whose events lie in the run's directory; False where the user wants none.

    Args:
        configured: ``trainer.logger``: None, a bool, a logger or several.
        folder: The run's directory.
    """
    if configured is False:
        return False
    several = configured if isinstance(configured, (list, tuple)) else [configured]
    others = [logger for logger in several if isinstance(logger, Logger)]
    if others:
        names = ", ".join(type(logger).__name__ for logger in others)
        rank_zero_info(f"{names}: metrics and hyperparameters. Figures and texts go to TensorBoard and to {folder}.")
    return [TensorBoardLogger(folder, name="", version="", default_hp_metric=False), *others]
