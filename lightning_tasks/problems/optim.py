"""Optimisers and learning-rate schedules by name."""

import math
import os
from typing import Any

import torch
from timm.optim import create_optimizer_v2, list_optimizers
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from lightning_tasks.common.choices import nearest

LARGEST = 1e4  # of a learning rate, a factor of one, a weight decay: above it an exponent was mistyped
SCHEDULES = ("onecycle", "cosine", "plateau", "none")


def make_optimizer(net: nn.Module, name: str, lr: float, weight_decay: float, **options: Any) -> Optimizer:
    """Any optimiser of timm's factory; weight decay leaves out biases and norms (timm's default).

    ``options`` are its own arguments, such as ``betas``.

    Raises:
        ValueError: ``name`` is unknown.
    """
    if name.lower() not in list_optimizers():
        raise ValueError(f"optimizer={name!r} is unknown.{nearest(name, list_optimizers())}")
    if not torch.cuda.is_available():
        # Adam asks for an accelerator at every step. Lightning has torch ask the driver's library, which is then sought
        # anew each time, a third of a millisecond; without a GPU the runtime knows as well.
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    return create_optimizer_v2(net, opt=name, lr=lr, weight_decay=weight_decay, **options)


def make_schedule(
    optimizer: Optimizer, name: str, steps: int, warmup: int, monitor: str, mode: str, validated_every: int = 1
) -> dict | None:
    """Lightning's scheduler dictionary.

    ``onecycle``: linear warm-up over 30 % of the steps (or ``warmup``), cosine to 0 (Smith & Topin 2017).
    ``cosine``: linear warm-up over ``warmup`` steps, cosine to 0 (Loshchilov & Hutter 2016, no restarts).
    ``plateau``: lr x 0.5 when ``monitor`` has not improved for more than 5 validations.

    Args:
        optimizer: Carries the peak learning rate.
        name: One of ``SCHEDULES``.
        steps: Optimiser steps of the whole run.
        warmup: Optimiser steps of the warm-up; 0 takes the schedule's default.
        monitor: Metric that ``plateau`` watches.
        mode: ``min`` or ``max``.
        validated_every: Epochs from one validation to the next, for ``plateau``.
    """
    if name == "none":
        return None
    if name == "plateau":
        scheduler = ReduceLROnPlateau(optimizer, mode=mode, factor=0.5, patience=5)
        when = {"interval": "epoch", "frequency": validated_every}
        return {"scheduler": scheduler, "monitor": monitor, "strict": True, **when}
    if name not in SCHEDULES:
        raise ValueError(f"schedule={name!r} is unknown. Choose {', '.join(SCHEDULES)}.")
    warm = max(1, warmup or (round(0.3 * steps) if name == "onecycle" else 0))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, steps - warm))))

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
