"""How long a fit trains, and how many samples it sees."""

import time

from lightning import Callback


class Stopwatch(Callback):
    """Seconds and samples of the training loop, evaluation and checkpoints included."""

    def __init__(self) -> None:
        self.seconds, self.samples = 0.0, 0

    def on_train_start(self, trainer, pl_module) -> None:
        """Start."""
        self._begin = time.perf_counter()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Count the samples; devices have as many each."""
        self.samples += len(batch["id"]) * trainer.world_size

    def on_train_end(self, trainer, pl_module) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self._begin
