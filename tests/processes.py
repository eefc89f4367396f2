"""Commands in processes of their own. They are forked, so that torch is imported once for all of them."""

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

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
        work: Is done in place of the command.
    """

    def __init__(
        self,
        *args,
        log: Path,
        before: Callable[[], object] | None = None,
        temporary: Path | None = None,
        work: Callable[[], object] | None = None,
    ) -> None:
        self.log = log
        self.begun = time.monotonic()
        work = work or partial(main, list(map(str, args)))
        self.process = multiprocessing.get_context("fork").Process(target=_run, args=(work, log, before, temporary))
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


def in_two_processes(work: Callable[[], object], log: Path, seconds: float = 600) -> list[str]:
    """Do the same in two processes that find each other, as those do that Lightning starts for two devices.

    Args:
        work: Commands with ``--trainer.strategy ddp --trainer.devices 2``.
        log: What they print, with ``.0`` and ``.1`` after it.
        seconds: How long they may take.

    Returns:
        What each has printed.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pair = [
        Command(log=log.with_name(f"{log.name}.{rank}"), before=partial(_take_rank, rank, port), work=work)
        for rank in range(2)
    ]
    end = time.monotonic() + seconds
    while any(one.process.is_alive() for one in pair) and not any(one.process.exitcode for one in pair):
        time.sleep(0.05)
        if time.monotonic() > end:
            break
    statuses = [one.kill() for one in pair]  # where one has failed, the other waits for it without end
    assert statuses == [0, 0], "\n".join(one.said()[-3000:] for one in pair)
    return [one.said() for one in pair]


def _take_rank(rank: int, port: int) -> None:
    """What Lightning reads in a process that was started by another program."""
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    rank_zero_only.rank = rank  # is read from the environment when Lightning is imported


def _run(work: Callable[[], object], log: Path, before: Callable[[], object] | None, temporary: Path | None) -> None:
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
    work()


def rows_of(table: Path) -> int:
    """Rows of a table that may not be there yet."""
    return max(0, table.read_text(encoding="utf-8").count("\n") - 1) if table.is_file() else 0
