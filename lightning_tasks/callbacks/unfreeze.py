"""Fine-tuning by stages: which blocks of a network train, from which epoch on."""

from lightning import LightningModule
from lightning.pytorch.callbacks import BaseFinetuning
from torch.optim import Optimizer

from lightning_tasks.nets.parameter_groups import check_unfreeze, set_trainable


class Unfreeze(BaseFinetuning):
    """Let ``all``, the ``head`` or ``last:N`` of ``pl_module.net`` train. Frozen blocks stay in eval mode.

    What trains follows from the epoch alone, so that a resumed fit goes on alike. The optimiser holds all parameters
    from the beginning: those without gradient are passed over, and its schedule knows every group.

    Args:
        schedule: What trains, or epoch -> what trains from then on, such as ``{0: head, 3: last:1, 6: all}``.

    Raises:
        ValueError: Something else than ``all``, ``head`` or ``last:N``, or an epoch below 0.
    """

    def __init__(self, schedule: str | dict[int, str]) -> None:
        super().__init__()
        # YAML gives numbers as keys, the command line text.
        by_epoch = (
            {0: schedule} if isinstance(schedule, str) else {int(epoch): spec for epoch, spec in schedule.items()}
        )
        for epoch, spec in by_epoch.items():
            check_unfreeze(spec)
            if epoch < 0:
                raise ValueError(f"unfreeze: epoch {epoch} is below 0.")
        self.schedule = {0: "all"} | by_epoch

    @property
    def freezes(self) -> bool:
        """Whether anything is frozen at any time."""
        return set(self.schedule.values()) != {"all"}

    def trains_at(self, epoch: int) -> str:
        """``all``, ``head`` or ``last:N``."""
        return self.schedule[max(start for start in self.schedule if start <= epoch)]

    def freeze_before_training(self, pl_module: LightningModule) -> None:
        """Freeze nothing yet: the optimiser leaves out what has no gradient when it is made."""

    def finetune_function(self, pl_module: LightningModule, epoch: int, optimizer: Optimizer) -> None:
        """Freeze what does not train in this epoch."""
        set_trainable(pl_module.net, self.trains_at(epoch))
