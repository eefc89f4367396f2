"""Averaged weights: an exponential moving average of what a network learns, used wherever it is evaluated."""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .guard import learnt


class AveragedWeights(Callback):
    """After step n, average <- d x average + (1 - d) x weights with d = min(decay, (1 + n) / (10 + n)).

    The first step's weights begin it. The smaller d of the first steps lets them go: with 0.995 from the beginning, a
    twelfth of the average after 500 steps would still be what the network was before it had learnt.

    Validation with its figures, checkpoints and the end of training have the average in place of the weights. Running
    statistics of BatchNorm are averaged too, so that they belong to the averaged weights. A checkpoint holds the
    average as ``state_dict``, under all names of a weight that is shared, and the weights as ``current_model_state``,
    from which a resumed fit goes on.

    The average lies where the network does, and no step waits for it. Lightning's ``EMAWeightAveraging`` makes its own
    before the network goes to the GPU: each step then fetches hundreds of tensors, one after the other.

    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; with a decay as in
    Tarvainen and Valpola 2017, "Mean teachers are better role models", section 2. The warm-up is that of
    ``tf.train.ExponentialMovingAverage``, argument ``num_updates``.

    Args:
        decay: From 0 (the weights themselves) to 1 (the slowest that the warm-up allows at each step).
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: dict[str, Tensor] = {}  # empty before the first step
        self.step = 0  # of the optimiser, when the average was last moved
        self.shown = False  # the network holds the average, and ``average`` the weights

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring an average that a checkpoint gave to where the network is now."""
        if given := self.average:
            held = learnt(pl_module)
            self.average = {name: torch.empty_like(now).copy_(given.get(name, now)) for name, now in held.items()}

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Move the average, if the optimiser has made a step since it was moved."""
        if trainer.global_step <= self.step:  # gradients are being accumulated
            return
        self.step, held = trainer.global_step, learnt(pl_module)
        if self.average:
            move = get_ema_multi_avg_fn(min(self.decay, (1 + self.step) / (10 + self.step)))
            move([self.average[name] for name in held], list(held.values()), 0)
        else:
            self.average = {name: value.clone() for name, value in held.items()}

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate the average."""
        self._exchange(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Train on with the weights; what is drawn of the validation was drawn before."""
        self._exchange(pl_module)

    @torch.no_grad()
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the network."""
        held = learnt(pl_module)
        for name, average in self.average.items():
            held[name].copy_(average)

    @torch.no_grad()
    def _exchange(self, pl_module: LightningModule) -> None:
        held = learnt(pl_module)
        for name, average in self.average.items():
            weights = held[name].clone()
            held[name].copy_(average)
            average.copy_(weights)
        self.shown = not self.shown

    def state_dict(self) -> dict[str, Any]:
        """The step, for a resumed fit; the average stands in the checkpoint's ``state_dict``."""
        return {"step": self.step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Recall the step."""
        self.step = state_dict["step"]

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """The average as what is scored, the weights beside it."""
        if self.average:
            first = {id(value): name for name, value in learnt(pl_module).items()}
            shared = {name: first[id(value)] for name, value in pl_module.named_parameters(remove_duplicate=False)}
            held = checkpoint["state_dict"]
            other = {name: self.average.get(shared.get(name, name), value) for name, value in held.items()}
            average, weights = (held, other) if self.shown else (other, held)
            checkpoint |= {"state_dict": average, "current_model_state": weights}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on with weights and average; where a checkpoint has no weights beside it, both begin at the same."""
        if trainer.state.fn != "fit":
            return  # the average is what is scored
        held = learnt(pl_module)
        self.average = {name: value for name, value in checkpoint["state_dict"].items() if name in held}
        if "current_model_state" in checkpoint:
            pl_module.load_state_dict(checkpoint["current_model_state"])
