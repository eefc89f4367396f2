"""What ``report --runs`` compares: runs and k-fold directories, with their scores, settings and curves. No torch."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lightning_tasks.app.settings import settings
from lightning_tasks.common.json_files import read_json
from lightning_tasks.common.tables import read_metrics
from lightning_tasks.runs.directory import RunDir, find_run
from lightning_tasks.runs.kinds import kind_of
from lightning_tasks.runs.results import read_results

Scores = dict[str, dict[str, Any]]
RUNS = ("run", "kfold", "bags")  # kinds of directories that have scores of one network, or of the folds of one


@dataclass
class Entry:
    """A run, or the folds of a k-fold directory.

    Args:
        path: Its directory.
        results: Its ``results.json``.
        runs: The run itself, or the folds.
        name: What tells it from the others.
    """

    path: Path
    results: dict[str, Any]
    runs: list[RunDir] = field(default_factory=list)
    name: str = ""

    @property
    def is_run(self) -> bool:
        """Whether it is one run."""
        return "kind" not in self.results

    @property
    def scores(self) -> Scores:
        """Metrics by name without part: of the test part of a run, of what k folds pool."""
        return {name.split("/", 1)[-1]: score for name, score in self.results["metrics"].items()}

    @property
    def scored(self) -> str:
        """In words, on what."""
        return self.results["split"]["test"] if self.is_run else self.results["scored"].split(";")[0]

    @property
    def monitor(self) -> str | None:
        """Metric that chose the best epoch, of each of the folds."""
        return read_json(self.runs[0].results).get("monitor")

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that matter for a result, by dotted name; folds share all but their number."""
        values = settings(self.runs[0].config.read_text(encoding="utf-8"))
        return values if self.is_run else values | {"data.fold": "each", "data.bag": values.get("data.bag") and "each"}

    @property
    def splits(self) -> list[str]:
        """Fingerprint of data and split, of each run."""
        return [read_json(run.results)["data_fingerprint"] for run in self.runs]

    @property
    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Metric -> its value at each epoch, from 1 on; of folds the mean of those that were still training."""
        points: dict[str, dict[float, list[float]]] = {}
        for run in self.runs:
            for row in read_metrics(run.metrics):
                for name, value in row.items():
                    if "/" in name and np.isfinite(value):
                        points.setdefault(name, {}).setdefault(row["epoch"] + 1, []).append(value)
        return {
            name: [(epoch, float(np.mean(values))) for epoch, values in sorted(at.items())]
            for name, at in points.items()
        }


def entries_of(paths: list[Path]) -> list[Entry]:
    """What stands at the paths, in their order; a sweep stands for all its runs, a tuning for its final ones.

    Raises:
        FileNotFoundError: A path is no run, or did not finish.
        ValueError: There is only one, one is there twice, or one has no scores of a network.
    """
    entries = [entry for path in paths for entry in entries_at(path)]
    places = [entry.path.resolve() for entry in entries]
    if twice := next((place for place in places if places.count(place) > 1), None):
        raise ValueError(f"--runs names {twice} twice: give different runs.")
    if len(entries) < 2:
        raise ValueError(f"--runs compares two or more runs; {paths[0]} is one. Its own page: report --run {paths[0]}")
    common = common_folder(entries)
    for entry in entries:
        entry.name = str(entry.path.resolve().relative_to(common))
    return entries


def entries_at(path: Path) -> list[Entry]:
    """The run or k folds at a path, or the finished runs of a sweep or tuning.

    Raises:
        FileNotFoundError: No run is there, or it did not finish.
        ValueError: What is there has no scores of a network.
    """
    kind = kind_of(path)
    if kind in ("sweep", "tune"):
        folder = path / "final" if kind == "tune" else path
        rows = read_json(folder / "results.json")["runs"]
        done = [row for row in rows if row["status"] == "finished"]
        return [entry for row in done for entry in entries_at(folder / row["combination"] / f"seed_{row['seed']}")]
    if kind not in RUNS:
        raise ValueError(f"{path} was made by {kind}, and is no run. --runs takes runs, k-fold directories and sweeps.")
    if kind == "run":
        run = find_run(path)
        return [Entry(run.path, read_results(run), [run])]
    results = read_json(path / "results.json")
    return [Entry(path.resolve(), results, [find_run(path / f"fold_{i}") for i in range(results["folds"])])]


def common_folder(entries: list[Entry]) -> Path:
    """The folder that holds all of them."""
    return Path(os.path.commonpath([entry.path.resolve().parent for entry in entries]))
