"""Checkpoints: files written whole or not at all, and weights from them into a task built from the configuration."""

from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from lightning_tasks.common.atomic import write_atomic_with
from lightning_tasks.common.host import on_host
from lightning_tasks.common.torch_files import likely_name, named_tensors, read_torch, reason, unreadable
from lightning_tasks.common.unfinished import no_checkpoint


class WholeCheckpointIO(TorchCheckpointIO):
    """How every Trainer here writes and reads checkpoints.

    Lightning's own writes into the system's temporary folder and moves the file: to another disk that is a copy, and
    a kill or a full disk leaves a cut file in place of the whole one.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write beside ``path``, then rename.

        Raises:
            OSError: The file could not be written; what stood under ``path`` is untouched.
        """
        path = Path(path)
        checkpoint = on_host(checkpoint)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:  # a file object: of a path torch.save tells no reason of a failure
                torch.save(checkpoint, file)

        try:
            write_atomic_with(path, write)
        except (OSError, RuntimeError) as error:
            then = "The earlier file is untouched: continue with --resume" if path.is_file() else "Start again"
            raise OSError(f"{path} could not be written ({reason(error)}). {then} when there is room.") from None

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """As ``read_checkpoint``: always plain values and tensors, which is all that tasks put into a checkpoint."""
        return read_checkpoint(path, map_location)


def read_checkpoint(path: str | Path, map_location: Any = "cpu", mmap: bool = False) -> dict[str, Any]:
    """A checkpoint, read with ``weights_only``: a file runs no code.

    Args:
        path: The file.
        map_location: As for ``torch.load``.
        mmap: Leave the tensors in the file until they are used.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No checkpoint, or a truncated one.
    """
    path = Path(path)
    if not path.is_file():
        raise no_checkpoint(path)
    checkpoint = read_torch(path, "checkpoint", map_location, mmap)
    named_tensors(checkpoint.get("state_dict"), path, "checkpoint")
    arguments, epoch = checkpoint.get("hyper_parameters", {}), checkpoint.get("epoch", 0)
    if not isinstance(arguments, dict) or not all(isinstance(name, str) for name in arguments):
        raise unreadable(path, "checkpoint", "its hyper_parameters are no names with values")
    if not isinstance(epoch, int) or not isinstance(arguments.get("_class_path", ""), str):
        raise unreadable(path, "checkpoint", "its epoch is no number, or its task no name")
    return checkpoint


def is_whole(path: Path) -> bool:
    """Whether a checkpoint is there and loads."""
    try:
        read_checkpoint(path, mmap=True)
    except (FileNotFoundError, ValueError):
        return False
    return True


def load_weights(task: LightningModule, path: str | Path) -> dict:
    """Load ``state_dict`` strictly; configuration has built ``task``, the checkpoint gives numbers only.

    Returns:
        The checkpoint, with ``epoch`` and ``hyper_parameters``.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No checkpoint, truncated, of another task, or of another architecture.
    """
    checkpoint = read_checkpoint(path)
    made_by = checkpoint.get("hyper_parameters", {}).get("_class_path", "")
    if made_by and made_by.rsplit(".", 1)[-1] != type(task).__name__:
        raise ValueError(
            f"{path} was made by {made_by.rsplit('.', 1)[-1]}; the configuration builds {type(task).__name__}. "
            "Give the config that made it."
        )
    take_weights(task, checkpoint, path)
    return checkpoint


def take_weights(task: LightningModule, checkpoint: dict, path: str | Path) -> None:
    """Load the ``state_dict`` of a checkpoint strictly. What has no elements may be lacking: nothing is lost with it.

    Args:
        task: As the configuration, or the checkpoint's own arguments, have built it.
        checkpoint: What ``read_checkpoint`` gave.
        path: Where it stands, for messages.

    Raises:
        ValueError: It is of another network, or an earlier version of the task had other tensors.
    """
    try:
        task.on_load_checkpoint(checkpoint)  # lets a task make room for what it stores
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:  # what it stores has another form
        raise another_version(type(task), path, f"its own entries cannot be read: {reason(error)}") from None
    state, expected = checkpoint["state_dict"], task.state_dict()
    wrong = [name for name in [*expected, *(n for n in state if n not in expected)] if differs(name, state, expected)]
    if wrong:
        name = wrong[0]
        sizes = f"{shape(state, name)} there and {shape(expected, name)} here"
        if is_built_alike(task, checkpoint):
            raise another_version(type(task), path, f"{name} is {sizes}{likely_name(name, state, expected)}")
        raise ValueError(
            f"{path} does not fit the configured network: size mismatch at {name} "
            f"({shape(state, name)} in the checkpoint, {shape(expected, name)} here). "
            "The configuration must name the network that made it (config.yaml of its run does)."
        )
    fitting = {name: value for name, value in state.items() if name in expected}
    try:
        task.load_state_dict({**{n: v for n, v in expected.items() if n not in fitting}, **fitting})
    except RuntimeError as error:  # values that cannot be copied: of another kind
        raise another_version(type(task), path, reason(error)) from None
    if state.keys() != expected.keys():
        task.strict_loading = False  # where Lightning loads the same file again


def differs(name: str, state: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether a tensor is of another shape, or has elements on one side and is absent on the other."""
    if name in state and name in expected:
        return state[name].shape != expected[name].shape
    return bool((state if name in state else expected)[name].numel())


def is_built_alike(task: LightningModule, checkpoint: dict) -> bool:
    """Whether the arguments that made the weights, as far as the task still has them, are those of ``task``."""
    made_by = checkpoint.get("hyper_parameters", {})
    both = [name for name in task.hparams if name in made_by and not name.startswith("_")]
    return bool(both) and all(task.hparams[name] == made_by[name] for name in both)


def another_version(made_by: type, path: str | Path, what: str) -> ValueError:
    """The error of a checkpoint that has the right arguments and does not fit."""
    return ValueError(
        f"{path} was made by another version of {made_by.__name__} ({what}). "
        "Train it anew, or use the version that made it (git_commit in results.json of its run)."
    )


def shape(state: dict, name: str) -> str:
    """``32x1x3x3``, or ``absent``."""
    return "x".join(map(str, state[name].shape)) or "number" if name in state else "absent"
