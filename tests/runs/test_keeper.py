"""Two names of one checkpoint where the last epoch is the best, and two files where it is not."""

import os

from lightning_tasks.runs import keeper
from lightning_tasks.runs.checkpoint import read_checkpoint


def test_the_last_epoch_is_written_once_where_it_is_the_best(toy, monkeypatch):
    quick = ("--model.schedule", "none", "--baselines", "false", "--figures", "none")
    run = toy("ToySequence", "--trainer.max_epochs", 1, *quick)
    best, last = (run / f"checkpoints/{name}.ckpt" for name in ("best", "last"))
    assert os.path.samefile(best, last)
    toy("ToySequence", "--trainer.max_epochs", 2, *quick, "--resume", "--model.lr", 1e-12)  # no better than before
    assert not os.path.samefile(best, last)
    assert (read_checkpoint(best)["epoch"], read_checkpoint(last)["epoch"]) == (0, 1)

    monkeypatch.setattr(keeper.os, "link", lambda *names: (_ for _ in ()).throw(OSError("no second names here")))
    run = toy("ToySequence", "--trainer.max_epochs", 1, *quick, name="copies")
    best, last = (run / f"checkpoints/{name}.ckpt" for name in ("best", "last"))
    assert not os.path.samefile(best, last)
    assert read_checkpoint(best)["global_step"] == read_checkpoint(last)["global_step"]
