"""What a shell offers after TAB: commands, options, configurations, runs, classes. No torch: it answers at once."""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import argcomplete

import datamodules
import lightning_tasks
from lightning_tasks.foundations import EXERCISES

from .headers import as_named
from .options import PARSERS
from .places import CONFIGS

# Of the commands of Lightning; keys of the classes are too many, and known to the parser alone, which imports torch.
OPTIONS = {
    "--config": "configuration of the task",
    "--run": "of validate, test, predict: run whose weights are used",
    "--name": "name of the run",
    "--resume": "go on with the run of this name",
    "--overwrite": "replace the run of this name",
    "--ckpt_path": "of validate, test, predict: weights: a file, a run, best or last",
    "--start": "of a fit: weights to begin at, a file or a run",
    "--model": "class of the task",
    "--data": "class of the data",
    "--data.root": "folder of the data",
    "--data.source": "auto, real or simulated",
    "--data.limit": "samples of each pool that are used",
    "--trainer.max_epochs": "epochs",
    "--trainer.devices": "devices",
    "--trainer.precision": "32-true, bf16-mixed and others",
    "--draws": "bootstrap draws of the intervals",
    "--figures": "all, last or none",
    "--debug": "whole errors",
    "--help": "all options",
}
FLAGS = ("--resume", "--overwrite", "--debug", "--help")


def complete(lightning: dict[str, str], verbs: dict[str, str]) -> NoReturn:
    """Write what may come next, as argcomplete asks for it, and leave.

    Args:
        lightning: Commands of Lightning, with what each does.
        verbs: Our own, likewise.
    """
    parser = ArgumentParser(add_help=False)
    commands = parser.add_subparsers()
    for name, text in lightning.items():
        command = commands.add_parser(name, help=text, add_help=False)
        for option, meaning in OPTIONS.items():
            form: dict[str, Any] = {"action": "store_true"} if option in FLAGS else {}
            offered(command.add_argument(option, help=meaning, **form))
    for name, text in verbs.items():
        verb = PARSERS[name]()
        command = commands.add_parser(name, help=text, parents=[verb], add_help=False, conflict_handler="resolve")
        for action in command._actions:
            offered(action)
    argcomplete.autocomplete(parser, validator=lambda word, prefix: word.startswith(prefix))
    raise SystemExit(0)


def offered(action: Any) -> None:
    """Say what a value of an option may be, where that is known."""
    for option in action.option_strings or [action.dest]:
        if option in COMPLETERS:
            action.completer = COMPLETERS[option]


def configurations(folder: str = "") -> Callable[..., list[str]]:
    """Files of ``configs/``, also where the user stands elsewhere; of one folder of it for sweeps and spaces."""

    def completer(prefix: str = "", **_: Any) -> list[str]:
        ours = [as_named(path) for path in sorted(CONFIGS.glob(f"{folder}/*.yaml" if folder else "**/[!_]*.yaml"))]
        return [*ours, *argcomplete.FilesCompleter(("yaml", "yml"))(prefix)]

    return completer


def runs(**_: Any) -> list[str]:
    """Runs and what was made of several, under ``runs/``."""
    return sorted(
        {str(path.parent) for name in ("config.yaml", "results.json") for path in Path("runs").glob(f"*/*/{name}")}
    )


def names(known: Any) -> Callable[..., list[str]]:
    """Those of a list."""
    return lambda **_: list(known)


COMPLETERS = {
    "--config": configurations(),
    "--sweep": configurations("sweeps"),
    "--space": configurations("tune"),
    "--run": runs,
    "--runs": runs,
    "--ckpt_path": runs,
    "--start": runs,
    "--model": names(lightning_tasks.EXPORTS),
    "--data": names(datamodules.EXPORTS),
    "--data.source": names(("auto", "real", "simulated")),
    "--figures": names(("all", "last", "none")),
    "--trainer.precision": names(("32-true", "bf16-mixed", "16-mixed")),
    "name": names([*EXERCISES, *(path.stem for path in sorted(CONFIGS.glob("[!_]*.yaml")))]),
}
