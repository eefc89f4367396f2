"""Stop on a loss that is not finite, and say which samples were in the batch."""

import torch
from lightning import Callback, LightningModule, Trainer

CHECK_EVERY = 50  # steps between looks: each look waits for the device


class NonFiniteGuard(Callback):
    """Keeps losses on the device, looks at them every 50 steps and at the end of each epoch.

    Raises:
        ValueError: A training loss was NaN or infinite; names epoch, step and the ids of that batch.
    """

    def __init__(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._ids: list = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: dict, batch_idx: int
    ) -> None:
        """Keep the loss; look once in a while."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if not isinstance(loss, torch.Tensor):  # manual optimisation: what the step tracked
            loss, pl_module.step_loss = pl_module.step_loss, None
        if loss is None:
            return
        self._losses.append(loss.detach())
        self._ids.append(batch.get("id") if isinstance(batch, dict) else None)
        if len(self._losses) >= CHECK_EVERY:
            self._look(trainer, pl_module, batch_idx)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at what is left of the epoch."""
        if self._losses:
            self._look(trainer, pl_module, trainer.num_training_batches - 1)

    def _look(self, trainer: Trainer, pl_module: LightningModule, last: int) -> None:
        bad = torch.nonzero(~torch.isfinite(torch.stack(self._losses)))
        ids, count = self._ids, len(self._losses)
        self._losses, self._ids = [], []
        if len(bad):
            first = int(bad[0])
            names = "" if ids[first] is None else f" Its batch holds ids {ids[first].tolist()[:16]}."
            option = "--trainer.gradient_clip_val 1" if pl_module.automatic_optimization else "--model.clip 1"
            raise ValueError(
                f"The training loss is not finite at epoch {trainer.current_epoch}, step {last - count + 1 + first}."
                f"{names} Lower --model.lr, clip gradients ({option}), or look at these samples."
            )
