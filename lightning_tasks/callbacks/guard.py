"""Stop on what is not finite before a checkpoint keeps it: losses, gradients, weights, predictions of validation."""

import torch
from lightning import Callback, LightningModule, Trainer

CHECK_EVERY = 50  # steps between looks: each look waits for the device


class NonFiniteGuard(Callback):
    """Keeps losses on the device, looks at them every 50 steps and at the end of each epoch, and then at the weights.

    A loss comes before its step: the last step of an epoch can spoil the weights though all losses were finite.

    Raises:
        ValueError: A training loss was NaN or infinite (names epoch, step and the ids of that batch); or a weight, or
            the validation loss, or a prediction of the validation part, at the end of an epoch.
    """

    def __init__(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._ids: list = []
        self._gradient = ""  # name of a gradient of the epoch's last step that is not finite

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: dict, batch_idx: int
    ) -> None:
        """Keep the loss; look once in a while, and at the gradients of the last step: validation sets them to zero."""
        if batch_idx + 1 == trainer.num_training_batches:
            self._gradient = first_broken({n: p.grad for n, p in pl_module.named_parameters() if p.grad is not None})
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
        """Look at what is left of the epoch, at the weights and at the validation loss; checkpoints come later."""
        if self._losses:
            self._look(trainer, pl_module, trainer.num_training_batches - 1)
        if broken := first_broken(learnt(pl_module)):
            what = "gradient of the last step and with it the weights are" if self._gradient else "weights are"
            raise ValueError(
                f"All losses of epoch {trainer.current_epoch + 1} were finite, but the {what} not ({broken}). "
                f"{remedy(pl_module)} Checkpoints are those of the epoch before."
            )
        loss = trainer.callback_metrics.get("val/loss")
        if loss is not None and not torch.isfinite(loss):
            raise ValueError(
                f"The validation loss of epoch {trainer.current_epoch + 1} is {float(loss)}, though weights and "
                f"training losses are finite. Look at the samples of the validation part. {remedy(pl_module)}"
            )
        predicted = pl_module.last_rows.get(pl_module.averaged)
        if predicted is not None and predicted.isnan().any():
            count = int(predicted.isnan().reshape(len(predicted), -1).any(1).sum())
            raise ValueError(
                f"{count} of {len(predicted)} predictions of the validation part are NaN in epoch "
                f"{trainer.current_epoch + 1}, though losses and weights are finite. No checkpoint is kept of it: "
                "look at these samples, or at what the network divides by."
            )

    def _look(self, trainer: Trainer, pl_module: LightningModule, last: int) -> None:
        bad = torch.nonzero(~torch.isfinite(torch.stack(self._losses)))
        ids, count = self._ids, len(self._losses)
        self._losses, self._ids = [], []
        if len(bad):
            first = int(bad[0])
            names = "" if ids[first] is None else f" Its batch holds ids {ids[first].tolist()[:16]}."
            raise ValueError(
                f"The training loss is not finite at epoch {trainer.current_epoch + 1}, step "
                f"{last - count + 2 + first}.{names} {remedy(pl_module)} Or look at these samples."
            )


def learnt(task: LightningModule) -> dict[str, torch.Tensor]:
    """Parameters, and the running statistics of norms; other buffers may hold NaN for what is not known."""
    running = {name: value for name, value in task.named_buffers() if name.rsplit(".", 1)[-1].startswith("running_")}
    return {**dict(task.named_parameters()), **running}


def first_broken(tensors: dict[str, torch.Tensor]) -> str:
    """Name of the first tensor that holds NaN or infinity, or "". Waits for the device once, where all are finite."""
    dense = {name: value.coalesce().values() if value.is_sparse else value for name, value in tensors.items()}
    floats = {name: value for name, value in dense.items() if value.is_floating_point() and value.numel()}
    if not floats:
        return ""
    finite = torch.stack([torch.isfinite(value).all() for value in floats.values()]).tolist()
    return next((name for name, good in zip(floats, finite, strict=True) if not good), "")


def remedy(task: LightningModule) -> str:
    """What to try."""
    option = "--trainer.gradient_clip_val 1" if task.automatic_optimization else "--model.clip 1"
    return f"Lower --model.lr, or clip gradients ({option})."
