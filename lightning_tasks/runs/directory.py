"""The run directory: ``runs/<experiment>/<name>/``."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lightning_tasks.common.atomic import write_atomic_with
from lightning_tasks.common.call import CALL
from lightning_tasks.common.lock import Lock

from .kinds import UNFINISHED, check_place, holds_results, is_filled

NAME = "need a name that is not empty, . or .., nor holds such a part"
NEEDED = "needed_"  # what the names of runs begin with that another fit needed


class RunDir:
    """Paths of one run.

    Args:
        path: ``runs/<experiment>/<name>``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.checkpoints = path / "checkpoints"
        self.best = self.checkpoints / "best.ckpt"
        self.last = self.checkpoints / "last.ckpt"
        self.metrics = path / "metrics.csv"
        self.data = path / "data.json"
        self.results = path / "results.json"
        self.rows = path / "rows.npz"
        self.test_rows = path / "test_rows.npz"
        self.figures = path / "figures"
        self.report = path / "report.html"
        self._aside = path.with_name(f".{path.name}.before")
        self._removed = path.with_name(f".{path.name}.removed")

    def lock(self) -> Lock:
        """Held by the process that trains here."""
        return Lock(self.path.with_name(f".{self.path.name}.lock"), str(self.path))

    def newest(self) -> Path | None:
        """The checkpoint to go on from: the last, or where that is cut the best; None where neither is whole."""
        from .checkpoint import is_whole  # here: what is said of a command line does not wait for torch

        return next((path for path in (self.last, self.best) if is_whole(path)), None)

    def seen(self) -> str:
        """What stands here at the moment, in a word that changes with each epoch and at the end of a fit.

        Who chooses between ``--resume`` and ``--overwrite`` by what he found hands it on with ``--seen``: when the fit
        has the lock, another process may have trained here meanwhile.
        """
        files = [path for path in (self.last, self.best, self.results) if path.is_file()]
        return "-".join(f"{path.stem}{path.stat().st_mtime_ns}" for path in files) or "nothing"

    def check(self, resume: bool, overwrite: bool) -> None:
        """See whether a fit may use the directory, before anything costly is built.

        A run that a killed fit had put aside, and in whose place nothing was begun, is put back first.

        Raises:
            ValueError: Both words were given, or there is nothing to resume.
            FileExistsError: The directory holds a run and neither word was given, is a link to another one, or was made
                by another verb.
        """
        if self.path.is_symlink() or self.path.name == "latest":
            raise FileExistsError(f"{self.path} is, or is to be, a link to the newest run. Give another --name.")
        if resume and overwrite:
            raise ValueError("--resume continues a run and --overwrite replaces it: give one of them.")
        check_place(self.path, "run", "files")
        if self._aside.is_dir() and not is_filled(self.path):
            self.settle(keep=False)
        before = f" The run it was to replace stands in {self._aside}." if self._aside.is_dir() else ""
        if resume:
            if self.newest() is None:
                cut = [str(path) for path in (self.last, self.best) if path.is_file()]
                state = f"{' and '.join(cut)} cannot be read" if cut else f"{self.last} does not exist"
                raise ValueError(
                    f"--resume: {state}, so there is nothing to continue. "
                    f"Leave --resume away{', and add --overwrite' if is_filled(self.path) else ''}.{before}"
                )
            return
        if is_filled(self.path) and not overwrite:
            if self.newest() is None:
                raise FileExistsError(
                    f"{self.path} is not empty and holds nothing to continue. Add --overwrite to replace it, "
                    f"or --name NAME to keep both.{before}"
                )
            raise FileExistsError(
                f"{self.path} is not empty. Add --resume to continue that run, --overwrite to replace it, "
                "or --name NAME to keep both."
            )

    def begin(self) -> None:
        """An empty directory for a fit; the run that stood there is kept aside until ``settle``.

        What a fit left that was killed before its first epoch ended is no run, and takes no run's place there.
        """
        if self.results.is_file() or self.newest() is not None:
            self._remove(self._aside)
            self.path.rename(self._aside)
        self._remove(self.path)
        self.path.mkdir(parents=True)

    def settle(self, keep: bool) -> None:
        """After a fit, however it ended: keep what it left, or put back what stood there before."""
        if keep:
            self._remove(self._aside)
            return
        self._remove(self.path)
        if self._aside.is_dir():
            self._aside.rename(self.path)

    def _remove(self, folder: Path) -> None:
        """Delete a folder; a kill leaves it whole, or under a name that nothing reads."""
        shutil.rmtree(self._removed, ignore_errors=True)
        if folder.is_dir():
            folder.rename(self._removed)
            shutil.rmtree(self._removed, ignore_errors=True)

    def mark_latest(self) -> None:
        """Point ``latest`` beside the run to it."""
        link = self.path.parent / "latest"
        write_atomic_with(link, lambda temporary: os.symlink(self.path.name, temporary))


def is_name(name: str) -> bool:
    """Whether a name, which may hold slashes, leads to a place below its folder."""
    return not any(part.strip() in ("", ".", "..") for part in name.split("/"))


def remove_runs(runs: list[RunDir]) -> None:
    """Delete runs that are to be made anew; none of them where another process works on one.

    Raises:
        Busy: It does.
    """
    with ExitStack() as held:
        for run in runs:
            held.enter_context(run.lock())
        for run in runs:
            shutil.rmtree(run.path, ignore_errors=True)


def find_run(path: str | Path) -> RunDir:
    """The run at ``path``, which may be a ``latest`` link.

    Raises:
        FileNotFoundError: No run is there; the message lists runs that are near.
    """
    path = Path(path)
    if (path / "config.yaml").is_file():
        return RunDir(path.resolve())
    below, sweep, beside = (
        sorted(p.parent for p in folder.glob(f"{names}/config.yaml"))
        for folder, names in ((path, "[!.]*"), (path, "*/seed_*"), (path.parent, "[!.]*"))
    )
    near = below or sweep or beside
    hint = f" Runs near: {', '.join(map(str, near[:5]))}." if near else f" Make one with `{CALL} fit`."
    raise FileNotFoundError(f"{path} is no run: it has no config.yaml.{hint}")


def holds_folds(path: str | Path) -> bool:
    """Whether a k-fold directory is at ``path``, finished or not, and no run."""
    return not (Path(path) / "config.yaml").is_file() and (Path(path) / "fold_0").is_dir()


def check_new(path: Path, kind: str, overwrite: bool) -> None:
    """See whether a verb may make a folder of its ``kind``, before anything costly is computed.

    Raises:
        FileExistsError: It holds something of another kind, or something at all and ``overwrite`` is False.
    """
    check_place(path, kind, "files")
    if holds_results(path) and not overwrite:
        raise FileExistsError(f"{path} is not empty. Add --overwrite to replace it, or --name NAME to keep both.")


@contextmanager
def new_folder(path: Path, kind: str, overwrite: bool) -> Iterator[None]:
    """An empty folder for what a verb writes in the block. Where that breaks off, the next call may replace it.

    Raises:
        FileExistsError: As ``check_new``.
    """
    check_new(path, kind, overwrite)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    (path / UNFINISHED).touch()
    yield
    (path / UNFINISHED).unlink()
