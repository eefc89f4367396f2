"""Damaged configurations, command lines, checkpoints and run directories: taken, or refused in an error of ours."""

import shlex
from collections import Counter
from pathlib import Path

import pytest
import torch

from lightning_tasks.app.cli import Plan
from lightning_tasks.app.main import LIGHTNING, checked_arguments
from lightning_tasks.app.options import parse
from lightning_tasks.app.preflight import preflight
from lightning_tasks.app.verbs import report
from lightning_tasks.app.verbs.sweep.sweep import read_file
from lightning_tasks.app.verbs.tune.space import read_space
from lightning_tasks.nets.weights import load_file
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.frozen import load_frozen
from tests.damage import outcomes
from tests.toys import ToySequence

CONFIG = """model:
  class_path: tests.toys.ToySequence
  init_args: {width: 8, lr: 1.0e-3, optimizer: adamw, class_weights: null}
data:
  class_path: tests.toys.ToyDataModule
  init_args:
    root: data
    batch_size: 32
    augment: []
trainer: {max_epochs: 2, precision: 32-true}
seed_everything: 3
early_stopping: 2
"""
SWEEP = "title: Sizes\nconfig: x.yaml\nsettings: {model.lr: 0.5}\nseeds: [0, 1]\ngrid: {model.width: [2, 4]}\n"
SPACE = (
    "space:\n  model.lr: {type: float, low: 1e-3, high: 0.5, log: true}\n  model.width: {type: int, low: 2, high: 8}\n"
)
LINES = (
    "fit --config x.yaml --model.lr 0.01 --trainer.max_epochs 3 --name a --early_stopping 3 --figures last",
    "test --config x.yaml --ckpt_path last.ckpt --draws 20 --data.batch_size=3",
    "kfold --config x.yaml --folds 3 --fold 1 --jobs 2 --model.optimizer sgd",
    "sweep --config x.yaml --grid model.lr=0.001,0.01 --grid model.width=2,4 --seeds 0,1 --metric test/acc",
    "tune --config x.yaml --space space.yaml --trials 3 --sampler tpe --pruner median",
    "inspect --config x.yaml --data.limit 20",
)


def write_yaml() -> None:
    for name, content in (("x", CONFIG), ("sweep", SWEEP), ("space", SPACE)):
        Path(f"{name}.yaml").write_text(content)


def yaml_files(tmp_path):
    """Read as far as the parser: no network and no data are built."""
    names = ("x.yaml", "sweep.yaml", "space.yaml")

    def read(place: int, content: bytes):
        write_yaml()
        Path(names[place]).write_bytes(content)
        preflight([("--config", "--sweep", "--space")[place], names[place]])
        if place == 0:
            return Plan(["--config", "x.yaml"])
        return (read_file if place == 1 else read_space)(Path(names[place]))

    return [text.encode() for text in (CONFIG, SWEEP, SPACE)], read, ("",)


def command_lines(tmp_path):
    """Parsed, and not run."""
    write_yaml()
    torch.save({"state_dict": {}}, "last.ckpt")

    def read(place: int, content: bytes):
        try:
            args = shlex.split(content.decode("utf-8", "replace").replace("\0", ""))
        except ValueError:
            return  # the shell's business
        if not args:
            return
        command, *rest = args
        try:
            if command in LIGHTNING:
                Plan(checked_arguments(command, rest))
            elif command in ("kfold", "sweep", "tune", "inspect"):
                _, others = parse(command, preflight(rest))
                Plan(others)
        except SystemExit as stop:  # help was shown
            if stop.code:
                raise

    return [line.encode() for line in LINES], read, ("",)


def checkpoints(tmp_path):
    """As weights of the configured task, as a run that another task builds on, and as first weights of a network."""
    arguments = {"width": 8, "class_names": ["a", "b"], "_class_path": "tests.toys.ToySequence"}
    Path("run/checkpoints").mkdir(parents=True)
    torch.save({"state_dict": build(arguments).state_dict(), "epoch": 3, "hyper_parameters": arguments, "names": {}},
               path := Path("run/checkpoints/best.ckpt"))  # fmt: skip

    def read(place: int, content: bytes):
        path.write_bytes(content)
        if place == 0:
            load_weights(build(arguments), path)
        return load_frozen("run")

    return [path.read_bytes()] * 2, read, ("best.ckpt",)


def build(arguments: dict) -> ToySequence:
    return ToySequence(**{name: value for name, value in arguments.items() if name != "_class_path"})


def first_weights(tmp_path):
    """A state dict as torch writes it today, as it did before its files were archives, and a checkpoint of ours."""
    state = torch.nn.Linear(3, 2).state_dict()
    contents = {
        "new.pt": state,
        "old.pt": state,
        "best.ckpt": {"state_dict": {f"net.{k}": v for k, v in state.items()}},
    }
    for name, content in contents.items():
        torch.save(content, name, _use_new_zipfile_serialization=name != "old.pt")
    valid = [Path(name).read_bytes() for name in contents]

    def read(place: int, content: bytes):
        path = Path(list(contents)[place])
        path.write_bytes(content)
        return load_file(torch.nn.Linear(3, 2), path)

    return valid, read, tuple(contents)


def runs(tmp_path):
    """What ``report`` reads of a run that another person made."""
    from tests.processes import Command

    fit = Command("fit", "--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", 3,
                  "--trainer.max_epochs", 2, "--figures", "none", log=Path("fit.log"))  # fmt: skip
    assert fit.wait() == 0, fit.said()
    folder = Path("runs/ToySequence/default")
    names = ("results.json", "metrics.csv", "config.yaml")
    valid = [(folder / name).read_bytes() for name in names]

    def read(place: int, content: bytes):
        for name, whole in zip(names, valid, strict=True):
            (folder / name).write_bytes(whole)
        (folder / names[place]).write_bytes(content)
        options, rest = parse("report", ["--run", str(folder)])
        report.run(options, rest)

    return valid, read, names


KINDS = {"YAML": yaml_files, "command lines": command_lines, "checkpoints": checkpoints,
         "first weights": first_weights, "runs": runs}  # fmt: skip


@pytest.mark.parametrize("examples", [20, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_is_taken_or_refused_in_plain_words(tmp_path, kind, examples):
    valid, read, names = KINDS[kind](tmp_path)
    found = outcomes(valid, read, names, examples)
    print(f"{kind}: {dict(found)}")
    assert set(found) <= {"read", "refused"} and sum(found.values()) >= examples, Counter(found).most_common(8)
