"""Callbacks that every fit with a run directory has."""

from lightning import Callback

from lightning_tasks.callbacks import Figures, MetricsCSV, ResumeRates, ScalarCharts, Stopwatch
from lightning_tasks.problems import Task
from lightning_tasks.runs.directory import RunDir
from lightning_tasks.runs.keeper import RunCheckpoint


def fit_callbacks(run: RunDir, task: Task, figures: str) -> tuple[Stopwatch, RunCheckpoint, list[Callback]]:
    """What measures the time, what keeps the best weights, and both among all others.

    Args:
        run: Where they write.
        task: Names what is monitored.
        figures: ``all``, ``last`` or ``none``, as ``--figures``.
    """
    stopwatch = Stopwatch()
    best = RunCheckpoint(run.checkpoints, "best", monitor=task.monitor, mode=task.mode)
    # Not `save_last`: that follows only when the best was replaced.
    last = RunCheckpoint(run.checkpoints, "last", like=best)
    callbacks = [ResumeRates(), stopwatch, MetricsCSV(run.metrics), ScalarCharts(), best, last]
    if figures != "none":
        callbacks.append(Figures(run.figures, during_fit=figures == "all"))
    return stopwatch, best, callbacks
