"""Files appear whole or not at all: written under a temporary name, then renamed."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)  # no room on the disk, or none left for this user


def write_atomic_with(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it.

    Beside, because a rename over two file systems is a copy that may be cut short. What was written is on the disk
    before the rename: after a power failure too, the name stands for the old file or for the whole new one.

    Raises:
        OSError: The file could not be written; what stood under ``path`` is untouched. A full disk is said with remedy.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        if not temporary.is_symlink():
            flush(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise OSError(f"{path} could not be written: {error.strerror}. Make room, and repeat the command (fit goes on "
                      "with --resume). What stood there before is untouched.") from None  # fmt: skip
    finally:
        with suppress(OSError):  # where the folder could not be made
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
