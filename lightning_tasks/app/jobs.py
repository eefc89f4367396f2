"""Several fits: one after another in this process, or side by side in processes of their own."""

import gc
import os
import signal
import subprocess
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from datamodules.readers.wording import listed
from lightning_tasks.common.durations import Remaining
from lightning_tasks.common.lock import BUSY, WAIT, Busy
from lightning_tasks.runs.directory import RunDir

from .cli import TaskCLI
from .display import titled
from .errors import describe
from .places import DOOR, door_environment
from .settings import differences, refused, settings

# Of fits that are compared or pooled; it stands first, so that the user's own choice beats it.
FEW_FIGURES = ("--figures", "last")


@dataclass
class Job:
    """One fit.

    Args:
        name: Names it where failures are listed.
        label: ``fold 2 of 5 (fold_1)``.
        args: Arguments of the command line.
        log: Output of its process, or the traceback where it failed in this one.
        run: Its directory.
        renew: Gives the job anew, by what stands in its directory by then; None where nothing is left to do. Two
            commands on one directory thus share its fits.
    """

    name: str
    label: str
    args: list[str]
    log: Path
    run: RunDir | None = None
    renew: Callable[[], "Job | None"] | None = None

    def renewed(self) -> "Job | None":
        """The job as it is now; None, and a word, where another process has finished it."""
        if self.renew is None:
            return self
        seen = self.run.seen()  # before the look: what changes after it is noticed
        if (job := self.renew()) is None:
            print(f"{self.label}: finished by another process", flush=True)
            return None
        return replace(job, args=[*job.args, "--seen", seen])

    def announce(self, left: str, where: str = "") -> None:
        """Tell that it begins, and how long all that is to come will take."""
        begins = "goes on" if "--resume" in self.args else "starts"
        print(f"{self.label}: {', '.join(filter(None, (begins, left)))}{where}", flush=True)


Ended = Callable[[Job, str | None], None]  # told of each job that ended, and of its error


def run_jobs(jobs: list[Job], processes: int | None, trainer: Any, ended: Ended | None = None) -> dict[str, str]:
    """Run all of them.

    Args:
        jobs: In their order.
        processes: Processes side by side; None runs one after another in this process, where they share the arrays in
            memory, unless a fit starts several processes itself.
        trainer: Trainer options of the fits.
        ended: Called after each. Without it the first error in this process is raised at once.

    Returns:
        Name -> last words of those that failed.
    """
    if processes is None and one_process(trainer):
        return in_turn(jobs, ended)
    return side_by_side(jobs, processes or 1, ended)


def one_process(trainer: Any) -> bool:
    """Whether a fit runs in one process; several are started by the fit itself, once a command."""
    few = trainer.accelerator == "cpu" or torch.cuda.device_count() < 2
    alone = trainer.devices in (1, "1") or (trainer.devices == "auto" and few)
    return alone and trainer.num_nodes == 1


def in_turn(jobs: list[Job], ended: Ended | None = None) -> dict[str, str]:
    """One after another in this process; those that another process works on come last."""
    failed, waiting, busy, remaining = {}, list(jobs), set(), Remaining(len(jobs))
    while waiting:
        planned = waiting.pop(0)
        if planned.name in busy:
            time.sleep(WAIT)
        if (job := planned.renewed()) is None:
            remaining.total -= 1
            if ended is not None:
                ended(planned, None)
            continue
        if planned.name not in busy:
            job.announce(remaining.words())
        try:
            with titled(job.label):
                TaskCLI(job.args)
        except Busy as error:
            if job.name not in busy:
                print(f"{job.label}: {error}", flush=True)
            busy.add(job.name)
            waiting.append(job)
            continue
        except SystemExit as stop:
            raise SystemExit(f"Interrupted in {job.label}. The same command goes on from there.") from stop
        except Exception as error:
            if ended is None:
                raise
            job.log.parent.mkdir(parents=True, exist_ok=True)
            job.log.write_text(traceback.format_exc(), encoding="utf-8")
            failed[job.name] = describe(error)
            print(f"{job.label}: FAILED. {failed[job.name]} ({job.log})", flush=True)
        remaining.step()
        free_memory()
        if ended is not None:
            ended(job, failed.get(job.name))
    return failed


def free_memory() -> None:
    """A trainer is a web of cycles; the next fit needs its memory."""
    gc.collect()
    torch.cuda.empty_cache()


def side_by_side(jobs: list[Job], processes: int, ended: Ended | None = None) -> dict[str, str]:
    """Up to ``processes`` at a time, each with its share of the threads; one that fails does not stop the others."""
    waiting, running, failed, remaining = list(jobs), [], {}, Remaining(len(jobs))
    free = list(range(processes))
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill and schedulers: as Ctrl-C, not at once
    try:
        while waiting or running:
            while waiting and free:
                planned = waiting.pop(0)
                if (job := planned.renewed()) is None:
                    remaining.total -= 1
                    if ended is not None:
                        ended(planned, None)
                    continue
                slot = free.pop(0)
                job.announce("", f", log in {job.log}")
                job.log.parent.mkdir(parents=True, exist_ok=True)
                with job.log.open("a", encoding="utf-8") as file:
                    process = subprocess.Popen(
                        [*DOOR, *job.args, "--trainer.enable_progress_bar", "false"],
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        env=environment(slot, processes, torch.cuda.device_count()),
                    )
                running.append((job, process, slot))
            for job, process, slot in [r for r in running if r[1].poll() is not None]:
                running.remove((job, process, slot))
                free.append(slot)
                if process.returncode == BUSY:
                    waiting.append(job)
                    time.sleep(WAIT)
                    continue
                remaining.step()
                how = "done" if process.returncode == 0 else "FAILED"
                print(f"{job.label}: {', '.join(filter(None, (how, remaining.words())))}", flush=True)
                if process.returncode:
                    failed[job.name] = (job.log.read_text(encoding="utf-8").strip().splitlines() or ["no message"])[-1]
                if ended is not None:
                    ended(job, failed.get(job.name))
            time.sleep(0.1)
    except KeyboardInterrupt:
        raise SystemExit("Interrupted. The same command goes on from there.") from None
    finally:
        for _, process, _ in running:
            process.terminate()
        for _, process, _ in running:  # else the next call would find them at work in the same directories
            process.wait()
        signal.signal(signal.SIGTERM, before)
    return failed


def environment(slot: int, jobs: int, devices: int) -> dict[str, str]:
    """Environment of one of ``jobs`` processes: its share of the threads, and of several GPUs one."""
    env = {**door_environment(), "OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // jobs))}
    if devices > 1 and jobs > 1:
        visible = (os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(devices)))).split(",")
        env["CUDA_VISIBLE_DEVICES"] = visible[slot % len(visible)]
    return env


def state_of(run: RunDir, finished: bool, planned: dict[str, Any], what: str) -> str:
    """``finished``, ``begun`` (its last checkpoint can be continued) or ``missing``.

    Args:
        run: Directory of the fit.
        finished: Whether all files of a finished one are there.
        planned: Settings the fit should have.
        what: Word for several of them, such as ``folds``.

    Raises:
        ValueError: The run was made with another configuration.
    """
    if not finished and run.newest() is None:
        return "missing"
    made_with = settings(run.config.read_text(encoding="utf-8"))
    # What a run may go on with is no reason to call it another one, unless it is done already.
    if differ := (differences if finished else refused)(made_with, planned):
        raise ValueError(
            f"{run.path} was made with another configuration: {listed(differ)}. Add --overwrite to train the {what} "
            "anew, or --name NAME to keep both."
        )
    return "finished" if finished else "begun"
