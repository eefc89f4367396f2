"""What ``validate`` and ``test`` print, and the file beside the run that holds all of it."""

import json
import shlex
from pathlib import Path
from typing import Any

from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.json_files import read_json
from lightning_tasks.runs.calibration import NAME as CALIBRATION
from lightning_tasks.runs.calibration import weights_digest
from lightning_tasks.runs.data_record import data_record
from lightning_tasks.runs.results import clean_json

from .console import can_submit, direction, is_calibrated, next_steps, print_notes, print_scores, source_words
from .places import as_shown
from .weights import folder_of

AS_TRAINED = f"Not calibrated: scores of the network as trained. {CALIBRATION} acts in predict, submit and ensemble."
Scores = dict[str, dict[str, Any]]


def finish_evaluation(task: Any, data: Any, part: str, scores: Scores, checkpoint: str, baselines: bool) -> Path:
    """Print scores and verdict, write ``val.json`` or ``test.json`` beside the run, and say what may come next.

    Args:
        task: The network.
        data: Its data, set up.
        part: ``val`` or ``test``.
        scores: ``part/name`` -> value, n, interval.
        checkpoint: The weights.
        baselines: Whether the test part is compared with what needs no network.
    """
    folder, record = folder_of(Path(checkpoint)), data_record(data)
    beside = baselines_of(task, data, folder, record) if part == "test" and baselines else None
    content = {
        "part": part,
        "checkpoint": Path(checkpoint).name,
        "weights_sha256": weights_digest(Path(checkpoint)),
        "task": type(task).__name__,
        **record,
        "scored": data.part_kind[part],
        "calibrated": is_calibrated(task),
        "headline": task.headline_metric,
        "headline_mode": direction(task),
        "metrics": scores,
        "baselines": beside or {},
        "notes": data.notes,
    }
    path = folder / f"{part}.json"
    write_atomic(path, json.dumps(clean_json(content), indent=2) + "\n")
    print_scores(scores, task.headline_metric, direction(task), beside)
    if (folder / CALIBRATION).is_file():
        print(AS_TRAINED)
    print_notes(data.notes, data.data_source == "simulated")
    where = as_shown(folder)
    print(f"{source_words(task, data, part)}. All {len(scores)} metrics: {as_shown(path)}")
    print(f"Next: {next_steps(task, part, where, record)}")
    return path


def finish_prediction(task: Any, data: Any, written: Path) -> None:
    """Say where ``predict`` wrote its file, and what may come next."""
    print_notes([], data.data_source == "simulated")
    print(f"Wrote {as_shown(written)}" + (", recalibrated by calibration.json" if task.calibration else ""))
    where = as_shown(written.parent)
    if not (written.parent / "config.yaml").is_file():  # weights by themselves
        return
    if data.hparams.predict is not None:
        if "explain" not in task.refuses:
            place = shlex.quote(data.hparams.predict)
            print(f"Next: explain --run {where} --part predict --data.predict {place} shows what says so.")
    elif can_submit(task, data.data_source, data.sizes()):
        print(f"Next: submit --run {where} writes the assignment's own file.")
    elif "export" not in task.refuses:
        print(f"Next: export --run {where} writes the network for other programs.")


def baselines_of(task: Any, data: Any, folder: Path, record: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Scores without a network: those of the run, where it was on the same data and split, else computed."""
    path = folder / "results.json"
    if path.is_file():
        results = read_json(path)
        if results.get("data_fingerprint") == record["data_fingerprint"] and results.get("baselines"):
            return results["baselines"]
    return task.baselines(data)
