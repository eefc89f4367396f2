"""Flags of the Trainer with which a command would end without a result, a fit after hours: refused at the start."""

import math
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from .weights import WORDS

WHOLE = ("32-true", "32", "16-mixed", "bf16-mixed", "16", "bf16", "None")  # batches are float32; autocast does the rest
NOTHING_LEFT = {
    "limit_train_batches": "nothing is trained",
    "limit_val_batches": "no epoch is validated, and validation chooses the checkpoint",
    "limit_test_batches": "there is nothing to report",
    "limit_predict_batches": "nothing is predicted",
}
LOOKED_AT = {  # command -> limits that it needs
    "fit": ("limit_train_batches", "limit_val_batches", "limit_test_batches"),
    "validate": ("limit_val_batches",),
    "test": ("limit_test_batches",),
    "predict": ("limit_predict_batches",),
}


def check_precision(precision: Any) -> None:
    """Raise a ValueError where the network would be of another type than the batches."""
    if str(precision) not in WHOLE:
        raise ValueError(
            f"--trainer.precision {precision}: batches are float32, and a network of another type cannot read them. "
            "Choose bf16-mixed, 16-mixed (GPU) or 32-true."
        )


def check_seed(seed: int | bool) -> None:
    """Raise a ValueError where numpy has no such seed."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed_everything {seed}: need a whole number from 0 to {2**32 - 1}.")


def check_finite(options: Any) -> None:
    """Raise a ValueError where an argument of the task or the data is, or holds, NaN or infinity.

    Comparisons with NaN are all false, so that a task's own ``value < 0`` would let it pass.
    """

    def look(key: str, value: Any) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"--{key} {value}: need a finite number.")
        if isinstance(value, (dict, Namespace)):
            for name, inner in (value if isinstance(value, dict) else vars(value)).items():
                look(f"{key}.{name}", inner)
        if isinstance(value, (list, tuple)):
            for inner in value:
                look(key, inner)

    for part in ("model", "data"):
        look(part, options[part].get("init_args", {}))


def check_limits(command: str, trainer: Any) -> None:
    """Raise a ValueError where a limit leaves a command of Lightning no batch."""
    for name in LOOKED_AT[command]:
        if getattr(trainer, name) == 0:
            raise ValueError(
                f"--trainer.{name} 0: {NOTHING_LEFT[name]}. Give 1 or more batches, or a share such as 0.1."
            )


def no_epoch(trainer: Any) -> str:
    """What is said of a fit that ended before its first epoch did."""
    if trainer.max_time is not None and trainer.max_epochs != 0:
        return (
            f"no epoch ended within --trainer.max_time {trainer.max_time}, so nothing was written. Give it more time, "
            "or make an epoch shorter by --data.samples_per_epoch or --trainer.limit_train_batches."
        )
    return "no epoch was trained, so nothing was written. Set --trainer.max_epochs to 1 or more."


def check_fit(options: Any, run: Path) -> None:
    """Look at the flags of a fit that is no trial run.

    Args:
        options: The parsed configuration.
        run: Directory of the run.

    Raises:
        ValueError: Nothing would be trained, validated, tested or kept; or the weights to start from would be deleted.
    """
    trainer = options.trainer
    check_limits("fit", trainer)
    if trainer.enable_checkpointing is False:
        raise ValueError(
            "--trainer.enable_checkpointing false: a run is tested and continued from its checkpoints. "
            "A trial that leaves nothing behind is --trainer.fast_dev_run true."
        )
    timed = trainer.max_epochs is None and trainer.max_time is not None
    if trainer.max_steps == -1 and (timed or trainer.max_epochs == -1):
        raise ValueError(
            "--trainer.max_epochs: without a number of epochs the schedule of the learning rate has no length. "
            "Set one, such as 100; --trainer.max_time may end the fit before."
        )
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every is not None and epochs is not None and 0 < epochs < every:
        raise ValueError(
            f"--trainer.check_val_every_n_epoch {every} of {epochs} epochs: {NOTHING_LEFT['limit_val_batches']}. "
            f"Set {epochs} or less."
        )
    if given := options.get("ckpt_path"):
        raise ValueError(
            f"--ckpt_path {given}: a fit goes on with a run by --resume, and begins another one at its weights by "
            f"--start {given if given not in WORDS else 'RUN'}."
        )
    start = options.start
    if start and options.overwrite and Path(start).resolve().is_relative_to(run.resolve()):
        raise ValueError(
            f"--start {start} lies in the run that --overwrite replaces. To go on with that run use --resume; to "
            "begin another one at its weights give it another --name."
        )
