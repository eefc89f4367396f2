"""A folder that the user names holds the data, or the command ends before it has written anything."""

import logging
import re
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_info

import datamodules
from datamodules.core.made import MadeDataModule
from lightning_tasks.app.messages import SAYS_NOTHING, SIMULATED, said_once

NAMED = [name for name in datamodules.__all__ if name != "DataModule"]
# Files by which sets are known, as they are handed out. Here they are empty: no other set reads them.
FILES_OF = {
    "blood_cells": ("training_set.npz",),
    "brain_tumor": ("Training/glioma/1.jpg", "Training/notumor/2.jpg"),
    "cifar10": ("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/test_batch"),
    "celeba": ("img_align_celeba/000001.jpg",),
    "FashionMNIST": ("FashionMNIST/raw/train-images-idx3-ubyte.gz", "FashionMNIST/raw/train-labels-idx1-ubyte.gz"),
    "gas": ("gas_hourly.csv",),
    "ag_news": ("ag_news.csv",),
    "imdb": ("imdb_train.csv", "imdb_test.csv"),
    "isic": ("new-train-metadata.csv", "train-image.hdf5"),
    "MNIST": ("MNIST/raw/train-images-idx3-ubyte.gz", "MNIST/raw/train-labels-idx1-ubyte.gz"),
    "mars": ("mars_for_students.npz",),
    "phrase_bank": ("Sentences.txt",),
    "shakespeare": ("shakespeare.txt",),
    "toxic": ("data.csv",),
    "wrist": ("dataset.csv", "images_part1/1.png"),
}


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A folder for each of ``FILES_OF``, one with nothing in it, one with notes, a file, and a folder that is none."""
    home = tmp_path_factory.mktemp("others")
    for name, files in {**FILES_OF, "notes": ("notes.txt",)}.items():
        for file in files:
            (home / name / file).parent.mkdir(parents=True, exist_ok=True)
            (home / name / file).touch()
    (home / "empty").mkdir()
    return [*home.iterdir(), home / "notes/notes.txt", home / "nowhere"]


@pytest.mark.parametrize("name", NAMED)
def test_every_set_refuses_a_folder_without_its_data(name, others):
    """It says what it looked for and where, what it is instead, and how to ask for the simulated set."""
    cls, own = getattr(datamodules, name), 0
    for root in others:
        with pytest.raises((FileNotFoundError, ValueError)) as caught:
            cls(root=str(root)).setup()
        text = str(caught.value)
        assert str(root) in text
        if "add --data.source simulated" not in text:  # its own files, which are empty or not complete
            own += 1
            assert any(str(root / file.split("/")[0]) in text for file in FILES_OF[root.name]) or "but not" in text
        elif issubclass(cls, MadeDataModule):
            assert "is made, not read" in text
        else:
            assert text.startswith("Looked for ") or "is not read: the real table comes with" in text
    assert own <= 1


@pytest.mark.parametrize("name", [name for name in NAMED if issubclass(getattr(datamodules, name), MadeDataModule)])
def test_what_has_no_real_set_is_made_and_not_simulated(name):
    few = {"CuesDataModule": {"n_train": 16, "n_test": 8}, "DigitSequencesDataModule": {"n_train": 200, "n_test": 40}}
    (data := getattr(datamodules, name)(**few.get(name, {}))).setup()
    assert data.data_source == "made" and data.notes == []
    with pytest.raises(ValueError, match="has no real data"):
        getattr(datamodules, name)(source="real").setup()


@pytest.mark.parametrize("root", ["FashionMNIST", "FashionMNIST/raw"])
def test_a_set_whose_files_have_the_names_of_another_is_told_by_its_folder(tmp_path, root):
    for (file,) in [names[:1] for names in datamodules.MNISTDataModule.layouts[0]]:
        (tmp_path / "FashionMNIST" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "FashionMNIST" / file).touch()
    with pytest.raises(ValueError, match="holds FashionMNIST. Set --data.root .* MNIST.*add --data.source simulated"):
        datamodules.MNISTDataModule(root=str(tmp_path / root)).setup()


@pytest.mark.parametrize("verb", ["fit", "inspect", "kfold", "sweep", "tune"])
def test_every_verb_refuses_it_from_a_flag_and_from_a_file(cli, capsys, tmp_path, verb):
    toy = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule")
    (tmp_path / "space.yaml").write_text("space: {model.lr: {type: float, low: 1e-3, high: 0.5}}\n")
    trials = ("--space", "space.yaml", "--trials", 1, "--trainer.max_epochs", 1)
    extra = {"kfold": ("--folds", 2), "sweep": ("--seeds", "0"), "tune": trials}
    config = tmp_path / "c.yaml"
    config.write_text(
        "model: {class_path: tests.toys.ToySequence}\n"
        "data: {class_path: tests.toys.ToyDataModule, init_args: {root: nowhere}}\n"
    )
    for args in ((*toy, "--data.root", tmp_path), ("--config", config)):
        with pytest.raises(SystemExit):
            cli(verb, *args, *extra.get(verb, ()))
        text = capsys.readouterr()
        assert "Looked for toy.npz" in text.err and "add --data.source simulated" in text.err
        assert not list(Path("runs").rglob("config.yaml"))


LONG = pytest.param("tune", marks=pytest.mark.docs)  # three fits


@pytest.mark.parametrize("verb", ["fit", "kfold", "sweep", LONG])
def test_simulated_data_is_said_once_at_the_beginning_and_once_in_the_last_lines(cli, caplog, capsys, tmp_path, verb):
    toy = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--trainer.max_epochs", 1,
           "--draws", 0, "--figures", "none", "--trainer.enable_progress_bar", "false")  # fmt: skip
    (tmp_path / "space.yaml").write_text("space: {model.lr: {type: float, low: 1e-3, high: 0.5}}\n")
    extra = {"kfold": ("--folds", 2), "sweep": ("--seeds", "0,1"),
             "tune": ("--space", "space.yaml", "--trials", 1, "--control", "none", "--seeds", "1")}  # fmt: skip
    caplog.set_level(logging.INFO, "lightning.pytorch.utilities.rank_zero")
    cli(verb, *toy, *extra.get(verb, ()))
    begun = [record.getMessage() for record in caplog.records if record.getMessage().startswith(SIMULATED)]
    assert begun == ["SIMULATED DATA: no toy.npz in data or data/toy."]
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if SIMULATED in line] == [SAYS_NOTHING] and SAYS_NOTHING in lines[-6:]
    tables = [line for line in lines if re.match(r"Test part|Scored: |Mean ± sd", line)]
    assert tables and all("simulated data, not calibrated" in line.lower() for line in tables)


def test_a_message_is_said_once_in_a_command(caplog):
    caplog.set_level(logging.INFO, "lightning.pytorch.utilities.rank_zero")
    for _ in range(2):
        with said_once():
            for message in ("8 duplicates", "a gap", "8 duplicates"):  # of two folds on the same data
                rank_zero_info(message)
    assert [record.getMessage() for record in caplog.records] == ["8 duplicates", "a gap"] * 2
