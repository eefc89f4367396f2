"""Tasks that are trained by gradient descent: optimiser, schedule and averaged weights by plain arguments."""

import math
from typing import Any

from torch.optim import Optimizer

from lightning_tasks.callbacks.averaging import AveragedWeights

from .optim import LARGEST, make_optimizer, make_schedule
from .task import Task


class GradientTask(Task):
    """A task whose ``training_step`` returns a loss.

    Args:
        optimizer: Any name timm's optimiser factory knows.
        lr: Peak learning rate.
        weight_decay: Weight decay, not applied to biases and norms.
        schedule: ``onecycle``, ``cosine``, ``plateau`` or ``none``.
        warmup_epochs: Epochs of linear warm-up, for ``onecycle`` and ``cosine``; 0 takes the schedule's default.
        ema: Decay of an exponential moving average of the weights, used for evaluation; 0 turns it off.

    Raises:
        ValueError: A number that is NaN or out of its range, or a warm-up of a schedule that has none.
    """

    def __init__(
        self,
        optimizer: str = "adamw",
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        schedule: str = "onecycle",
        warmup_epochs: float = 0.0,
        ema: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        ranges = {"lr": (lr, LARGEST), "weight_decay": (weight_decay, LARGEST), "warmup_epochs": (warmup_epochs, 1e6)}
        for name, (value, high) in (*ranges.items(), ("ema", (ema, 1))):
            if not 0 <= value <= high:  # NaN is in no range
                raise ValueError(f"{name}={value}: need a number from 0 to {high:g}.")
        if warmup_epochs and schedule in ("plateau", "none"):
            raise ValueError(f"warmup_epochs={warmup_epochs}: schedule={schedule!r} has no warm-up. Set it to 0.")

    def optimized(self) -> Any:
        """What the optimiser is given: this module, or parameter groups with learning rates of their own."""
        return self

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule named by the arguments."""
        h = self.hparams
        return self.scheduled(make_optimizer(self.optimized(), h.optimizer, h.lr, h.weight_decay))

    def scheduled(self, optimizer: Optimizer) -> dict[str, Any]:
        """``optimizer`` and, unless it is ``none``, its ``lr_scheduler`` by the arguments, as Lightning takes them."""
        h = self.hparams
        steps = int(self.trainer.estimated_stepping_batches)
        an_epoch = self.trainer.num_training_batches / self.trainer.accumulate_grad_batches
        warmup = min(steps, math.ceil(h.warmup_epochs * math.ceil(an_epoch))) if h.warmup_epochs else 0
        every = self.trainer.check_val_every_n_epoch or 1
        schedule = make_schedule(optimizer, h.schedule, steps, warmup, self.monitor, self.mode, every)
        return {"optimizer": optimizer} | ({} if schedule is None else {"lr_scheduler": schedule})

    def configure_callbacks(self) -> list:
        """The weight average, where one is asked for."""
        return [AveragedWeights(self.hparams.ema)] if self.hparams.ema > 0 else []
