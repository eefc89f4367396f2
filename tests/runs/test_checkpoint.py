"""A checkpoint is whole or absent, however the fit ends; a run goes on from what is whole."""

import errno
import os
import signal
import sys
from pathlib import Path

import pytest
import torch

from lightning_tasks.common.host import on_host
from lightning_tasks.nets.weights import load_file
from lightning_tasks.runs.checkpoint import is_whole, read_checkpoint
from lightning_tasks.runs.directory import RunDir
from lightning_tasks.runs.frozen import load_frozen
from tests.conftest import results
from tests.processes import SHM, Command


def kill_in_the_third_epoch() -> None:
    """End the own process in the middle of writing a checkpoint of the third epoch, whichever way that is done."""
    save, epoch = torch.save, 0

    def die(path, whole):
        Path(path).write_bytes(whole[: len(whole) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    def killing(checkpoint, file, *args, **kwargs):
        nonlocal epoch
        save(checkpoint, file, *args, **kwargs)
        name, epoch = str(getattr(file, "name", "")), checkpoint["epoch"]
        if ".ckpt" in name and epoch == 2:
            file.flush()
            die(name, Path(name).read_bytes())

    def copying(event, args):  # a move between two disks
        if event == "shutil.copyfile" and str(args[1]).endswith(".ckpt") and epoch == 2:
            die(args[1], Path(args[0]).read_bytes())

    torch.save = killing
    sys.addaudithook(copying)


def cut(path: Path, share: float = 0.5) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def whole(path: Path) -> dict:
    return torch.load(path, weights_only=True)


@pytest.mark.skipif(not SHM.is_dir(), reason="needs a temporary folder on another file system")
def test_a_kill_in_the_middle_of_a_write_leaves_the_last_checkpoint_whole(tmp_path, toy):
    args = ("fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "0",
            "--trainer.max_epochs", "4", "--trainer.enable_progress_bar", "false", "--name", "killed")  # fmt: skip
    command = Command(*args, log=tmp_path / "log", before=kill_in_the_third_epoch, temporary=SHM)
    assert command.wait() == -signal.SIGKILL, command.said()
    run = tmp_path / "runs/ToySequence/killed"
    assert whole(run / "checkpoints/last.ckpt")["epoch"] == 1
    toy("ToySequence", "--trainer.max_epochs", 4, "--resume", name="killed")
    unbroken = toy("ToySequence", "--trainer.max_epochs", 4, name="unbroken")
    assert (run / "metrics.csv").read_text() == (unbroken / "metrics.csv").read_text()
    assert not list(run.rglob("*.tmp"))


def test_a_full_disk_leaves_the_last_checkpoint_and_is_told_of(toy, capsys, monkeypatch):
    save = torch.save

    def full(checkpoint, file, *args, **kwargs):
        if checkpoint["epoch"] == 2:
            file.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(checkpoint, file, *args, **kwargs)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 4)
    message = capsys.readouterr().err.split("error: ")[1]
    assert ".ckpt could not be written (No space left on device)" in message and "--resume" in message
    assert len(message.strip().splitlines()) == 1
    run = Path("runs/ToySequence/default")
    assert whole(run / "checkpoints/last.ckpt")["epoch"] == 1 and whole(run / "checkpoints/best.ckpt")
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_the_reason_of_a_failed_write_is_the_systems(tmp_path):
    from lightning_tasks.runs.checkpoint import WholeCheckpointIO

    folder = tmp_path / "a_file"
    folder.touch()
    with pytest.raises(OSError, match="could not be written .File exists.. Start again"):
        WholeCheckpointIO().save_checkpoint({"state_dict": {}}, folder / "last.ckpt")


def test_tensors_are_fetched_from_an_accelerator_all_at_once(monkeypatch):
    done = []

    class Away(torch.Tensor):
        """A tensor that says when it is fetched."""

        device = torch.device("cuda", 1)

        def to(self, device, non_blocking=False):
            done.append((device, non_blocking))
            return self.as_subclass(torch.Tensor)

    monkeypatch.setattr(torch.accelerator, "synchronize", lambda device: done.append(f"waited for {device}"))
    away = [torch.full((2,), float(i)).as_subclass(Away) for i in range(3)]
    here = torch.zeros(2)
    fetched = on_host({"state_dict": {"a": away[0], "b": here}, "states": [{"c": (away[1], away[2])}], "epoch": 3})
    assert done == [("cpu", True)] * 3 + ["waited for cuda:1"]
    assert fetched["state_dict"]["b"] is here and fetched["epoch"] == 3
    assert [t[0].item() for t in (fetched["state_dict"]["a"], *fetched["states"][0]["c"])] == [0, 1, 2]
    done.clear()
    on_host({"state_dict": {"b": here}})
    assert done == [], "weights on the CPU do not wake a GPU that the machine has"


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_cut_file_is_no_checkpoint_wherever_it_is_cut(tmp_path, share):
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"weight": torch.zeros(10_000)}}, path)
    assert is_whole(path)
    cut(path, share)
    assert not is_whole(path)
    with pytest.raises(ValueError, match="is no readable checkpoint"):
        read_checkpoint(path)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("it_ran",)


def test_a_checkpoint_runs_no_code(tmp_path):
    for content in (Harmful(), {"state_dict": {}, "epoch": Harmful()}):
        torch.save(content, tmp_path / "a.ckpt")
        with pytest.raises(ValueError, match="a.ckpt is no readable checkpoint .not made of plain values"):
            read_checkpoint(tmp_path / "a.ckpt")
        assert not (tmp_path / "it_ran").exists()


