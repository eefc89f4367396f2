"""Bad input gives one clear error of at most three lines, and a misspelt name the nearest valid one."""

from pathlib import Path

import pytest

from tests.app.test_errors import TOY
from tests.conftest import ROOT

MARS = ("fit", "--config", ROOT / "configs/mars_unet.yaml")

CASES = {
    "a misspelt task option": ((*MARS, "--model.lrr", 1), "MarsTask has no option 'lrr'. Did you mean 'lr'?"),
    "a misspelt data option": (
        (*MARS, "--data.batchsize", 1),
        "no option 'batchsize'. Did you mean --data.batch_size?",
    ),
    "a misspelt trainer option": ((*MARS, "--trainer.max_epoch", 1), "Did you mean --trainer.max_epochs?"),
    "an option of another type": ((*MARS, "--model.lr", "abc"), "model.lr='abc': expected float."),
    "an unknown class": ((*MARS, "--model", "MarsTsk"), "model='MarsTsk': no such class. Did you mean 'MarsTask'?"),
    "an unknown network": ((*MARS, "--model.net", "unett"), "net='unett' is unknown. Did you mean 'unet'"),
    "an unknown encoder": ((*MARS, "--model.net", "smp/Unet/resnet19", "--model.net_args", "null"), "resnet18"),
    "an unknown network option": ((*MARS, "--model.net_args.widht", 4), "Did you mean 'width'?"),
    "an unknown loss": ((*MARS, "--model.loss", "dise"), "dice"),
    "an unknown augmentation": ((*MARS, "--data.augment", "[hflipp]"), "unknown op 'hflipp'. Did you mean 'hflip'?"),
    "an unknown optimiser": ((*TOY, "--model.optimizer", "admw"), "optimizer='admw' is unknown. Did you mean 'adamw'?"),
    "an unknown choice": ((*MARS, "--model.tta", "flip"), "tta='flip': choose none, hflip, vflip or flips."),
    "class weights of the wrong number": ((*MARS, "--model.class_weights", "[1, 2]"), "2 numbers; there are 5 classes"),
    "a missing config": (("fit", "--config", "nope.yaml"), "nope.yaml does not exist"),
    "a missing data file": ((*MARS, "--data.source", "real"), "Looked for mars_for_students.npz"),
    "a fold that is not there": ((*TOY, "--data.fold", 7), "fold"),
    "a missing exclude file": ((*TOY, "--data.exclude", "x.csv"), "x.csv: no such file"),
    "a missing groups file": ((*TOY, "--data.groups", "g.csv"), "g.csv: no such file"),
    "an unknown command": (("fitt",), "unknown command 'fitt'. Did you mean 'fit'?"),
    "test without weights": (("test", *TOY[1:]), "test needs weights: add --ckpt_path"),
    "weights that are not there": (("test", *TOY[1:], "--ckpt_path", "x.ckpt"), "x.ckpt does not exist"),
    "a run that is not there": (("report", "--run", "runs/none"), "is no run"),
    "nothing to resume": ((*TOY, "--resume"), "nothing to continue"),
    "resume and overwrite": ((*TOY, "--resume", "--overwrite"), "give one of them"),
    "a limit below the classes": (
        ("fit", "--config", ROOT / "configs/mnist_cnn.yaml", "--data.limit", 5),
        "limit=5 keeps fewer samples than there are classes: give 10 or more",
    ),
    "a word in place of a list": ((*MARS, "--data.augment", "foo"), "data.augment='foo': expected list"),
    "a seed below 0": ((*TOY, "--seed_everything", -1), "--seed_everything -1: need a whole number from 0"),
    "a number of no option": (("kfold", *TOY[1:], "--bootstrap", 3), "'3' belongs to no option: what stands before"),
    "a file of the user's that is not there": (
        ("fit", "--config", ROOT / "configs/char_lstm.yaml", "--data.file", "nope.txt"),
        "Looked for nope.txt",
    ),
    "nothing to test": (("test",), "test needs a task: add --run RUN of a trained one, --config"),
    "a list of no name": (("list", "nope"), "`python cli.py list` has all of them"),
    "a limit that leaves nothing": ((*TOY, "--data.limit", 0), "limit=0: need 1 or more"),
}


WORDS = {  # of other tools
    "--epochs": "--trainer.max_epochs", "--max_epochs": "--trainer.max_epochs",
    "--trainer.epochs": "--trainer.max_epochs", "--lr": "--model.lr", "--learning-rate": "--model.lr",
    "--model.learning_rate": "--model.lr", "--trainer.lr": "--model.lr",
    "--batch_size": "--data.batch_size", "--batch-size": "--data.batch_size", "--model.batch_size": "--data.batch_size",
    "--gpus": "--trainer.devices", "--optimizer": "--model.optimizer", "--lr_scheduler": "--model.schedule",
    "--seed": "--seed_everything", "--data.workers": "--data.num_workers", "--data_dir": "--data.root",
    "--patience": "--early_stopping", "--precision": "--trainer.precision", "--output_dir": "--runs",
}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_words_of_other_tools_lead_to_the_right_key(cli, capsys, word):
    with pytest.raises(SystemExit):
        cli(*TOY, word, 1)
    assert f"Did you mean {WORDS[word]}?" in capsys.readouterr().err


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_clear_error(cli, capsys, case):
    args, expected = CASES[case]
    with pytest.raises(SystemExit) as stop:
        cli(*args)
    assert stop.value.code == 2
    message = capsys.readouterr().err.split("error: ", 1)[1].strip()
    assert expected in message and len(message.splitlines()) <= 3, message
    assert not list(Path().glob("runs/*/*")), "a run that never began leaves nothing behind"
