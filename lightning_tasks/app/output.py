"""Errors that say nothing of the work: nobody reads the output any more, or the disk is full."""

import select
import sys
from typing import TextIO

from lightning_tasks.common.atomic import FULL


def is_read(stream: TextIO) -> bool:
    """Whether somebody still takes what is written to a stream: a pipe without a reader is in error."""
    asked = select.poll()
    asked.register(stream.fileno(), 0)
    return not any(event & select.POLLERR for _, event in asked.poll(0))


def is_unread(error: BaseException) -> bool:
    """Whether an error came of standard output that nobody reads; else it was the pipe of a worker."""
    return isinstance(error, BrokenPipeError) and not is_read(sys.stdout)


def is_of_the_place(error: BaseException) -> bool:
    """Whether an error would have met any other work at this moment, too."""
    return is_unread(error) or (isinstance(error, OSError) and error.errno in FULL)
