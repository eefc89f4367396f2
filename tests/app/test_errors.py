"""What goes wrong between a command and its end: checkpoints, what is not finite, Ctrl-C, output nobody reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT, results
from tests.toys import ToyNothing

TOY = ("fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--trainer.max_epochs", 1,
       "--draws", 0, "--trainer.enable_progress_bar", "false")  # fmt: skip


def test_a_checkpoint_of_another_task_is_refused(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    other = ("test", "--model", "tests.toys.ToyGan", "--data", "tests.toys.ToyDataModule")
    with pytest.raises(SystemExit):
        cli(*other, "--ckpt_path", run / "checkpoints/best.ckpt")
    assert "was made by ToySequence; the configuration builds ToyGan" in capsys.readouterr().err


def test_a_checkpoint_of_another_size_is_refused(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    with pytest.raises(SystemExit):
        cli("test", *TOY[1:-2], "--model.width", 9, "--ckpt_path", run / "checkpoints/best.ckpt")
    assert "size mismatch at embedding.weight (9x8 in the checkpoint, 9x9 here)" in capsys.readouterr().err


def test_a_fit_that_begins_at_other_weights_says_where_they_differ(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    with pytest.raises(SystemExit):
        cli(*TOY, "--model.width", 9, "--start", run, "--name", "other")
    message = capsys.readouterr().err.split("error: ")[1]
    assert "best.ckpt does not fit" in message and "size mismatch at embedding.weight (9x8 in" in message


def test_a_run_whose_checkpoint_lacks_an_empty_buffer_goes_on(toy):
    run = toy("ToyGan", "--trainer.max_epochs", 1)
    for path in (run / "checkpoints").iterdir():
        checkpoint = torch.load(path, weights_only=True)
        assert not checkpoint["state_dict"].pop("mode_mean").numel()
        path.unlink()  # two names of one file
        torch.save(checkpoint, path)
    toy("ToyGan", "--trainer.max_epochs", 2, "--resume")
    assert results(run)["epochs"] == 2


def test_a_truncated_checkpoint_is_refused(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    path = run / "checkpoints/best.ckpt"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(SystemExit):
        cli("test", "--config", run / "config.yaml", "--ckpt_path", path)
    assert "no readable checkpoint" in capsys.readouterr().err


def test_configuration_beats_what_a_checkpoint_stores(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    stored = torch.load(run / "checkpoints/best.ckpt", weights_only=True)["hyper_parameters"]
    assert stored["lr"] == 0.001 and stored["_class_path"].endswith("ToySequence")
    cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt", "--data.batch_size", 7)
    assert "test/acc" in capsys.readouterr().out


def test_a_run_directory_is_not_overwritten_unasked(toy, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    before = (run / "results.json").read_text()
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 1)
    assert "--resume" in (err := capsys.readouterr().err) and "--overwrite" in err and "--name" in err
    assert (run / "results.json").read_text() == before
    toy("ToySequence", "--trainer.max_epochs", 1, "--overwrite")
    assert (run / "results.json").is_file()


BREAKS = {
    "loss": "The training loss is not finite at epoch 2, step 5. Its batch holds ids [",
    "gradient": "but the gradient of the last step and with it the weights are not (embedding.weight)",
    "weights": "All losses of epoch 2 were finite, but the weights are not (embedding.weight). Lower --model.lr, or",
    "validation": "The validation loss of epoch 2 is nan, though weights and training losses are finite",
    "predictions": "2 of 20 predictions of the validation part are NaN in epoch 2",
}


@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("breaks", BREAKS)
def test_what_is_not_finite_stops_the_run_before_a_checkpoint_keeps_it(toy, capsys, breaks, ema):
    with pytest.raises(SystemExit):
        toy(
            "ToyBroken",
            "--trainer.max_epochs",
            3,
            "--model.breaks",
            breaks,
            "--data.batch_size",
            16,
            "--model.ema",
            ema,
        )
    assert BREAKS[breaks] in capsys.readouterr().err
    for name in ("best", "last"):  # of the first epoch
        kept = torch.load(f"runs/ToyBroken/default/checkpoints/{name}.ckpt", weights_only=True)
        assert kept["epoch"] == 0 and all(value.isfinite().all() for value in kept["state_dict"].values())


@pytest.mark.parametrize("lr", ["1e38", ".nan", "-0.1", ".inf"])
def test_rates_that_cannot_be_are_refused_when_parsed(cli, capsys, lr):
    with pytest.raises(SystemExit):
        cli(*TOY, f"--model.lr={lr}")
    finite = lr in ("1e38", "-0.1")
    assert ("need a number from 0 to 10000" if finite else "need a finite number") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "args", "words"),
    [
        ("ring_gan", "--model.rates={critic: 1.0e38}", "rates holds 1e+38; need more than 0, and 10000 at most"),
        ("ring_gan", "--model.rates={critic: .nan}", "--model.rates.critic nan: need a finite number"),
        ("ring_gan", "--model.clip=.nan", "--model.clip nan: need a finite number"),
        ("mnist_mlp", "--model.backbone_lr=1e38", "backbone_lr=1e+38: need a factor from 0 to 10000"),
        ("mnist_mlp", "--model.backbone_lr=-1", "backbone_lr=-1.0: need a factor"),
        ("mnist_mlp", "--data.test_fraction=.inf", "--data.test_fraction inf: need a finite number"),
    ],
)
def test_other_numbers_of_tasks_and_data_too(cli, capsys, config, args, words):
    (file,) = (ROOT / "configs").rglob(f"{config}.yaml")
    with pytest.raises(SystemExit):
        cli("fit", "--config", file, args)
    assert words in capsys.readouterr().err


def test_what_is_no_checkpoint_is_refused_without_advice_to_load_it_unsafely(toy, cli, capsys):
    run = toy("ToySequence", "--trainer.max_epochs", 1)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "config.yaml")
    err = capsys.readouterr().err
    assert "config.yaml is no readable checkpoint (not made of plain values" in err and "weights_only" not in err


def test_ctrl_c_outside_of_training_is_told_in_one_line(cli, capsys, monkeypatch):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["lightning_tasks.app.main"], "_run", interrupted)
    with pytest.raises(SystemExit) as stop:
        cli("report", "--run", "a")
    assert stop.value.code == 130 and capsys.readouterr().err.startswith("Interrupted. The same command goes on")


def test_debug_raises_the_error_itself(cli):
    with pytest.raises(FileNotFoundError):
        cli("report", "--run", "runs/none", "--debug")


def test_help_lists_every_command(cli, capsys):
    from lightning_tasks.app.main import LIGHTNING, VERBS

    cli("--help")
    page = capsys.readouterr().out
    assert all(name in page for name in (*LIGHTNING, *VERBS))


@pytest.mark.parametrize("command", ["list", "--help"])
def test_output_that_nobody_reads_ends_a_command_without_a_word(tmp_path, command):
    read, write = os.pipe()
    os.close(read)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "lightning_tasks", command], stdout=write, stderr=subprocess.PIPE,
                          text=True, env=env, cwd=tmp_path)  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_fit_whose_output_nobody_reads_can_go_on(cli, capsys, monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as unread, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", unread)
        with pytest.raises(SystemExit) as stop:
            cli(*TOY[:-4], "--draws", 0, "--trainer.max_epochs", 3)
    assert stop.value.code == 141 and "error" not in capsys.readouterr().err
    cli(*TOY[:-4], "--draws", 0, "--trainer.max_epochs", 3, "--resume")
    assert Path("runs/ToySequence/default/results.json").is_file()


class Undefined(ToyNothing):
    """What chooses the best epoch is NaN in the first ``epochs``, or is not measured at all."""

    monitor, mode = "val/chosen", "min"

    def __init__(self, epochs: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)

    def evaluate(self, part, batch):
        super().evaluate(part, batch)
        if self.hparams.epochs is not None:
            value = torch.nan if self.current_epoch < self.hparams.epochs else float(self.current_epoch)
            self.track(f"{part}/chosen", torch.tensor(value), len(batch["id"]))


@pytest.mark.parametrize("epochs", [None, 1, 9])
def test_an_epoch_whose_monitored_metric_is_nan_is_never_the_best(cli, capsys, epochs):
    args = ("fit", "--model", "tests.app.test_errors.Undefined", *TOY[3:5], *TOY[7:], "--trainer.max_epochs", 3,
            "--model.epochs", epochs if epochs is not None else "null", "--figures", "none")  # fmt: skip
    run = Path("runs/Undefined/default")
    if epochs is None:
        with pytest.raises(SystemExit):
            cli(*args)
        message = capsys.readouterr().err.split("error: ")[1]
        assert "val/chosen chooses the best epoch, and validation measured no such metric. It has val/loss." in message
        return
    cli(*args)
    if epochs == 1:
        assert results(run)["best_epoch"] == 1 and results(run)["best"] == {"val/chosen": 1.0}
        return
    assert results(run)["best_epoch"] == 2 and not (run / "checkpoints/best.ckpt").exists()
    assert "val/chosen was NaN in every epoch" in results(run)["notes"][-1]
    cli("test", "--config", run / "config.yaml", "--ckpt_path", "last")
    with pytest.raises(SystemExit):
        cli("test", "--run", run)
    assert "default has last.ckpt and no best.ckpt: what chooses the best epoch was NaN" in capsys.readouterr().err


def test_a_gan_that_compares_no_samples_while_it_trains_is_refused_before_it_does(cli, capsys):
    with pytest.raises(SystemExit):
        cli("fit", "--model", "tests.toys.ToyGan", *TOY[3:], "--model.compare", "after")
    message = capsys.readouterr().err.split("error: ")[1]
    assert "val/energy chooses the best epoch of ToyGan" in message and "Set --model.compare always" in message
    assert not Path("runs/ToyGan").exists() or not list(Path("runs/ToyGan").iterdir())
