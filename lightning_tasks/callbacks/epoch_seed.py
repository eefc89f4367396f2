"""Random streams that depend on (seed, epoch, rank) alone, so that a resumed run repeats an unbroken one."""

import os
import random

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer


class EpochSeed(Callback):
    """Reseed Python, NumPy and PyTorch (dropout, workers) at the start of every training epoch."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed from the run's seed, the epoch and the rank."""
        base = int(os.environ.get("PL_GLOBAL_SEED", 0))
        seed = ((base * 1_000_003 + trainer.current_epoch) * 1_009 + trainer.global_rank) % 2**32
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
