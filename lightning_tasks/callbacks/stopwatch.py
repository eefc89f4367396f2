"""How long a fit trains, and how many samples it sees."""

import time

from lightning import Callback


class Stopwatch(Callback):
    """Seconds and samples of the training loop, evaluation and checkpoints included, over all parts of a resumed run.

    It is read when an epoch ends, so that the last checkpoint holds what the results say.
    """

    clock = staticmethod(time.perf_counter)  # benchmarks may count CPU seconds

    def __init__(self) -> None:
        self.seconds, self.samples = 0.0, 0

    def state_dict(self) -> dict[str, float]:
        """Seconds and samples until the end of the last epoch."""
        return {"seconds": self.seconds, "samples": self.samples}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Go on from there."""
        self.seconds, self.samples = state_dict["seconds"], state_dict["samples"]

    def on_train_start(self, trainer, pl_module) -> None:
        """Start."""
        self._begin = self.clock() - self.seconds

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Count the samples; devices have as many each."""
        self.samples += len(batch["id"]) * trainer.world_size

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        """Read."""
        self.seconds = self.clock() - self._begin
