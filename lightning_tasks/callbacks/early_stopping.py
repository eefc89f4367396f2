"""Early stopping that a resumed run remembers."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason as Reason


class Patience(EarlyStopping):
    """Stops a fit after ``patience`` epochs without a better ``monitor``.

    A run that it has ended stays ended when it is resumed: Lightning would train an epoch more each time. The patience
    is that of the configuration, not the checkpoint's, so that a larger one lets the run go on.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Recall the best score and the epochs waited."""
        super().load_state_dict({**state_dict, "patience": self.patience})

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Train nothing where the fit had been stopped."""
        other = self.stopping_reason not in (Reason.NOT_STOPPED, Reason.PATIENCE_EXHAUSTED)
        if other or self.wait_count >= max(1, self.patience):
            trainer.should_stop = True
