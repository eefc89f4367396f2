"""What a checkpoint knows in steps and in rates, said again in those of the fit that goes on from it."""

import math
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

RATES = ("lr", "weight_decay")  # arguments of a task that stand in the optimiser's state


class ResumeRates(Callback):
    """Lets a resumed fit go on with the learning rate, weight decay and steps an epoch that it has now.

    The optimiser's state brings its old rates along: they are multiplied by new / old. A schedule counts steps: its
    position becomes the same share of the epochs when an epoch has more or fewer steps (another batch size,
    accumulation or number of devices), and where ``max_time`` has cut the last one. A plateau schedule is told of an
    epoch after its checkpoint was written: it is told again. With unchanged settings nothing else changes.
    """

    def __init__(self) -> None:
        self.steps = 0  # optimiser steps of an epoch; 0 where no fit was continued
        self.told: float | None = None  # what a plateau schedule is told of the last epoch

    def state_dict(self) -> dict[str, Any]:
        """Steps of an epoch, and what a plateau schedule is told of it."""
        return {"steps": self.steps, "told": self.told}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Those before the resume."""
        self.steps, self.told = state_dict["steps"], state_dict.get("told")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note what the plateau schedule will be told."""
        self.told = None
        for config in trainer.lr_scheduler_configs:
            due = (trainer.current_epoch + 1) % config.frequency == 0
            if due and isinstance(config.scheduler, ReduceLROnPlateau) and config.monitor in trainer.callback_metrics:
                self.told = float(trainer.callback_metrics[config.monitor])

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Change the rates in the checkpoint, before the optimisers read it."""
        for name in RATES:
            old, new = checkpoint.get("hyper_parameters", {}).get(name), pl_module.hparams.get(name)
            if old is None or old == new:
                continue
            for state in checkpoint["optimizer_states"]:
                for group in state["param_groups"]:
                    for key in (name, f"initial_{name}"):
                        if key in group:
                            group[key] = scaled(group[key], old, new)
            for state in checkpoint["lr_schedulers"] if name == "lr" else ():
                for key in ("base_lrs", "_last_lr"):
                    if key in state:
                        state[key] = [scaled(rate, old, new) for rate in state[key]]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put schedules where they belong."""
        before, self.steps = self.steps, math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
        for config in trainer.lr_scheduler_configs if before else ():
            schedule = config.scheduler
            if isinstance(schedule, ReduceLROnPlateau) and self.told is not None:
                schedule.step(self.told)
            if isinstance(schedule, LambdaLR) and config.interval == "step":
                if lacking := before * trainer.current_epoch - schedule.last_epoch:
                    rank_zero_info(
                        f"Epoch {trainer.current_epoch} was cut {lacking} of {before} steps before its end, and is not "
                        "made up for: the fit goes on with the next one."
                    )
                schedule.last_epoch = trainer.current_epoch * self.steps
                # Also where the number of epochs has changed: the rate of the next step is the new curve's.
                rates = [base * factor(schedule.last_epoch) for base, factor in zip(schedule.base_lrs,
                         schedule.lr_lambdas, strict=True)]  # fmt: skip
                for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate


def scaled(rate: float, old: float, new: float) -> float:
    """``rate`` x new / old; exactly ``new`` where it was ``old``."""
    return new if rate == old else rate * new / old
