"""``kfold``: one fit a fold (or bootstrap bag), each resumable by itself, then scores pooled over all samples."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_tasks.app.cli import Plan
from lightning_tasks.app.jobs import FEW_FIGURES, Job, run_jobs, state_of
from lightning_tasks.app.options import refuse
from lightning_tasks.runs.directory import RunDir, remove_runs
from lightning_tasks.runs.kinds import check_place

from .pool import pool

OURS = {
    "--data.fold": "kfold sets data.fold: leave it away, or run a single fold with --fold I.",
    "--data.folds": "kfold sets data.folds: give --folds N.",
    "--data.bag": "kfold sets data.bag: give --bootstrap and --folds N.",
    "--resume": "kfold goes on by itself where folds are missing or unfinished: leave --resume away.",
}


@dataclass
class Folds:
    """The folds of one directory.

    Args:
        folder: ``runs/<experiment>/<name>``.
        name: Name of the directory within its experiment.
        count: Number of folds or bags.
        bags: Whether they are bootstrap bags.
        args: The user's arguments of ``fit``.
        planned: Settings of the fit without those of the fold.
    """

    folder: Path
    name: str
    count: int
    bags: bool
    args: list[str]
    planned: dict[str, Any]

    def run(self, i: int) -> RunDir:
        """Directory of one fold."""
        return RunDir(self.folder / f"fold_{i}")

    def label(self, i: int) -> str:
        """``fold 2 of 5 (fold_1)``."""
        return f"{'bag' if self.bags else 'fold'} {i + 1} of {self.count} (fold_{i})"

    def state(self, i: int) -> str:
        """``finished``, ``begun`` (its last checkpoint can be continued) or ``missing``.

        Raises:
            ValueError: The fold was made with another configuration.
        """
        run = self.run(i)
        settings = {"data.bag": i} if self.bags else {"data.fold": i, "data.folds": self.count, "data.bag": None}
        return state_of(run, run.results.is_file() and run.rows.is_file(), self.planned | settings, "folds")

    def job(self, i: int, state: str) -> Job:
        """The fold's fit."""
        fold_args = ["--data.bag", str(i)] if self.bags else ["--data.fold", str(i), "--data.folds", str(self.count)]
        fold_args += [] if self.bags else ["--data.bag", "null"]
        mode = ["--resume"] if state == "begun" else ["--overwrite"]
        args = ["fit", *FEW_FIGURES, *self.args, *fold_args, "--name", f"{self.name}/fold_{i}", *mode]
        log = self.folder / f"fold_{i}.log"
        return Job(f"fold_{i}", self.label(i), args, log, self.run(i), lambda: self.renewed(i))

    def renewed(self, i: int) -> Job | None:
        """The fold's fit as it is to be run now, or None."""
        state = self.state(i)
        return None if state == "finished" else self.job(i, state)


def run(options: Namespace, fit_args: list[str]) -> None:
    """``kfold --config C --folds 5 [--fold i] [--jobs n] [--bootstrap] [--name N] [--overwrite]`` and fit options."""
    refuse(fit_args, OURS)
    plan = Plan(fit_args)
    data = plan.data()
    if not data.splits:
        raise ValueError(
            f"{type(data).__name__} gives its train and validation parts itself: there are no folds to make."
        )
    count = options.folds if options.folds is not None else plan.options.data.init_args.folds
    if count < 2:
        raise ValueError(f"--folds {count}: need 2 or more.")
    if options.fold is not None and not 0 <= options.fold < count:
        raise ValueError(f"--fold {options.fold} is out of range: with --folds {count} the folds are 0..{count - 1}.")
    name = options.name or ("bags" if options.bootstrap else "kfold")
    folds = Folds(plan.run_dir.path.parent / name, name, count, options.bootstrap, fit_args, plan.settings())
    check_place(folds.folder, "kfold", "bags", "files")
    numbers = range(count) if options.fold is None else [options.fold]
    if options.overwrite:
        data.setup("fit")  # what is removed does not come back where there is no data to train it anew
        remove_runs([folds.run(i) for i in numbers])
    # Before any fold runs: a wrong one would cost the others' time. Overwritten one by one, the others are still wrong.
    states = {i: folds.state(i) for i in (numbers if options.overwrite else range(count))}
    for i in numbers:
        if states[i] == "finished":
            print(f"{folds.label(i)}: finished before")
    todo = [folds.job(i, states[i]) for i in numbers if states[i] != "finished"]
    if todo:
        (folds.folder / "results.json").unlink(missing_ok=True)  # it no longer tells of all folds
    failed = run_jobs(todo, options.jobs, plan.options.trainer)
    if failed:
        name, message = next(iter(failed.items()))
        log = folds.folder / f"{name}.log"
        raise RuntimeError(f"{len(failed)} of {len(todo)} folds failed. {name}: {message} ({log})")
    if plan.options.trainer.fast_dev_run:
        return
    try:
        missing = [i for i in range(count) if folds.state(i) != "finished"]
    except ValueError as error:
        print(f"Not pooled yet. {error}")
        return
    if missing:
        print(f"Still missing: folds {', '.join(map(str, missing))}. The last one to finish pools all {count}.")
        return
    pool(folds.folder, count, options.bootstrap, plan.options.draws)
