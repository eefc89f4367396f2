"""No verb writes into what another one made, whatever words are given."""

import json
from pathlib import Path

import pytest

from lightning_tasks.runs.kinds import MADE, check_place

FIT = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule")
PLACE = Path("runs/ToySequence/taken")
NAMED = ("--name", "taken", "--overwrite")
COMMANDS = {
    "run": ("fit", *FIT, "--trainer.max_epochs", 1, *NAMED),
    "kfold": ("kfold", *FIT, "--folds", 2, *NAMED),
    "sweep": ("sweep", *FIT, "--grid", "model.width=2,4", *NAMED),
    "tune": ("tune", *FIT, "--trainer.max_epochs", 1, "--space", "space.yaml", "--study", "taken"),
    "ensemble": ("ensemble", "--runs", "runs/ToySequence/a", "runs/ToySequence/b", *NAMED),
    "inspect": ("inspect", *FIT, *NAMED),
    "exercise": ("exercise", "G1", "--runs", "there"),
}
KINDS = ("run", "kfold", "kfold, begun", "sweep", "sweep, begun", "tune, begun", "ensemble", "exercise", "runs")


def results_of(kind):
    return json.dumps({"kind": kind} if kind != "run" else {"task": "ToySequence"})


def left_by(kind, folder):
    """Some files that a finished verb leaves, or with ``kind, begun`` one that did not end."""
    name, _, begun = kind.partition(", ")
    below = {"run": ".", "kfold": "fold_0", "sweep": "width=2/seed_0", "tune": "trials/tpe_0", "runs": "mine"}
    files = {f"{below[name]}/config.yaml": "model: x"} if name in below else {}
    files |= {"study.journal": ""} if name == "tune" else {}
    files |= {} if begun or name == "runs" else {"results.json": results_of(name)}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.mark.parametrize(
    "kind, verb", [(kind, verb) for kind in KINDS for verb in COMMANDS if kind.split(", ")[0] != verb]
)
def test_overwrite_replaces_nothing_of_another_kind(tmp_path, cli, capsys, kind, verb):
    place = Path("there/exercises/G1") if verb == "exercise" else PLACE
    left_by(kind, place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    Path("space.yaml").write_text("space:\n  model.width: {type: categorical, choices: [2, 8]}\n")
    with pytest.raises(SystemExit):
        cli(*COMMANDS[verb])
    shown = capsys.readouterr().err
    option = {"tune": "--study", "exercise": "--runs"}.get(verb, "--name")
    assert f"{place} holds {MADE[kind.split(', ')[0]]}" in shown and f"Give another {option}." in shown
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_run_with_others_below_it_is_not_replaced(tmp_path, toy, cli, capsys):
    toy("ToySequence", "--trainer.max_epochs", 1)
    toy("ToySequence", "--trainer.max_epochs", 1, name="default/below")
    with pytest.raises(SystemExit):
        toy("ToySequence", "--trainer.max_epochs", 1, "--overwrite")
    assert "holds other runs, such as below" in capsys.readouterr().err
    assert Path("runs/ToySequence/default/below/results.json").is_file()


def test_a_verb_goes_on_in_its_own_directory_and_over_what_is_damaged_there(tmp_path):
    for kind in ("kfold", "sweep", "tune", "ensemble"):
        left_by(kind, folder := Path(kind))
        check_place(folder, kind)
    Path("ensemble/results.json").write_text('{"kind": ')
    check_place(Path("ensemble"), "ensemble", "files")
    with pytest.raises(FileExistsError, match="holds files of something else"):
        check_place(Path("ensemble"), "ensemble")
