"""From which checkpoint a run goes on, and at which weights another one begins."""

from typing import Any

from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.utilities import rank_zero_info

from lightning_tasks.runs.checkpoint import is_whole, load_weights
from lightning_tasks.runs.directory import RunDir


def checkpoint_to_resume(run: RunDir, task: Any, max_epochs: int | None) -> str:
    """The checkpoint to go on from; one clear error where it does not fit, before the data is read.

    Raises:
        ValueError: It is of another network, or has trained longer than is asked for.
    """
    path = run.newest()
    trained = load_weights(task, path)["epoch"] + 1
    if path != run.last:
        rank_zero_info(f"{run.last} cannot be read: going on from {path}, after epoch {trained}.")
    elif run.best.is_file() and not is_whole(run.best):
        rank_zero_info(f"{run.best} cannot be read: the best is chosen anew from here on.")
    if max_epochs is not None and 0 <= max_epochs < trained:
        raise ValueError(
            f"--resume: the run has trained {trained} epochs, and --trainer.max_epochs is {max_epochs}. "
            f"Set {trained} or more."
        )
    return str(path)


def begin_at(task: Any, data: Any, path: str) -> LambdaCallback:
    """Take weights, and what the data had learnt for them, such as a vocabulary; epochs and optimiser begin anew.

    Returns:
        Puts the weights back when the fit begins: to set a task up fits it to its data.

    Raises:
        FileNotFoundError: No such file.
        ValueError: They are of another network, or of classes in another order.
    """
    data.take_fitted(load_weights(task, path))
    weights = {name: value.clone() for name, value in task.state_dict().items()}
    return LambdaCallback(on_fit_start=lambda trainer, pl_module: pl_module.load_state_dict(weights))
