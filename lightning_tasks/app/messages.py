"""Messages of libraries that are true and that nobody can act on here."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

SIMULATED = "SIMULATED DATA"  # what a message begins with that says so
SAYS_NOTHING = f"{SIMULATED}: this says nothing about the real task. Set --data.root to the folder of real data."


def quiet() -> None:
    """Messages that are true and that nobody can act on here; each with its reason."""
    # LightningCLI uses functions announced for removal in jsonargparse 5, which pyproject.toml excludes.
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    for message in (
        ".*does not have many workers.*",  # sets in memory need none; for files num_workers is the user's choice
        ".*Consider increasing the value of the `num_workers` argument.*",  # as above
        ".*Checkpoint directory .* exists and is not empty.*",  # --resume continues in place
        ".*is smaller than the logging interval.*",  # epoch means are logged anyway
        ".*isinstance\\(treespec, LeafSpec\\).*",  # between Lightning and PyTorch
        ".*Trying to infer the `batch_size`.*",  # epoch metrics are not weighted by batches
        ".*GPU available but not used.*",
        ".*`srun` command is available on your system but is not used.*",  # one process needs none: examples/slurm
        ".*not supported by the model summary.*",  # a size in MB, which we do not show
        ".*module\\(s\\) in eval mode at the start of training.*",  # frozen ones: a teacher, features, blocks
        ".*recommended to use `self.log\\(.*sync_dist=True\\)`.*",  # values are already reduced over ranks
        ".*failed to converge.*",  # scikit-learn, of a baseline: its score stands beside the network's all the same
        ".*did not converge.*",  # as above
        ".*reached before convergence.*",  # as above
        ".*hasn't converged yet.*",  # as above
        ".*lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`.*",  # mixed precision skips its first steps
    ):
        warnings.filterwarnings("ignore", message)
    loggers = ("fabric.utilities.seed", "pytorch.utilities.rank_zero", "pytorch.accelerators.cuda")
    for name in (f"lightning.{logger}" for logger in loggers):
        logging.getLogger(name).addFilter(lambda record: not any(t in record.getMessage() for t in TIPS))


TIPS = ("💡 Tip", "litlogger", "LitLogger", "TPU available", "HPU available", "GPU available: False", "Seed set to",
        "LOCAL_RANK: 0",  # of several, others have one too
        "that has Tensor Cores",  # bf16-mixed uses them; with TF32 products nearest neighbours would not be exact
        "callbacks returned in `LightningModule.configure_callbacks`",  # the same one, asked for at each evaluation
        "`Trainer.fit` stopped: `max_epochs=",  # as was asked for
        "configured with model summary callbacks", "Loading `train_dataloader` to estimate")  # fmt: skip


@contextmanager
def said_once() -> Iterator[None]:
    """Within it a message is said once, however many folds, members or trials read the data that it is about."""
    seen: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_repeated = message in seen
        seen.add(message)
        return not is_repeated

    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    logger.addFilter(is_new)
    try:
        yield
    finally:
        logger.removeFilter(is_new)
