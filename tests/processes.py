"""Commands in processes of their own. They are forked, so that torch is imported once for all of them."""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lightning_tasks.app.cli  # noqa: F401  here, and not by each process anew
from lightning_tasks.app import main

SHM = Path("/dev/shm")  # where Linux has one, a file system of its own in memory


class Command:
    """One command of ``cli.py``, begun at once.

    Args:
        *args: Its arguments.
        log: File for what it prints, anew with each command.
        before: Called in the process before the command.
        temporary: Its temporary folder; None leaves the system's.
    """

    def __init__(
        self, *args, log: Path, before: Callable[[], object] | None = None, temporary: Path | None = None
    ) -> None:
        self.log = log
        self.begun = time.monotonic()
        work = (list(map(str, args)), log, before, temporary)
        self.process = multiprocessing.get_context("fork").Process(target=_run, args=work)
        self.process.start()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal and wait until it has ended: the exit status, negative for a signal."""
        if self.process.exitcode is None:
            os.kill(self.process.pid, number)
        return self.wait()

    def kill_when(self, now: Callable[[], bool], number: signal.Signals = signal.SIGKILL, seconds: float = 300) -> int:
        """The same as soon as ``now()`` is true, or the command has ended."""
        end = time.monotonic() + seconds
        while self.process.is_alive() and not now():
            assert time.monotonic() < end, f"nothing happened in {seconds} s: {self.said()[-2000:]}"
            time.sleep(0.002)
        return self.kill(number)

    def wait(self, seconds: float = 300) -> int:
        """Wait for its end: the exit status."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"not done in {seconds} s: {self.said()[-2000:]}")
        return self.process.exitcode

    def said(self) -> str:
        """What it has printed, errors too."""
        return self.log.read_text(encoding="utf-8") if self.log.is_file() else ""


def _run(args: list[str], log: Path, before: Callable[[], object] | None, temporary: Path | None) -> None:
    """In the new process: as ``python cli.py`` would."""
    for number in (signal.SIGINT, signal.SIGTERM):  # not those of the test's process
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1), os.dup2(file, 2)
    sys.stdout = sys.stderr = os.fdopen(1, "w", encoding="utf-8", buffering=1, closefd=False)
    if temporary is not None:
        os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
    if before is not None:
        before()
    main(args)


def rows_of(table: Path) -> int:
    """Rows of a table that may not be there yet."""
    return max(0, table.read_text(encoding="utf-8").count("\n") - 1) if table.is_file() else 0
