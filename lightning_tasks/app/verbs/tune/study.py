"""A study on disk that processes and machines may share, and that a killed one leaves in order.

Trials stand in Optuna's journal: an append-only file, which unlike SQLite machines may share over NFS. Who writes to
it, who may begin how many trials, and whether a running trial's owner still lives, is settled by file locks
(``flock``), which the system lets go when a process dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from lightning_tasks.app.options import SAMPLERS

from .reinforce import ReinforceSampler
from .space import Space

STREAMS = 2  # of random numbers, tpe's and random's; a third sampler has another generator and keeps theirs as they are
HOPELESS = 3  # so many failures before anything else are the configuration's fault, not the trials'
KILLS = 3  # a trial whose process died so often counts as failed: it may be what kills it
optuna.logging.set_verbosity(optuna.logging.WARNING)


def make_sampler(name: str, seed: int, trials: int) -> BaseSampler:
    """``tpe`` (Bergstra et al. 2011, random for the first third, at most 10 trials), ``random`` or ``reinforce``."""
    if name == "reinforce":
        return ReinforceSampler(seed)
    if name == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=max(2, min(10, trials // 3)))


def make_pruner(name: str, trials: int, epochs: int) -> BasePruner:
    """``median`` (stop what is worse than half of the earlier trials at its epoch), ``hyperband`` or ``none``."""
    if name == "median":
        return MedianPruner(n_startup_trials=max(2, min(5, trials // 4)))
    return HyperbandPruner(min_resource=1, max_resource=epochs) if name == "hyperband" else NopPruner()


class JournalLock:
    """Held while lines are appended to a journal: what Optuna's ``JournalFileBackend`` asks of a lock.

    Optuna's own is a symbolic link that outlives a killed process: to a relative path it dangles, and then all later
    processes wait for it without end. Whoever gets the lock cuts off the line that a kill or a full disk left
    unfinished: with another one behind it no journal could be read.

    Args:
        journal: The file.
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._file: BinaryIO

    def acquire(self) -> bool:
        """Wait until it is free."""
        file = self.journal.open("ab+")
        fcntl.flock(file, fcntl.LOCK_EX)
        self._file = file
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        if file.read(1) not in (b"", b"\n"):
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        """Let it go."""
        self._file.close()


