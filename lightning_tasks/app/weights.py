"""Which weights a command means: ``--run R``, ``--ckpt_path`` of a file, of a run directory, ``best`` or ``last``."""

from pathlib import Path

from lightning_tasks.common.unfinished import no_checkpoint
from lightning_tasks.runs.directory import RunDir, find_run

from .places import as_shown

WORDS = ("best", "last")  # weights of the run that configuration and --name stand for


def run_and_rest(command: str, args: list[str]) -> tuple[str | None, list[str]]:
    """What ``--run`` names, or None, and the other arguments.

    Raises:
        ValueError: It names nothing, or the command trains.
    """
    at = next((i for i, arg in enumerate(args) if arg == "--run" or arg.startswith("--run=")), None)
    if at is None:
        return None, args
    if command == "fit":
        raise ValueError("fit has no --run: --name names the run, --resume goes on with it, --start begins at weights.")
    joined = args[at].startswith("--run=")
    if not joined and at + 1 == len(args):
        raise ValueError(f"--run needs a run directory, such as {command} --run runs/mnist_cnn/latest.")
    value = args[at].partition("=")[2] if joined else args[at + 1]
    return value, args[:at] + args[at + (1 if joined else 2) :]


def of_run(path: str, rest: list[str]) -> list[str]:
    """Arguments with the run's own configuration and its best weights before ``rest``.

    Raises:
        FileNotFoundError: It is no run.
    """
    run = find_run(path)
    has_weights = any(arg.split("=")[0] == "--ckpt_path" for arg in rest)
    return ["--config", str(run.config), *([] if has_weights else ["--ckpt_path", str(run.best)]), *rest]


def file_of(value: str) -> str:
    """The checkpoint that ``--ckpt_path`` names: of a run directory its ``best.ckpt``, said aloud.

    Raises:
        FileNotFoundError: No such file, or a folder that is no run.
    """
    path = Path(value)
    if path.is_dir():
        best = checkpoint_at(path)
        if best is None:
            raise no_checkpoint(find_run(path).best)
        print(f"Weights: {as_shown(best)}")
        return str(best)
    if value.endswith(".ckpt") and not path.is_file():
        raise no_checkpoint(path)
    return value


def checkpoint_at(path: Path) -> Path | None:
    """The file at ``path``, or of a run directory or its ``checkpoints`` the best one; None where there is none."""
    places = (path, path / "checkpoints" / "best.ckpt", path / "best.ckpt")
    return next((place for place in places if place.is_file()), None)


def of_word(value: str, run: RunDir) -> str:
    """The file that ``best`` or ``last`` means for the run of a configuration; other values as they are.

    Raises:
        FileNotFoundError: That run has no such file.
    """
    if value not in WORDS:
        return value
    path = run.best if value == "best" else run.last
    if not path.is_file() and run.config.is_file():
        raise no_checkpoint(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"--ckpt_path {value}: {as_shown(path)} does not exist. Name the run by --run R or --name."
        )
    print(f"Weights: {as_shown(path)}")
    return str(path)


def folder_of(checkpoint: Path) -> Path:
    """Where to write what was made with a checkpoint: its run directory, or for a file by itself its folder."""
    parent = checkpoint.resolve().parent
    return parent.parent if parent.name == "checkpoints" else parent
