"""A folder that the user names holds the data, or the command ends before it has written anything."""

from pathlib import Path

import pytest

import datamodules
from datamodules.core.made import MadeDataModule

NAMED = [name for name in datamodules.__all__ if name != "DataModule"]


@pytest.mark.parametrize("name", NAMED)
def test_every_set_refuses_a_folder_without_its_data(name, tmp_path):
    cls = getattr(datamodules, name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("something else")
    for root in ("other", "nowhere", "other/notes.txt"):
        kind = ValueError if issubclass(cls, MadeDataModule) else FileNotFoundError
        with pytest.raises(kind, match="add --data.source simulated"):
            cls(root=str(tmp_path / root)).setup()


@pytest.mark.parametrize("verb", ["fit", "inspect", "kfold", "sweep"])
def test_every_verb_refuses_it_from_a_flag_and_from_a_file(cli, capsys, tmp_path, verb):
    toy = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule")
    extra = {"kfold": ("--folds", 2), "sweep": ("--seeds", "0")}.get(verb, ())
    config = tmp_path / "c.yaml"
    config.write_text(
        "model: {class_path: tests.toys.ToySequence}\n"
        "data: {class_path: tests.toys.ToyDataModule, init_args: {root: nowhere}}\n"
    )
    for args in ((*toy, "--data.root", tmp_path), ("--config", config)):
        with pytest.raises(SystemExit):
            cli(verb, *args, *extra)
        text = capsys.readouterr()
        assert "Looked for toy.npz" in text.err and "add --data.source simulated" in text.err
        assert not list(Path("runs").rglob("config.yaml"))