NO_WEIGHTS = {
    "code": {"weight": Harmful()},
    "a list": [torch.zeros(2, 3)],
    "a number": {"weight": 1.0},
    "no name": {1: torch.zeros(2, 3)},
    "a claim": {"weight": torch.zeros(1).expand(10**12)},
    "sparse": {"weight": torch.eye(3).to_sparse()},
    "nested": {"state_dict": {"state_dict": {"weight": torch.zeros(2, 3)}}},
    "wrong keys": {"state_dict": [1, 2]},
}


@pytest.mark.parametrize("case", NO_WEIGHTS)
def test_what_holds_other_things_than_weights_is_refused_by_every_reader(tmp_path, case):
    path = tmp_path / "checkpoints/best.ckpt"
    path.parent.mkdir()
    content = NO_WEIGHTS[case]
    whole = content if isinstance(content, list) or "state_dict" in content else {"state_dict": content}
    for read, stored in (
        (lambda: load_file(torch.nn.Linear(3, 2), path), content),
        (lambda: read_checkpoint(path), whole),
        (lambda: load_frozen(tmp_path), whole),
    ):
        torch.save(stored, path)
        with pytest.raises(ValueError, match="best.ckpt is no readable .*Is it truncated, or another file") as error:
            read()
        assert len(str(error.value).splitlines()) == 1 and "weights_only" not in str(error.value)
        assert not Path("it_ran").exists()


def test_resume_goes_on_from_the_newest_whole_checkpoint_and_says_so(toy, caplog):
    run = toy("ToySequence", "--trainer.max_epochs", 2)
    cut(run / "checkpoints/last.ckpt")
    toy("ToySequence", "--trainer.max_epochs", 4, "--resume")
    assert "last.ckpt cannot be read: going on from" in caplog.text
    assert whole(run / "checkpoints/last.ckpt")["epoch"] == 3 and results(run)["epochs"] == 4


def test_resume_without_a_whole_checkpoint_is_one_clear_error(toy, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    for name in ("last", "best"):
        cut(run / f"checkpoints/{name}.ckpt")
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 2, "--resume")
    message = capsys.readouterr().err.split("error: ")[1].strip()
    assert "last.ckpt and" in message and "cannot be read, so there is nothing to continue" in message
    assert len(message.splitlines()) == 1


def test_a_best_that_is_cut_is_chosen_anew(toy):
    run = toy("ToySequence", "--trainer.max_epochs", 2)
    cut(run / "checkpoints/best.ckpt")
    toy("ToySequence", "--trainer.max_epochs", 3, "--resume")
    assert whole(run / "checkpoints/best.ckpt")["epoch"] == results(run)["best_epoch"] == 2


def test_a_finished_run_outlives_what_was_to_replace_it_and_left_a_cut_checkpoint(toy, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    before = (run / "results.json").read_text()
    directory = RunDir(run)
    directory.begin()  # and killed while the first checkpoint was written
    directory.checkpoints.mkdir()
    directory.last.write_bytes(b"cut")
    assert directory.newest() is None
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 1, "--overwrite", "--model.class_weights", "[1.0e38, 1.0e38]")
    assert "not finite" in capsys.readouterr().err and (run / "results.json").read_text() == before


def test_a_finished_run_whose_last_checkpoint_is_cut_is_put_aside_too(toy):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    before = (run / "results.json").read_text()
    cut(run / "checkpoints/last.ckpt")
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 1, "--overwrite", "--model.class_weights", "[1.0e38, 1.0e38]")
    assert (run / "results.json").read_text() == before


@pytest.mark.parametrize("step", range(10))
def test_a_run_outlives_a_kill_at_any_step_of_replacing_it(tmp_path, monkeypatch, step):
    """The file system's calls of begin and settle are counted; the process ends before the given one."""

    class Killed(BaseException):
        pass

    run, left = RunDir(tmp_path / "runs/toy/default"), [step]

    def write(text: str) -> None:
        run.checkpoints.mkdir(parents=True)
        torch.save({"state_dict": {"weight": torch.zeros(2)}, "text": text}, run.last)

    def counted(call):
        def wrapper(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return call(*args, **kwargs)

        return wrapper

    write("old")
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", counted(RunDir.begin.__globals__["shutil"].rmtree))
        for name in ("rename", "mkdir"):
            patched.setattr(Path, name, counted(getattr(Path, name)))
        try:
            run.begin()
            write("new")
            run.settle(keep=True)
        except Killed:
            pass
    again = RunDir(run.path)
    try:
        again.check(resume=True, overwrite=False)
        found = read_checkpoint(again.newest())["text"]
    except ValueError as error:  # nothing of the new one was whole: the message says where the old one stands
        assert str(again.path.with_name(".default.before")) in str(error)
        again.settle(keep=again.newest() is not None)
        found = read_checkpoint(again.newest())["text"]
    assert found in ("old", "new")


def test_a_users_own_plugin_for_checkpoints_is_kept(cli, capsys):
    from lightning_tasks.app.cli import TaskCLI
    from lightning_tasks.runs.checkpoint import WholeCheckpointIO

    args = ["fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule"]

    def io(*more: str):
        class Built(TaskCLI):
            def _run_subcommand(self, subcommand):
                pass

        return Built([*args, *more]).trainer.strategy.checkpoint_io

    assert type(io()) is WholeCheckpointIO
    other = "lightning.pytorch.plugins.io.TorchCheckpointIO"
    assert type(io("--trainer.plugins", f"[{{class_path: {other}}}]")).__name__ == "TorchCheckpointIO"
    sync = "lightning.pytorch.plugins.layer_sync.TorchSyncBatchNorm"
    assert type(io("--trainer.plugins", f"[{{class_path: {sync}}}]")) is WholeCheckpointIO
