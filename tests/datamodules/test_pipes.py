"""A named pipe in the place of a file is refused at once: whoever opens it waits for a writer without end."""

import os
import signal
from pathlib import Path

import pytest

import datamodules
from datamodules.core.base import DataModule
from datamodules.core.made import MadeDataModule
from lightning_tasks.app.preflight import read_yaml
from lightning_tasks.runs.checkpoint import read_checkpoint

SETS = [
    made
    for made in (getattr(datamodules, name) for name in datamodules.__all__)
    if issubclass(made, DataModule)
    and not issubclass(made, MadeDataModule)
    and made.files
    and Path(made.files[0]).suffix
]


@pytest.fixture(autouse=True)
def _limit():
    """A test that waits fails, instead of the whole run."""

    def stop(*signal_and_frame):
        raise TimeoutError("the pipe was opened, and waited for")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("made", SETS, ids=lambda made: made.__name__)
def test_as_a_data_file(made):
    for name in made.files:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(name)
    with pytest.raises((ValueError, FileNotFoundError), match=r"no such file|neither a file nor a folder|no file"):
        made(root=".", source="real").setup()


def test_as_configuration_and_checkpoint():
    os.mkfifo("a.yaml")
    with pytest.raises(ValueError, match="no file: a YAML file is expected"):
        read_yaml(Path("a.yaml"))
    os.mkfifo("best.ckpt")
    with pytest.raises((ValueError, FileNotFoundError), match="best.ckpt"):
        read_checkpoint(Path("best.ckpt"))
