"""What is said of a run that has no weights, or not the ones that a command asks of it. Free of torch."""

from pathlib import Path


def no_checkpoint(path: str | Path) -> FileNotFoundError:
    """The error of a checkpoint that is not there: where it is of a run, what became of that, and what to do.

    Args:
        path: ``<run>/checkpoints/best.ckpt`` or ``last.ckpt``, or any other file.
    """
    path = Path(path)
    run = path.parent.parent
    config, is_done = run / "config.yaml", (run / "results.json").is_file()
    if path.parent.name != "checkpoints" or path.stem not in ("best", "last") or not config.is_file():
        return FileNotFoundError(f"checkpoint {path} does not exist.")
    other = path.with_name("last.ckpt" if path.stem == "best" else "best.ckpt")
    if other.is_file():
        why = "" if is_done else f": its fit did not finish. Go on with it: fit --config {config} --resume"
        if is_done and other.stem == "last":
            why = ": what chooses the best epoch was NaN in all of them, or none was validated"
        return FileNotFoundError(
            f"{run} has {other.name} and no {path.name}{why}. "
            f"For test, validate and predict name what is there: --run {run} --ckpt_path {other.stem}."
        )
    state, remedy = "is unfinished and has no weights: no epoch of its fit was validated yet", "Train it"
    if run.parent.name == "trials":
        state = "has no weights: a search keeps none of its trials"
    elif is_done:
        state, remedy = "was trained to its end, and its checkpoints are gone", "Put them back, or train it anew"
    return FileNotFoundError(f"{run} {state}. {remedy}: fit --config {config} --overwrite.")
