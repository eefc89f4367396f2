"""What training by several processes must know of a task."""

from lightning import Trainer
from lightning.pytorch.strategies import DDPStrategy

from lightning_tasks.problems import Task


def finding_idle(trainer: Trainer, task: Task) -> Trainer:
    """The trainer. Where ``task`` leaves parameters without gradient, its processes look which before they share them.

    They would wait for all gradients otherwise, and Lightning end the first step with an error. To look costs time, so
    no other task has it. A strategy for which ``find_unused_parameters`` was set stays as it is.
    """
    if isinstance(trainer.strategy, DDPStrategy) and task.idles:
        # Lightning has no name for it but another word for the whole strategy, which then could not be `auto`.
        trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)
    return trainer
