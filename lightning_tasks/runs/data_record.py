"""``data.json``: what a run is trained on, written when its fit begins."""

import json
from pathlib import Path
from typing import Any

from lightning_tasks.common.atomic import write_atomic
from lightning_tasks.common.json_files import read_json

from .directory import RunDir


def data_record(data: Any) -> dict[str, Any]:
    """Source, fingerprints and sizes of a data module that is set up."""
    return {
        "data_source": data.data_source,
        "data_fingerprint": data.fingerprint(),
        "arrays_fingerprint": data.fingerprint(split=False),
        "sizes": data.sizes(),
    }


def same_source(old: str, new: str) -> bool:
    """Whether two records name one source: earlier versions said of made data that it was simulated."""
    return old == new or {old, new} == {"made", "simulated"}


def write_data_record(run: RunDir, record: dict[str, Any]) -> None:
    """Write ``data.json``."""
    write_atomic(run.data, json.dumps(record, indent=2) + "\n")


def read_data_record(run: RunDir) -> dict[str, Any]:
    """Read ``data.json``.

    Raises:
        FileNotFoundError: The run has none: it was begun by an earlier version.
    """
    if not run.data.is_file():
        raise FileNotFoundError(f"{run.data} does not exist, so it is not known on what the run was trained.")
    return read_json(run.data)


def check_same_data(run: RunDir, record: dict[str, Any]) -> None:
    """Compare what a run was trained on with what it would go on with.

    Raises:
        ValueError: Another source, other samples or another split.
    """
    old, new = read_data_record(run), record
    if not same_source(old["data_source"], new["data_source"]):
        raise ValueError(
            f"--resume: the run was trained on {old['data_source']} data, and what is found now is "
            f"{new['data_source']} data. Set --data.root and --data.source as they were, or give another --name."
        )
    if old["data_fingerprint"] != new["data_fingerprint"]:
        sizes = [f"{part} {old['sizes'].get(part)} -> {size}" for part, size in new["sizes"].items()
                 if old["sizes"].get(part) != size]  # fmt: skip
        counts = f" ({', '.join(sizes)} samples)" if sizes else ""
        what = "the split has" if old["arrays_fingerprint"] == new["arrays_fingerprint"] else "the data has"
        raise ValueError(
            f"--resume: {what} changed since the run began{counts}. "
            "Put it back as it was, or train anew with --overwrite or another --name."
        )


def other_data(run: str | Path, data: Any) -> str:
    """What the user should know where a run was trained on other data, or another split, than ``data`` has; or ""."""
    path = Path(run) / "results.json"
    if not path.is_file():
        return f"{run} has no results.json, so it is not known on which samples it was trained."
    results = read_json(path)
    if not same_source(results["data_source"], data.data_source):
        return f"{run} was trained on {results['data_source']} data, and this is {data.data_source} data."
    if results["data_fingerprint"] != data.fingerprint():
        return f"{run} was trained on other samples or another split: it may know samples that are scored here."
    return ""


def check_split(run: Path, data: Any) -> None:
    """See that what a run was trained on is not among what ``data`` has for scoring; a note where it reads other data.

    Raises:
        ValueError: The same samples in another split.
    """
    if not (run / "results.json").is_file() or not (message := other_data(run, data)):  # weights by themselves, or none
        return
    if read_json(run / "results.json")["arrays_fingerprint"] == data.fingerprint(split=False):
        raise ValueError(
            f"{run} was trained on another split of this data, so that its training samples would be scored. Leave "
            "what changes the split away (--data.fold, --data.folds, --data.test_fraction, --data.groups, ...)."
        )
    data.note(message)
