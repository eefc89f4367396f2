"""Where the application's own files are: beside the packages in a checkout, inside of them in an installed wheel."""

import os
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
CONFIGS = next(p for p in (HOME / "lightning_tasks" / "configs", HOME / "configs") if (p / "_base.yaml").is_file())
DOOR = [sys.executable, "-m", "lightning_tasks"]


def door_environment() -> dict[str, str]:
    """Environment in which ``DOOR`` finds these packages from any folder, installed or not."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))}


def find_config(path: str) -> Path:
    """The file at ``path``, or where there is none and the path begins with ``configs/`` our own of that name."""
    named = Path(path)
    packaged = CONFIGS.joinpath(*named.parts[1:])
    return packaged if not named.exists() and named.parts[:1] == ("configs",) and packaged.is_file() else named


def config_of(file: Path, name: str) -> Path:
    """The configuration that a sweep or a search names: relative to its ``file``, or where none is there our own."""
    beside, ours = file.parent / name, find_config(name)
    return ours if ours.is_file() and not beside.exists() else beside


def as_shown(path: Path) -> str:
    """A path as messages write it: relative to where the user stands, where it lies below, else whole."""
    for whole in (path.absolute(), path.resolve()):
        for here in (Path.cwd(), Path.cwd().resolve()):
            if whole.is_relative_to(here):
                return str(whole.relative_to(here))
    return str(path)
