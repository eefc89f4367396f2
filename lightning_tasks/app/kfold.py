"""``kfold``: one fit a fold (or bootstrap bag), each resumable by itself, then scores pooled over all samples."""

import argparse
import gc
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .cli import TaskCLI
from .plan import Plan, differences, settings
from .pool import pool
from .rundir import RunDir

DOOR = Path(__file__).resolve().parents[2] / "cli.py"
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
        finished = run.results.is_file() and run.rows.is_file()
        if not finished and not run.last.is_file():
            return "missing"
        own = {"data.bag": i} if self.bags else {"data.fold": i, "data.folds": self.count, "data.bag": None}
        differ = differences(settings(run.config.read_text()), self.planned | own)
        if differ:
            raise ValueError(
                f"{run.path} was made with another configuration: {', '.join(differ[:5])}"
                f"{', ...' if len(differ) > 5 else ''}. Add --overwrite to train the folds anew, "
                "or --name NAME to keep both."
            )
        return "finished" if finished else "begun"

    def command(self, i: int, state: str) -> list[str]:
        """Arguments of the fold's fit."""
        own = ["--data.bag", str(i)] if self.bags else ["--data.fold", str(i), "--data.folds", str(self.count)]
        own += [] if self.bags else ["--data.bag", "null"]
        how = ["--resume"] if state == "begun" else ["--overwrite"]
        return ["fit", *self.args, *own, "--name", f"{self.name}/fold_{i}", *how]


def run(args: list[str]) -> None:
    """``kfold --config C --folds 5 [--fold i] [--jobs n] [--bootstrap] [--name N] [--overwrite]`` and fit options."""
    options, fit_args = parse(args)
    plan = Plan(fit_args)
    count = options.folds if options.folds is not None else plan.options.data.init_args.folds
    if count < 2:
        raise ValueError(f"--folds {count}: need 2 or more.")
    if options.fold is not None and not 0 <= options.fold < count:
        raise ValueError(f"--fold {options.fold} is out of range: with --folds {count} the folds are 0..{count - 1}.")
    name = options.name or ("bags" if options.bootstrap else "kfold")
    folds = Folds(plan.run_dir.path.parent / name, name, count, options.bootstrap, fit_args, plan.settings())
    wanted = range(count) if options.fold is None else [options.fold]
    if options.overwrite:
        for i in wanted:
            shutil.rmtree(folds.run(i).path, ignore_errors=True)
    states = {i: folds.state(i) for i in wanted}  # before any fold runs: a wrong one would cost the others' time
    for i, state in states.items():
        if state == "finished":
            print(f"{folds.label(i)}: finished before")
    todo = {i: folds.command(i, state) for i, state in states.items() if state != "finished"}
    if todo:
        (folds.folder / "results.json").unlink(missing_ok=True)  # it no longer tells of all folds
    if options.jobs is None and one_process(plan.options.trainer):
        in_turn(folds, todo)
    else:
        side_by_side(folds, todo, options.jobs or 1)
    if plan.options.trainer.fast_dev_run:
        return
    missing = [i for i in range(count) if folds.state(i) != "finished"]
    if missing:
        print(f"Still missing: folds {', '.join(map(str, missing))}. The last one to finish pools all {count}.")
        return
    pool(folds.folder, count, options.bootstrap, plan.options.draws)


def parse(args: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and the rest for ``fit``."""
    parser = argparse.ArgumentParser(
        "cli.py kfold",
        allow_abbrev=False,
        description="Train every fold, then pool the out-of-fold predictions. A second call runs what is missing. "
        "All options of fit may follow.",
    )
    parser.add_argument("--folds", type=int, help="number of folds or bags; default: data.folds of the config")
    parser.add_argument("--fold", type=int, help="run only this fold, from 0: a cluster job")
    parser.add_argument("--jobs", type=int, help="processes that train folds side by side; default: one after another")
    parser.add_argument("--bootstrap", action="store_true", help="bags drawn with replacement instead of folds")
    parser.add_argument("--name", help="name within the experiment; default: kfold, or bags with --bootstrap")
    parser.add_argument("--overwrite", action="store_true", help="train the folds anew")
    options, fit_args = parser.parse_known_args(args)
    for arg in fit_args:
        if (message := OURS.get(arg.split("=")[0])) is not None:
            raise ValueError(message)
    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs {options.jobs}: need 1 or more.")
    return options, fit_args


def one_process(trainer: Any) -> bool:
    """Whether a fit runs in one process; several are started by the fit itself, once a command."""
    alone = trainer.devices in (1, "1") or (trainer.devices == "auto" and torch.cuda.device_count() < 2)
    return alone and trainer.num_nodes == 1


def in_turn(folds: Folds, todo: dict[int, list[str]]) -> None:
    """One after another in this process; they share the arrays that are in memory."""
    for i, command in todo.items():
        print(f"{folds.label(i)}: {'goes on' if '--resume' in command else 'starts'}", flush=True)
        try:
            TaskCLI(command)
        except SystemExit as stop:
            raise SystemExit(f"Interrupted in {folds.label(i)}. The same command goes on from there.") from stop
        gc.collect()  # a trainer is a web of cycles; the next fold needs its memory
        torch.cuda.empty_cache()


def side_by_side(folds: Folds, todo: dict[int, list[str]], jobs: int) -> None:
    """``jobs`` processes at a time, each with its share of the threads, its log beside its directory.

    Raises:
        RuntimeError: Folds failed; the others have been run all the same.
    """
    folds.folder.mkdir(parents=True, exist_ok=True)
    waiting, running, failed = list(todo), {}, {}
    free = list(range(jobs))
    try:
        while waiting or running:
            while waiting and free:
                i, seat = waiting.pop(0), free.pop(0)
                log = folds.folder / f"fold_{i}.log"
                print(f"{folds.label(i)}: {'goes on' if '--resume' in todo[i] else 'starts'}, log in {log}", flush=True)
                with log.open("w") as file:
                    command = [sys.executable, str(DOOR), *todo[i], "--trainer.enable_progress_bar", "false"]
                    process = subprocess.Popen(
                        command,
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        env=environment(seat, jobs, torch.cuda.device_count()),
                    )
                running[i] = (process, seat, log)
            for i, (process, seat, log) in list(running.items()):
                if process.poll() is not None:
                    del running[i]
                    free.append(seat)
                    print(f"{folds.label(i)}: {'done' if process.returncode == 0 else 'FAILED'}", flush=True)
                    if process.returncode:
                        failed[i] = f"{(log.read_text().strip().splitlines() or ['no message'])[-1]} ({log})"
            time.sleep(0.1)
    finally:
        for process, _, _ in running.values():
            process.terminate()
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(todo)} folds failed. fold_{next(iter(failed))}: {next(iter(failed.values()))}"
        )


def environment(seat: int, jobs: int, devices: int) -> dict[str, str]:
    """Environment of one of ``jobs`` processes: its share of the threads, and of several GPUs one."""
    env = {**os.environ, "OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // jobs))}
    if devices > 1 and jobs > 1:
        visible = (os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(devices)))).split(",")
        env["CUDA_VISIBLE_DEVICES"] = visible[seat % len(visible)]
    return env
