"""Where data comes from: the folder that holds it, and one copy of it for all folds of a process."""

from collections.abc import Callable, Iterable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.readers.wording import listed

Arrays = dict[str, np.ndarray]

DEFAULT_ROOT = "data"
# Arguments that act after the data was read or made, so that folds and runs of one process share it.
AFTER_READING = {
    *("root", "source", "batch_size", "num_workers", "fold", "folds", "test_fraction", "groups", "bag", "exclude"),
    *("augment", "samples_per_epoch", "limit", "predict"),
}
# Arguments that change which samples are in a part, or how fast they come, and nothing about a sample in a batch.
NOT_IN_BATCHES = AFTER_READING - {"root", "source", "groups", "limit"}

# The last data set read or made in this process, and what reading it set on its data module.
_LAST: dict[tuple, tuple[dict[str, Arrays], dict[str, Any]]] = {}


def share(owner: object, key: tuple, make: Callable[[], dict[str, Arrays]]) -> dict[str, Arrays]:
    """What ``make`` returned for ``key``, made once; the dicts are copies, the arrays are shared.

    Attributes that ``make`` sets on ``owner`` (names of classes, say) are set again where the data is not read again.
    """
    if key not in _LAST:
        _LAST.clear()
        before = dict(vars(owner))
        pools = make()
        _LAST[key] = pools, {k: v for k, v in vars(owner).items() if k not in before or before[k] is not v}
    pools, attributes = _LAST[key]
    vars(owner).update(attributes)
    return {name: dict(pool) for name, pool in pools.items()}


def places(root: str, title: str) -> tuple[Path, Path]:
    """Where the files of a data set are looked for, in this order."""
    return Path(root) / title, Path(root)


def stands(path: Path) -> bool:
    """Whether a file or a folder is there.

    Raises:
        ValueError: Something else is there, such as a named pipe, of which a reader would wait without end.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path} is neither a file nor a folder: a named pipe or a device is not read as data.")
    return path.exists()


def first_of(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of some files that a folder holds."""
    return next((folder / name for name in names if stands(folder / name)), None)


def find_folder(root: str, title: str, files: tuple[str, ...], how_to_get: str) -> Path | None:
    """Folder that holds all ``files``: ``root/title`` or ``root``; None if neither holds any.

    Raises:
        FileNotFoundError: A folder holds some of the files and not the others.
        ValueError: One of them is a pipe or a device.
    """
    for place in places(root, title):
        if all(stands(place / name) for name in files):
            return place
    for place in places(root, title):
        there = [name for name in files if stands(place / name)]
        if there:
            missing = sorted(set(files) - set(there))
            raise FileNotFoundError(f"{place} holds {there[0]} but not {missing[0]}. {how_to_get}")
    return None


def hashable(value: Any) -> Any:
    """Plain values as a part of a key."""
    if isinstance(value, dict):
        return tuple((k, hashable(v)) for k, v in sorted(value.items()))
    return tuple(map(hashable, value)) if isinstance(value, (list, tuple)) else value


def load_pools(data: Any) -> dict[str, Arrays]:
    """Read or simulate the pools of a ``DataModule``, set its ``folder`` and ``data_source``, and note which.

    Raises:
        FileNotFoundError: The data is not there, and was asked for: by ``source: real`` or by naming a folder.
    """
    h, files = data.hparams, data.files
    data.folder = None if h.source == "simulated" else find_folder(h.root, data.title, files, data.how_to_get)
    if data.folder is not None:
        folder = data.folder
        data.data_source = "real"
        stamps = tuple((folder / name).stat().st_mtime_ns for name in files)
        return share(data, reading_key(data, str(folder.resolve()), files, stamps), lambda: data.read(folder))
    check_asked(data)
    data.data_source = "simulated"
    if h.source == "auto":
        there = held(Path(h.root) / data.title)
        data.note(
            f"SIMULATED DATA. {looked_for(data)}: not there{there}. Scores on simulated data say nothing about the "
            f"real task. {data.how_to_get} Then set --data.root.",
            shown=f"SIMULATED DATA: no {data.files[0]} in {Path(h.root)} or {Path(h.root) / data.title}{there}.",
        )
    return share(data, reading_key(data, "simulated"), data.simulate)


def check_asked(data: Any) -> None:
    """Raise a FileNotFoundError where data that is not there was asked for."""
    h = data.hparams
    named = h.source == "auto" and (h.root != DEFAULT_ROOT or names_file(data))
    if h.source != "real" and not named:
        return
    root = Path(h.root)
    there = f"not there{held(root)}{held(root / data.title)}"
    what = there if root.is_dir() else f"{root} is {'a file' if root.exists() else 'no folder'}"
    ask = " For the simulated set add --data.source simulated." if named else ""
    raise FileNotFoundError(f"{looked_for(data)}: {what}. {data.how_to_get} Then set --data.root.{ask}")


def names_file(data: Any) -> bool:
    """Whether the user named the file to read: another than the default of its class."""
    default = signature(type(data)).parameters.get("file")
    return default is not None and data.hparams.file != default.default


def held(folder: Path) -> str:
    """The first names that stand in a folder, for a user whose files have other names; nothing where it is none."""
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []
    return f" ({folder} holds {listed(names)})" if names else ""


def looked_for(data: Any) -> str:
    """In words, where the data was looked for."""
    root = Path(data.hparams.root)
    return f"Looked for {' and '.join(data.files)} in {root} and {root / data.title}"


def reading_key(data: Any, *where: Any) -> tuple:
    """What the pools follow from: the class, where they come from, and all arguments that act while reading."""
    later = {*AFTER_READING, *data.acts_later}
    acting = {k: v for k, v in data.hparams.items() if k not in later and not k.startswith("_")}
    return (type(data), *where, hashable(acting))


def serve_alike(one: Any, other: Any) -> bool:
    """Whether batches of two data modules hold the same for the same samples."""
    mine, theirs = (
        {k: v for k, v in data.hparams.items() if k not in NOT_IN_BATCHES and not k.startswith("_")}
        for data in (one, other)
    )
    return type(one) is type(other) and mine == theirs and same(one.fitted, other.fitted)


def same(one: Any, other: Any) -> bool:
    """Whether two values of dicts, lists, arrays, tensors and plain values are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
