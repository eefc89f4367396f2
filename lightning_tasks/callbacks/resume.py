"""What a checkpoint knows in steps and in rates, said again in those of the fit that goes on from it."""

import math
from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch.optim.lr_scheduler import LambdaLR

RATES = ("lr", "weight_decay")  # arguments of a task that stand in the optimiser's state


class ResumeRates(Callback):
    """Lets a resumed fit go on with the learning rate, weight decay and steps an epoch that it has now.

    The optimiser's state brings its old rates along: they are multiplied by new / old. A schedule counts steps: its
    position becomes the same share of the epochs when an epoch has more or fewer steps (another batch size,
    accumulation or number of devices). With unchanged settings nothing changes.
    """

    def __init__(self) -> None:
        self.steps = 0  # optimiser steps of an epoch; 0 where no fit was continued

    def state_dict(self) -> dict[str, int]:
        """Steps of an epoch."""
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Steps of an epoch before the resume."""
        self.steps = state_dict["steps"]

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
            if isinstance(schedule, LambdaLR) and config.interval == "step":
                if before != self.steps:
                    schedule.last_epoch = round(schedule.last_epoch * self.steps / before)
                # Also where the number of epochs has changed: the rate of the next step is the new curve's.
                rates = [base * factor(schedule.last_epoch) for base, factor in zip(schedule.base_lrs,
                         schedule.lr_lambdas, strict=True)]  # fmt: skip
                for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate


def scaled(rate: float, old: float, new: float) -> float:
    """``rate`` x new / old; exactly ``new`` where it was ``old``."""
    return new if rate == old else rate * new / old
