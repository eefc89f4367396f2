"""What made a directory, so that no verb writes into, or deletes, what another one made."""

from pathlib import Path

from lightning_tasks.common.json_files import read_json

UNFINISHED = ".unfinished"  # stands in a folder as long as a verb has not written all of it
MADE = {
    "run": "a run",
    "kfold": "the folds of a kfold",
    "bags": "the bags of a kfold",
    "sweep": "the runs of a sweep",
    "tune": "a search",
    "ensemble": "an ensemble",
    "inspect": "a report of inspect",
    "exercise": "an exercise",
    "comparison": "a comparison of runs",
    "runs": "other runs",
    "files": "files of something else",
}
OF_RUNS = {"kfold", "bags", "sweep", "tune"}  # whose runs lie below them


def is_filled(folder: Path) -> bool:
    """Whether a folder is there and holds anything."""
    return folder.is_dir() and any(folder.iterdir())


def holds_results(folder: Path) -> bool:
    """Whether a folder holds anything but what a verb left that did not end."""
    return is_filled(folder) and not (folder / UNFINISHED).is_file()


def kind_of(folder: Path) -> str:
    """What made a directory: ``run`` stands for a fit, ``comparison`` for ``report --runs``, others for their verb."""
    for name in ("results.json", "inspect.json"):
        if (folder / name).is_file():
            return read_json(folder / name).get("kind", "run")
    return "run"


def check_place(folder: Path, *kinds: str, option: str = "--name") -> None:
    """See that a verb writes into no directory that something else made, also where ``--overwrite`` is given.

    Args:
        folder: Where it is to write.
        kinds: What may stand there, of the keys of ``MADE``: what the verb makes, and perhaps ``files``.
        option: Of the command line, that names the directory.

    Raises:
        FileExistsError: Something else stands there, or runs lie below what the verb would replace.
    """
    held = _held_kind(folder)
    below = [] if held is None or OF_RUNS & {*kinds} else sorted(folder.glob("*/**/config.yaml"))
    if held in (None, *kinds) and not below:
        return
    what = f"other runs, such as {below[0].parent.relative_to(folder)}" if held in kinds else MADE.get(held, held)
    raise FileExistsError(f"{folder} holds {what}, which is not replaced by this. Give another {option}.")


def _held_kind(folder: Path) -> str | None:
    """As ``kind_of``, also of what did not end; ``runs`` and ``files`` are those of nobody, None is nothing."""
    if not holds_results(folder):
        return None
    if (folder / "study.journal").is_file():
        return "tune"
    if (folder / "config.yaml").is_file():
        return "run"
    try:
        made = kind_of(folder)
    except ValueError:  # a damaged file may be written anew
        made = "run"
    if made != "run":
        return made
    for kind, place in (("kfold", "fold_*"), ("sweep", "*/seed_*"), ("runs", "**")):
        if any(folder.glob(f"{place}/config.yaml")):
            return kind
    return "files"
