"""Files appear whole or not at all: written under a temporary name, then renamed."""

import os
from collections.abc import Callable
from pathlib import Path


def write_atomic_with(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it.

    Beside, because a rename over two file systems is a copy that may be cut short. What was written is on the disk
    before the rename: after a power failure too, the name stands for the old file or for the whole new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        if not temporary.is_symlink():
            flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def write_atomic(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8."""
    write_atomic_with(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def drop_leftovers(folder: Path) -> None:
    """Remove temporary files, at any depth, that a killed process could not."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)
