"""Where data comes from: the folder that holds it, and one copy of it for all folds of a process."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

# The last data set read or made in this process.
_LAST: dict[tuple, dict[str, Arrays]] = {}


def share(key: tuple, make: Callable[[], dict[str, Arrays]]) -> dict[str, Arrays]:
    """What ``make`` returned for ``key``, made once; the dicts are copies, the arrays are shared."""
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = make()
    return {name: dict(pool) for name, pool in _LAST[key].items()}


def find_folder(root: str, title: str, files: tuple[str, ...], how_to_get: str) -> Path | None:
    """Folder that holds all ``files``: ``root/title`` or ``root``; None if neither holds any.

    Raises:
        FileNotFoundError: A folder holds some of the files and not the others.
    """
    places = [Path(root) / title, Path(root)]
    for place in places:
        if all((place / name).exists() for name in files):
            return place
    for place in places:
        there = [name for name in files if (place / name).exists()]
        if there:
            missing = sorted(set(files) - set(there))
            raise FileNotFoundError(f"{place} holds {there[0]} but not {missing[0]}. {how_to_get}")
    return None