class Search:
    """One sampler's trials.

    Args:
        folder: Of the tuning; holds the journal and ``trials/``.
        name: Of the sampler.
        trials: Budget: trials that are complete, pruned or failed; those that were interrupted run again.
        seed: With a trial's place in the budget, the seed of its draw: the draw depends on that and on the trials that
            ended before, so that a resumed search goes on alike.
        direction: ``minimize`` or ``maximize``.
        pruner: See ``make_pruner``.
    """

    def __init__(self, folder: Path, name: str, trials: int, seed: int, direction: str, pruner: BasePruner) -> None:
        (folder / "trials").mkdir(parents=True, exist_ok=True)
        self.folder, self.name, self.trials, self.seed = folder, name, trials, seed
        self._held: TextIOWrapper | None = None
        journal = folder / "study.journal"
        with locked(self.lock):
            self.study = optuna.create_study(
                storage=JournalStorage(JournalFileBackend(str(journal), lock_obj=JournalLock(journal))),
                study_name=name,
                direction=direction,
                pruner=pruner,
                load_if_exists=True,
            )

    @property
    def lock(self) -> Path:
        """Held while trials are given out or finished."""
        return self.folder / f"{self.name}.lock"

    def trial_lock(self, number: int) -> Path:
        """Held by the process that runs a trial."""
        return self.folder / "trials" / f"{self.name}_{number}.lock"

    def all(self) -> list[FrozenTrial]:
        """Trials that count: running, complete, pruned or failed."""
        return [t for t in self.study.get_trials(deepcopy=False) if counts(t)]

    def known(self, values: dict[str, Any]) -> FrozenTrial | None:
        """A complete trial of the same values: all have one seed and one order of data, so that it would come again."""
        return next((t for t in self.done() if t.state == TrialState.COMPLETE and t.params == values), None)

    def done(self) -> list[FrozenTrial]:
        """Trials that ended."""
        return [t for t in self.all() if t.state.is_finished()]

    def elsewhere(self) -> int:
        """Trials that other processes run now."""
        return sum(held(self.trial_lock(t.number)) for t in self.all() if t.state == TrialState.RUNNING)

    def ask(self, space: Space) -> tuple[Trial, int, dict[str, Any]] | None:
        """The next trial, its place in the budget and its values; None when the budget is spent or given out."""
        with locked(self.lock):
            for trial in self.all():
                if trial.state == TrialState.RUNNING and not held(self.trial_lock(trial.number)):
                    self._interrupted(trial, len(trial.params) == len(space.ranges))
            index = len(self.all())
            if index >= self.trials:
                return None
            seed = (self.seed * 100_003 + index) * STREAMS + SAMPLERS.index(self.name)
            self.study.sampler = make_sampler(self.name, seed, self.trials)
            trial = self.study.ask()
            values = space.suggest(trial)
            self._held = self.trial_lock(trial.number).open("w", encoding="utf-8")
            fcntl.flock(self._held, fcntl.LOCK_EX)
            return trial, index, values

    def _interrupted(self, trial: FrozenTrial, is_drawn: bool) -> None:
        """Its process died: close it, and let the same values run again, unless they did that too often.

        One that died while values were drawn had not begun. With some of them fixed the others would be other draws, so
        all are drawn anew, and come out the same.
        """
        self.study.tell(trial.number, state=TrialState.FAIL)
        kills = trial.user_attrs.get("kills", 0) + 1
        if is_drawn and kills < KILLS:
            self.study.enqueue_trial(trial.params, user_attrs={"kills": kills})
        self.trial_lock(trial.number).unlink(missing_ok=True)

    def put_back(self, trial: Trial) -> None:
        """Close a trial that ends with its process for another reason than itself: its values run again, next time.

        A trial that was told already stays as it is.
        """
        if self._held is None:
            return
        with locked(self.lock):
            trial.set_user_attr("put_back", True)
            self.study.tell(trial, state=TrialState.FAIL)
            self.study.enqueue_trial(trial.params, user_attrs={"kills": trial.user_attrs.get("kills", 0)})
            self.trial_lock(trial.number).unlink(missing_ok=True)
            self.let_go()

    def tell(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        """Close a trial of this process."""
        with locked(self.lock):
            self.study.tell(trial, value, state)
            self.trial_lock(trial.number).unlink(missing_ok=True)
            self.let_go()

    def repeat(self, trial: Trial, first: FrozenTrial) -> None:
        """Close a trial whose values were tried before, with the same value and at no cost."""
        for key, value in {"epochs": 0, "seconds": 0.0, "parameters": first.user_attrs["parameters"]}.items():
            trial.set_user_attr(key, value)
        self.tell(trial, TrialState.COMPLETE, first.value)

    def let_go(self) -> None:
        """Give up the lock of this process's trial."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def check_hope(self) -> None:
        """Stop a search that only fails.

        Raises:
            RuntimeError: The first trials all failed.
        """
        done = self.done()
        if len(done) >= HOPELESS and all(t.state == TrialState.FAIL for t in done):
            raise RuntimeError(
                f"the first {len(done)} trials failed: {done[-1].user_attrs.get('error', 'their processes died')} "
                f"(see {self.folder / 'trials'}). Correct that, delete {self.folder} and start again."
            )

    def best(self) -> FrozenTrial:
        """The complete trial with the best value.

        Raises:
            RuntimeError: No trial was completed; says why the last one failed.
        """
        if not any(t.state == TrialState.COMPLETE for t in self.done()):
            errors = [t.user_attrs["error"] for t in self.done() if "error" in t.user_attrs]
            reason = f" The last one failed: {errors[-1]}" if errors else ""
            raise RuntimeError(f"no trial of the {self.name} search was completed.{reason} ({self.folder / 'trials'})")
        return self.study.best_trial


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial is part of the budget: not one that waits, nor one that was interrupted and runs again."""
    if trial.state == TrialState.WAITING:
        return False
    again = "put_back" in trial.user_attrs or trial.user_attrs.get("kills", 0) + 1 < KILLS
    return not (trial.state == TrialState.FAIL and "error" not in trial.user_attrs and again)


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a file lock; without ``wait`` the value tells whether it was free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    if not path.is_file():
        return False
    with locked(path, wait=False) as free:
        return not free
