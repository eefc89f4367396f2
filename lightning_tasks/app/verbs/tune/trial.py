"""One trial: a fit that validates, reports to the study, keeps no weights and never sees the test part."""

import math
import time
import traceback
from typing import Any

from lightning import Callback, LightningModule, Trainer
from optuna.trial import Trial, TrialState

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.app.errors import describe
from lightning_tasks.app.hooks import NoProfiler
from lightning_tasks.app.jobs import free_memory
from lightning_tasks.app.output import is_of_the_place
from lightning_tasks.callbacks import EpochSeed, MetricsCSV, NonFiniteGuard, Patience
from lightning_tasks.common.choices import nearest

from .study import Search
from .tuning import Tuning


class UnknownMetric(ValueError):
    """The metric to search by is none of validation's: no trial can succeed."""


class Report(Callback):
    """Tells the study each epoch's validation metric, and stops the fit when the pruner says so.

    Args:
        trial: Of the study.
        metric: Name of a validation metric.
        mode: ``min`` or ``max``.
        penalty: What a tenfold number of parameters costs, in units of the metric.
    """

    def __init__(self, trial: Trial, metric: str, mode: str, penalty: float = 0.0) -> None:
        self.trial, self.metric, self.pick = trial, metric, min if mode == "min" else max
        self.penalty = penalty if mode == "min" else -penalty
        self.values: dict[int, float] = {}  # of each epoch that was validated, the last one
        self.pruned = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report one epoch."""
        if trainer.sanity_checking:
            return
        metrics = trainer.callback_metrics
        if self.metric not in metrics:
            known = sorted(name for name in metrics if name.startswith("val/"))
            raise UnknownMetric(f"--metric {self.metric}: validation has no such metric.{nearest(self.metric, known)}")
        value = float(metrics[self.metric])
        if not math.isfinite(value):
            raise ValueError(f"{self.metric} is {value} at epoch {trainer.current_epoch + 1}.")
        if self.penalty:
            value += self.penalty * math.log10(pl_module.num_parameters)
        self.values[trainer.current_epoch] = value
        self.trial.report(value, trainer.current_epoch)
        if trainer.current_epoch + 1 < trainer.max_epochs and self.trial.should_prune():
            self.pruned = trainer.should_stop = True

    @property
    def best(self) -> float:
        """Best value of the epochs: what the best checkpoint would have."""
        return self.pick(self.values.values())

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return max(self.values, default=-1) + 1


class TrialCLI(TaskCLI):
    """``fit`` for a trial: ``config.yaml`` and ``metrics.csv``, no checkpoints, no logger, no test.

    Args:
        args: Arguments of ``fit``, with its first word.
        report: Tells the study.
    """

    def __init__(self, args: list[str], report: Report) -> None:
        self.report = report
        super().__init__(args)

    def instantiate_classes(self) -> None:
        """Build everything, and lock the test part away."""
        super().instantiate_classes()
        self.datamodule.test_dataloader = refuse_test

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The callbacks a trial needs."""
        options, task = self.options, self.model
        callbacks = [EpochSeed(), NonFiniteGuard(), MetricsCSV(self.run_dir.metrics), self.report]
        if options.early_stopping is not None:
            callbacks.append(Patience(task.monitor, mode=task.mode, patience=options.early_stopping))
        configured = self._get(self.config_init, "trainer", default={})
        # MetricsCSV counts as a checkpoint callback, so that Lightning adds none of its own.
        small = {"logger": False, "enable_checkpointing": True, "enable_model_summary": False}
        small["profiler"] = configured.get("profiler") or NoProfiler()
        return self._instantiate_trainer({**configured, **kwargs, **small}, callbacks)

    def read_data(self) -> None:
        """Leave that to the trainer: all trials of a search have the same data."""

    def begin_run(self, record: None) -> None:
        """An empty directory and the configuration."""
        self.run_dir.begin()
        self.save_config()

    def begun(self) -> bool:
        """Whether there is something to keep; a trial has no checkpoints."""
        return self.run_dir.metrics.is_file()

    def after_fit(self) -> None:
        """Test nothing."""


def refuse_test() -> None:
    """Stand in for the test loader."""
    raise RuntimeError("a search must not touch the test part.")


def run_trial(search: Search, trial: Trial, args: list[str], tuning: Tuning) -> str:
    """Fit one trial and tell the study; an error makes it a failed one, with the traceback beside its directory.

    Returns:
        What came of it, for the user.

    Raises:
        UnknownMetric: See there.
        OSError: The disk is full, or nobody reads the output: the trial is not to blame, and stays open.
    """
    report = Report(trial, tuning.metric, tuning.mode, tuning.space.penalty)
    begin = time.perf_counter()
    cli = None
    try:
        cli = TrialCLI(args, report)
    except UnknownMetric:
        search.tell(trial, TrialState.FAIL)  # without an error, so that it does not count
        raise
    except Exception as error:
        if is_of_the_place(error):
            raise
        log = search.folder / "trials" / f"{search.name}_{trial.number}.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        trial.set_user_attr("error", describe(error))
    trial.set_user_attr("seconds", round(time.perf_counter() - begin, 2))
    trial.set_user_attr("epochs", report.epochs)
    if cli is None:
        search.tell(trial, TrialState.FAIL)
        outcome = f"FAILED. {trial.user_attrs['error']} ({log})"
    else:
        trial.set_user_attr("parameters", cli.model.num_parameters)
        if report.pruned:
            search.tell(trial, TrialState.PRUNED)
        else:
            search.tell(trial, TrialState.COMPLETE, report.best)
        outcome = f"{tuning.objective} {report.best:.4f}" + (
            f", pruned after epoch {report.epochs}" if report.pruned else ""
        )
    del cli
    free_memory()
    return outcome
