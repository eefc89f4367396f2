"""A full disk: one line that names the file and the remedy, nothing cut, and the run goes on when there is room."""

import errno
import os
from pathlib import Path

import pytest

from lightning_tasks.common import atomic
from tests.conftest import results


@pytest.mark.parametrize("name", ["config.yaml", "metrics.csv", "last.ckpt", "results.json", "report.html", "rows.npz"])
def test_a_file_that_finds_no_room_is_named_and_what_stood_there_stays(toy, capsys, monkeypatch, name):
    toy("ToySequence", "--trainer.max_epochs", 1)
    before = {p: p.read_bytes() for p in Path("runs").rglob("*") if p.name == name and p.is_file()}
    replace = os.replace

    def full(source, target):
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(SystemExit) as stop:
        toy("ToySequence", "--trainer.max_epochs", 2, "--resume")
    error = capsys.readouterr().err.rsplit("error: ", 1)[1]
    assert stop.value.code == 2 and f"{name} could not be written" in error and "No space left on device" in error
    assert "Traceback" not in error and not list(Path("runs").rglob(".*.tmp"))
    assert before and all(path.read_bytes() == content for path, content in before.items())
    monkeypatch.setattr(atomic.os, "replace", replace)
    run = toy("ToySequence", "--trainer.max_epochs", 2, "--resume")
    assert results(run)["epochs"] == 2 and (run / "report.html").is_file()
