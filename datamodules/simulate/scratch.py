"""A folder for simulated files, kept as long as the process, and taken away by the next one where it was killed."""

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = "lightning_tasks_simulated"


@cache
def scratch_folder(make: Callable[..., object], seed: int, **options: object) -> Path:
    """The folder that ``make(folder, seed=seed, **options)`` filled; made once for each of its arguments.

    Folders of processes that are gone are removed: one that was killed could not do it.
    """
    root = Path(tempfile.gettempdir()) / f"{ROOT}_{os.getuid()}"
    root.mkdir(exist_ok=True)
    for folder in root.iterdir():
        if not is_alive(folder.name.split("_")[0]):
            shutil.rmtree(folder, ignore_errors=True)
    folder = tempfile.TemporaryDirectory(prefix=f"{os.getpid()}_", dir=root)
    KEPT.append(folder)
    make(Path(folder.name), seed=seed, **options)
    return Path(folder.name)


KEPT: list[tempfile.TemporaryDirectory] = []  # removed when the process ends


def is_alive(pid: str) -> bool:
    """Whether a process of this number runs; what is no number counts as one that does."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        pass
    return True
