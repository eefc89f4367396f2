"""What ``results.json`` is made of, and how it is read."""

import math
import subprocess
from pathlib import Path
from typing import Any

from lightning_tasks.common.json_files import read_json

from .directory import RunDir


def clean_json(value: Any) -> Any:
    """NaN and infinity become null: strict readers refuse them. Paths become texts."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {k: clean_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_results(run: RunDir) -> dict[str, Any]:
    """``results.json`` of a run.

    Raises:
        FileNotFoundError: It has none; the message says how to go on.
        ValueError: It cannot be read.
    """
    if not run.results.is_file():
        word = "--overwrite" if run.newest() is None else "--resume"
        raise FileNotFoundError(
            f"{run.path} has no results.json: its fit did not finish. Go on with it: fit --config {run.config} {word}."
        )
    return read_json(run.results)


def git_commit() -> str | None:
    """Commit of the code, with ``+`` where files differ from it; None outside a repository."""
    here = Path(__file__).parent

    def git(*args: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *args], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
