"""Tasks fitted in one pass and without gradients: k nearest neighbours, naive Bayes, ridge regression."""

import torch
from lightning import Trainer
from torch import Tensor, nn

from .task import Task


class ClosedForm(Task):
    """Collects the train part in one epoch (``max_epochs: 1``) and calls ``fit_rows`` once; has no optimiser arguments.

    A subclass registers the buffers it fits, names them in ``fitted``, and implements ``fit_rows``. Buffers may
    change their shape when fitted; a checkpoint brings its own shapes.
    """

    fitted: tuple[str, ...] = ()
    every_sample = True

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        # Lightning counts optimiser steps and writes a checkpoint only when the count has moved.
        self.clock = nn.Parameter(torch.zeros(()))
        self._kept: list[dict[str, Tensor]] = []

    @property
    def num_parameters(self) -> int:
        """Without the clock, which is none of the model."""
        return super().num_parameters - self.clock.numel()

    def fit_rows(self, rows: dict[str, Tensor]) -> None:
        """Fit to the whole train part: name -> tensor (N, ...) on the device."""
        raise NotImplementedError(f"{type(self).__name__}.fit_rows")

    def check_trainer(self, trainer: Trainer) -> None:
        """One pass is one epoch."""
        if trainer.max_epochs != 1:
            raise ValueError(
                f"--trainer.max_epochs {trainer.max_epochs}: {type(self).__name__} is fitted in one pass. Set 1."
            )

    def training_step(self, batch: dict, batch_idx: int) -> None:
        """Keep the batch; fit after the last one, so that validation finds a fitted model."""
        self._kept.append({k: v for k, v in batch.items() if isinstance(v, Tensor)})
        if self.trainer.is_last_batch:
            self.fit_rows(self.of_all({k: torch.cat([b[k] for b in self._kept]) for k in self._kept[0]}))
            self._kept = []
            self.optimizers().step()

    def of_all(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """The rows (N, ...) of all processes, in the order in which one alone would have kept them."""
        if self.trainer.world_size == 1:
            return rows
        total = self.trainer.train_dataloader.sampler.total  # shares are made equal by samples that are served twice
        return {k: self.all_gather(v).transpose(0, 1).flatten(0, 1)[:total] for k, v in rows.items()}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """An optimiser whose step changes nothing."""
        return torch.optim.SGD([self.clock], lr=0.0)

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """Make room for buffers of the shapes the checkpoint has."""
        super().on_load_checkpoint(checkpoint)
        for name in self.fitted:
            if name in checkpoint["state_dict"]:
                setattr(self, name, torch.empty_like(checkpoint["state_dict"][name], device=self.device))
