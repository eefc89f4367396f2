"""Weights from a checkpoint into a task that was built from the configuration."""

import pickle
from pathlib import Path
from zipfile import BadZipFile

import torch
from lightning import LightningModule


def load_weights(task: LightningModule, path: str | Path) -> dict:
    """Load ``state_dict`` strictly; configuration has built ``task``, the checkpoint gives numbers only.

    Returns:
        The checkpoint, with ``epoch`` and ``hyper_parameters``.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No checkpoint, truncated, of another task, or of another architecture.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        state = checkpoint["state_dict"]
    except (pickle.UnpicklingError, BadZipFile, EOFError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable checkpoint ({reason}). Is it truncated?") from None
    made_by = checkpoint.get("hyper_parameters", {}).get("_class_path", "")
    if made_by and made_by.rsplit(".", 1)[-1] != type(task).__name__:
        raise ValueError(
            f"{path} was made by {made_by.rsplit('.', 1)[-1]}; the configuration builds {type(task).__name__}. "
            "Give the config that made it."
        )
    task.on_load_checkpoint(checkpoint)  # lets a task make room for what it stores
    own = task.state_dict()
    for name in [*own, *state]:
        if name not in state or name not in own or own[name].shape != state[name].shape:
            raise ValueError(
                f"{path} does not fit the configured network: size mismatch at {name} "
                f"({shape(state, name)} in the checkpoint, {shape(own, name)} here). "
                "The configuration must name the network that made it (config.yaml of its run does)."
            )
    task.load_state_dict(state)
    return checkpoint


def shape(state: dict, name: str) -> str:
    """``32x1x3x3``, or ``absent``."""
    return "x".join(map(str, state[name].shape)) or "number" if name in state else "absent"
