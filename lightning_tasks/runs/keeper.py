"""Which checkpoints a run keeps, and how its Trainer writes them."""

import os
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import CheckpointIO
from torch import Tensor

from lightning_tasks.common.atomic import write_atomic_with

from .checkpoint import WholeCheckpointIO, read_checkpoint


class RunCheckpoint(ModelCheckpoint):
    """One file of a run directory at the end of each epoch: ``last``, or with ``monitor`` the ``best``.

    A resumed run takes the score of the best from the file that lies there. Lightning would take it, and the file's
    place, from the last checkpoint: that knows nothing of a directory that was moved since, nor of a best that was
    written just before a kill. Where the file is gone or cut, the best is chosen anew.

    An epoch whose score is NaN is never the best: Lightning would keep the first of them.

    Args:
        folder: ``checkpoints`` of the run.
        filename: Name of the file, without ``.ckpt``.
        like: What comes before it: a file that this one wrote at the same step holds the same, and is linked. On a GPU
            an epoch can be shorter than two files take.
        **kwargs: ``monitor`` and ``mode``.
    """

    def __init__(self, folder: Path, filename: str, like: "RunCheckpoint | None" = None, **kwargs: Any) -> None:
        # After validation, so that a resumed run starts with a whole epoch.
        fixed = {"save_on_train_epoch_end": True, "enable_version_counter": False}
        super().__init__(folder, filename, **fixed, **kwargs)
        self.path = folder / f"{filename}.ckpt"
        self.like = like
        self.written_at = -1  # step of the optimiser

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Link the file of ``like``, or write where Lightning would."""
        alike = self.like is not None and self.like.written_at == trainer.global_step and trainer.world_size == 1
        if alike and link(self.like.path, self.path):
            return
        before = stamp(self.path)
        super().on_train_epoch_end(trainer, pl_module)
        if stamp(self.path) != before:
            self.written_at = trainer.global_step

    @property
    def state_key(self) -> str:
        """Name of its state in checkpoints: Lightning's spells out all arguments, at every hook."""
        return f"{type(self).__name__} {self.filename}"

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Whether this epoch is the best so far.

        Raises:
            ValueError: Validation measured no such metric.
        """
        if current is None:
            known = sorted(name for name in trainer.callback_metrics if name.startswith("val/"))
            if not known:
                return False  # no validation yet
            raise ValueError(
                f"{self.monitor} chooses the best epoch, and validation measured no such metric. It has "
                f"{', '.join(known)}."
            )
        return not bool(current.isnan()) and super().check_monitor_top_k(trainer, current)

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        """As Lightning's, whose own error for a metric that is missing speaks to the author of the task."""
        if self.monitor is None:
            super()._save_topk_checkpoint(trainer, monitor_candidates)
        else:
            self._save_monitor_checkpoint(trainer, monitor_candidates)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Recall the score of the best."""
        path = self.format_checkpoint_name({})
        if self.monitor is None:
            return
        try:
            score = read_checkpoint(path, mmap=True)["callbacks"][self.state_key]["best_model_score"]
        except (FileNotFoundError, ValueError):
            return
        self.best_k_models = {path: score}
        self.best_model_path = self.kth_best_model_path = path
        self.best_model_score = self.kth_value = self.current_score = score


def stamp(path: Path) -> tuple[int, int] | None:
    """What tells a file from the one that is written in its place; None where none is."""
    if not path.is_file():
        return None
    state = path.stat()
    return state.st_ino, state.st_mtime_ns


def link(source: Path, path: Path) -> bool:
    """Give a file a second name, in place of what has it; False where the file system knows no such names."""
    try:
        write_atomic_with(path, lambda temporary: os.link(source, temporary))
    except OSError:
        return False
    return True


def with_checkpoint_io(plugins: Any, strategy: Any) -> list:
    """A Trainer's plugins with ours for checkpoints, unless the user or the strategy brings another.

    Args:
        plugins: None, a plugin, or a list of them.
        strategy: Name of a strategy, or the strategy itself.
    """
    listed = [] if plugins is None else list(plugins) if isinstance(plugins, (list, tuple)) else [plugins]
    other = any(isinstance(p, CheckpointIO) for p in listed) or getattr(strategy, "_checkpoint_io", None) is not None
    return listed if other else [*listed, WholeCheckpointIO()]
