"""The run directory: ``runs/<experiment>/<name>/``."""

import json
import os
import shutil
from pathlib import Path

from lightning_tasks.common.atomic import write_atomic_with


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
        self.results = path / "results.json"
        self.rows = path / "rows.npz"
        self.figures = path / "figures"
        self.report = path / "report.html"
        self._aside = path.with_name(f".{path.name}.before")

    def check(self, resume: bool, overwrite: bool) -> None:
        """See whether a fit may use the directory, before anything costly is built.

        Raises:
            ValueError: Both words were given, or there is nothing to resume.
            FileExistsError: The directory holds a run and neither word was given, or is a link to another one.
        """
        if self.path.is_symlink() or self.path.name == "latest":
            raise FileExistsError(f"{self.path} is, or is to be, a link to the newest run. Give another --name.")
        if resume and overwrite:
            raise ValueError("--resume continues a run and --overwrite replaces it: give one of them.")
        if resume:
            if not self.last.is_file():
                raise ValueError(f"--resume: {self.last} does not exist, so there is nothing to continue.")
            return
        if self.path.is_dir() and any(self.path.iterdir()) and not overwrite:
            if not self.last.is_file():
                before = f" The run it was to replace stands in {self._aside}." if self._aside.is_dir() else ""
                raise FileExistsError(
                    f"{self.path} is not empty and holds nothing to continue. Add --overwrite to replace it, "
                    f"or --name NAME to keep both.{before}"
                )
            raise FileExistsError(
                f"{self.path} is not empty. Add --resume to continue that run, --overwrite to replace it, "
                "or --name NAME to keep both."
            )

    def begin(self) -> None:
        """An empty directory for a fit; what stood there is kept aside until ``settle``."""
        if self.last.is_file():  # else there is nothing to keep, or a killed fit has put it aside before
            shutil.rmtree(self._aside, ignore_errors=True)
            self.path.rename(self._aside)
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)

    def settle(self, keep: bool) -> None:
        """After a fit, however it ended: keep what it left, or put back what stood there before."""
        if keep:
            shutil.rmtree(self._aside, ignore_errors=True)
            return
        shutil.rmtree(self.path, ignore_errors=True)
        if self._aside.is_dir():
            self._aside.rename(self.path)

    def mark_latest(self) -> None:
        """Point ``latest`` beside the run to it."""
        link = self.path.parent / "latest"
        write_atomic_with(link, lambda temporary: os.symlink(self.path.name, temporary))


def find_run(path: str | Path) -> RunDir:
    """The run at ``path``, which may be a ``latest`` link.

    Raises:
        FileNotFoundError: No run is there; the message lists runs that are near.
    """
    path = Path(path)
    if (path / "config.yaml").is_file():
        return RunDir(path.resolve())
    near = sorted(p.parent for p in path.glob("[!.]*/config.yaml")) or sorted(
        p.parent for p in path.parent.glob("[!.]*/config.yaml")
    )
    hint = f" Runs near: {', '.join(map(str, near[:5]))}." if near else " Make one with `python cli.py fit`."
    raise FileNotFoundError(f"{path} is no run: it has no config.yaml.{hint}")


def new_folder(path: Path, overwrite: bool, make: bool = True) -> None:
    """An empty folder for what a verb writes; ``make=False`` only sees whether it may be made.

    Raises:
        FileExistsError: It holds something, and ``overwrite`` is False.
    """
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise FileExistsError(f"{path} is not empty. Add --overwrite to replace it, or --name NAME to keep both.")
    if make:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)


def kind_of(folder: Path) -> str:
    """``run``, ``kfold``, ``bags``, ``ensemble``, ``inspect``, ``sweep`` or ``tune``: what made a directory."""
    for name in ("results.json", "inspect.json"):
        if (folder / name).is_file():
            return json.loads((folder / name).read_text()).get("kind", "run")
    return "run"
