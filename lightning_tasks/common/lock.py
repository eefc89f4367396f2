"""One process at a time in a directory; the system releases the lock when its owner dies, however it died."""

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import TextIO

WAIT = 1.0  # seconds between looks at what another process has locked
BUSY = 75  # exit status of a command that found its directory locked: EX_TEMPFAIL of sysexits.h


class Busy(RuntimeError):
    """Another process holds the lock; the message says which."""


class Lock:
    """An exclusive ``flock`` on a file of its own, which holds who has it and is gone when it is released.

    It holds between machines as far as their file system passes ``flock`` on: NFS of version 4 does, and Lustre where
    it is mounted with ``flock``; NFS of version 3 without its lock daemon does not.

    Args:
        path: The file; it lies beside what is locked, not in it, so that a directory can be replaced while locked.
        what: What is locked, in messages.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what
        self._file: TextIO | None = None

    def take(self) -> None:
        """Take it at once.

        Raises:
            Busy: Another process has it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while self._file is None:
            file = self.path.open("a+", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                owner = file.read().strip() or "another process"
                file.close()
                raise Busy(f"{self.what}: {owner} is at work there. Wait for it, or give another --name.") from None
            if stands_under(self.path, file):
                self._file = file
            else:  # its owner released and removed it between opening and locking
                file.close()
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M')}")
        self._file.flush()

    def release(self) -> None:
        """Give it back; nothing happens where it is not held."""
        if self._file is not None:
            self.path.unlink(missing_ok=True)  # before closing: after it the file may be another's
            self._file.close()
            self._file = None

    def __enter__(self) -> "Lock":
        self.take()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()


def stands_under(path: Path, file: TextIO) -> bool:
    """Whether the open file is the one that now has the name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
