"""Checkpoints: files written whole or not at all, and weights from them into a task built from the configuration."""

import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from lightning import LightningModule
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lightning_tasks.common.atomic import write_atomic_with

# What reading a cut or foreign file ends with, by where it is cut.
UNREADABLE = (pickle.UnpicklingError, BadZipFile, EOFError, OSError, RuntimeError, KeyError, TypeError, ValueError,
              IndexError, AttributeError, MemoryError)  # fmt: skip


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


def reason(error: BaseException) -> str:
    """What the system said: ``torch.save`` hides it behind an error of its own."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__context__
    message = cause.strerror if isinstance(cause, OSError) else None
    return message or next(iter(str(error).splitlines()), type(error).__name__)


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
        raise FileNotFoundError(f"checkpoint {path} does not exist.")
    try:
        checkpoint = torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
        checkpoint["state_dict"]
    except UNREADABLE as error:
        # torch's own words advise to load it unsafely
        why = "not made of plain values and tensors" if isinstance(error, pickle.UnpicklingError) else reason(error)
        raise ValueError(f"{path} is no readable checkpoint ({why}). Is it truncated, or another file?") from None
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
    state = checkpoint["state_dict"]
    made_by = checkpoint.get("hyper_parameters", {}).get("_class_path", "")
    if made_by and made_by.rsplit(".", 1)[-1] != type(task).__name__:
        raise ValueError(
            f"{path} was made by {made_by.rsplit('.', 1)[-1]}; the configuration builds {type(task).__name__}. "
            "Give the config that made it."
        )
    task.on_load_checkpoint(checkpoint)  # lets a task make room for what it stores
    expected = task.state_dict()
    for name in [*expected, *state]:
        if name not in state or name not in expected or expected[name].shape != state[name].shape:
            raise ValueError(
                f"{path} does not fit the configured network: size mismatch at {name} "
                f"({shape(state, name)} in the checkpoint, {shape(expected, name)} here). "
                "The configuration must name the network that made it (config.yaml of its run does)."
            )
    task.load_state_dict(state)
    return checkpoint


def shape(state: dict, name: str) -> str:
    """``32x1x3x3``, or ``absent``."""
    return "x".join(map(str, state[name].shape)) or "number" if name in state else "absent"
