"""Dispatch: Lightning's commands to ``TaskCLI``, our verbs to their modules, errors to one line."""

import os
import sys
import threading
from importlib import import_module
from pathlib import Path

from lightning_tasks.common.atomic import FULL
from lightning_tasks.common.call import CALL
from lightning_tasks.common.choices import nearest
from lightning_tasks.common.lock import BUSY, Busy
from lightning_tasks.runs.directory import holds_folds

from .errors import describe
from .messages import said_once
from .options import parse
from .output import is_unread
from .preflight import check_given, check_positional, preflight
from .weights import of_run, run_and_rest

INTERRUPTED = 130  # exit status of a command that Ctrl-C ended: 128 and the number of SIGINT
UNREAD = 141  # of one whose output nobody reads any more (`| head`): 128 and the number of SIGPIPE
LIGHTNING = {
    "fit": "train, test the best checkpoint, write the run directory",
    "validate": "score the validation part with given weights (--run, or --config and --ckpt_path)",
    "test": "score the test part with given weights (--run, or --config and --ckpt_path)",
    "predict": "write predictions of a run, or of the mean of k folds (--run, or --config and --ckpt_path)",
}
VERBS = {
    "list": "show what can be trained: data, expected time and score; of one task all commands (NAME, --json)",
    "kfold": "train every fold or bag, then pool the out-of-fold scores (--folds, --fold, --jobs, --bootstrap)",
    "sweep": "train every combination with every seed: table and figure of mean and sd (--grid, --seeds, --sweep)",
    "tune": "search hyperparameters with pruning, beside random search at equal budget (--space, --trials)",
    "ensemble": "score the mean of several members beside each of them (--runs A B ..., --fit-weights)",
    "inspect": "report on a data set: duplicates, conflicts, outliers, leaks; writes exclude.csv (--config)",
    "submit": "write the assignment's submission file from a run or k-fold directory (--run)",
    "calibrate": "fit temperature, vector or isotonic scaling on a run's validation part (--run, --method)",
    "explain": "draw Grad-CAM and saliency of the most confident right and wrong predictions (--run)",
    "sample": "make text, pictures or points with a generative run, seeded (--run, -n, --seed, --prompt)",
    "words": "nearest words, analogies and vectors of a run with an embedding (--run, --closest, --analogy)",
    "layers": "show a network layer by layer: sizes, receptive fields, parameters, multiply-adds (--config, --size)",
    "export": "write a run, or the mean of several, as ONNX or torch.export, checked, with a model card (--run)",
    "exercise": "compute an exercise of a sheet: its tables, each value beside the expected one (NAME; none lists all)",
    "report": "write one self-contained HTML page about a run (--run), or several side by side (--runs A B ...)",
}


def main(args: list[str] | None = None) -> None:
    """Run one command, as ``python cli.py`` does.

    Args:
        args: Command line without the program's name; None takes the process's own.

    Raises:
        SystemExit: Status 2 after a message on standard error, 75 where another process is at work there, 130 after
            Ctrl-C, 141 without a word where nobody reads the output any more; with ``--debug`` the error itself is
            raised.
    """
    if args is None and "_ARGCOMPLETE" in os.environ:  # the shell asks what may come next
        from .completion import complete

        complete(LIGHTNING, VERBS)
    args = list(sys.argv[1:] if args is None else args)
    threading.excepthook = quiet_when_full
    debug = "--debug" in args
    args = [a for a in args if a != "--debug"]
    try:
        try:
            with said_once():
                _run(args)
        finally:
            sys.stdout.flush()  # here, where it can be seen that nobody reads it
    except SystemExit as stop:
        if not isinstance(stop.code, str):
            raise
        print(stop.code, file=sys.stderr)  # of training that Ctrl-C ended, with what goes on from there
        raise SystemExit(INTERRUPTED) from None
    except KeyboardInterrupt:  # outside of training, of which Lightning takes care
        print(
            "Interrupted. The same command goes on from there; a fit of which an epoch had ended, with --resume.",
            file=sys.stderr,
        )
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        if is_unread(error):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more
            raise SystemExit(UNREAD) from None
        if debug:
            raise
        print(f"error: {describe(error)}", file=sys.stderr)
        raise SystemExit(BUSY if isinstance(error, Busy) else 2) from error


def quiet_when_full(failure: threading.ExceptHookArgs) -> None:
    """Say nothing of a thread that found the disk full: TensorBoard's writer raises the same in the main thread."""
    if not (isinstance(failure.exc_value, OSError) and failure.exc_value.errno in FULL):
        threading.__excepthook__(failure)


def _run(args: list[str]) -> None:
    command = args[0] if args else "--help"
    check_positional(command, args[1:])
    if command in ("-h", "--help"):
        print(overview())
    elif command in VERBS:
        options, rest = parse(command, preflight(args[1:]))
        import_module(f".verbs.{command}", __package__).run(options, rest)  # imports torch
    elif command in LIGHTNING:
        _run_lightning(command, args[1:])
    else:
        known = [*LIGHTNING, *VERBS]
        raise ValueError(f"unknown command {command!r}.{nearest(command, known)} Commands: {', '.join(known)}.")


def _run_lightning(command: str, args: list[str]) -> None:
    """Arguments are looked at before torch is imported."""
    run, rest = run_and_rest(command, args)
    if command == "predict" and run is not None and holds_folds(run):
        rest = preflight(rest)
        from .predict_folds import predict_folds

        predict_folds(Path(run), rest)
    else:
        checked = checked_arguments(command, args)
        from .cli import TaskCLI

        TaskCLI([command, *checked])


def checked_arguments(command: str, args: list[str]) -> list[str]:
    """Arguments of a command of Lightning as its parser takes them."""
    run, rest = run_and_rest(command, args)
    given = rest if run is None else of_run(run, rest)
    check_given(command, given)
    return preflight(given)


def overview() -> str:
    """The page of ``--help``."""
    lines = [f"usage: {CALL} COMMAND --config configs/TASK.yaml [--model.lr 0.001 ...] [--debug]", ""]
    lines += [f"  {name:10} {text}" for name, text in {**LIGHTNING, **VERBS}.items()]
    lines += ["", f"{CALL} COMMAND --help tells a command's options. TensorBoard: tensorboard --logdir runs"]
    return "\n".join(lines)
