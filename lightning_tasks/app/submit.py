"""``submit``: the assignment's own submission file from a run, or from all folds of a k-fold directory."""

import argparse
from pathlib import Path

from ..files import write_atomic_with
from .load import load_members
from .predict import stream


def run(args: list[str]) -> None:
    """``submit --run R [--tta] [--out F] [--allow-simulated]`` and dotted overrides."""
    parser = argparse.ArgumentParser(
        "cli.py submit",
        description="Write the assignment's submission file. The folds of a k-fold directory are averaged.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--run", required=True, type=Path, help="run or k-fold directory, such as runs/mars_unet/latest"
    )
    parser.add_argument("--out", type=Path, help="file to write; default: submission.csv (or .zip) in the directory")
    parser.add_argument("--tta", action="store_true", help="average over flips")
    parser.add_argument("--allow-simulated", action="store_true", help="write even though the data is simulated")
    options, overrides = parser.parse_known_args(args)

    members = load_members(options.run, overrides)
    tasks, data = [member.task for member in members], members[0].data
    if data.data_source == "simulated" and not options.allow_simulated:
        raise ValueError(
            f"{options.run} was trained on simulated data; a submission of it says nothing. "
            "Set --data.root to the real data, or add --allow-simulated to try the format."
        )
    if options.tta:
        for task in tasks:
            if "tta" not in task.hparams:
                raise ValueError(f"{type(task).__name__} has no test-time augmentation: leave --tta away.")
            task.hparams.tta = "flips"
    folder = options.run.resolve()
    voices = f"the mean of {len(tasks)} members" if len(tasks) > 1 else "one member"
    if hasattr(tasks[0], "write_code_submission"):
        out = options.out or folder / "submission.zip"
        side = data.pools["train"]["image"].shape[-1]  # pictures may have been resized when they were read
        write_atomic_with(out, lambda temporary: tasks[0].write_code_submission(tasks, temporary, side))
        print(f"Wrote {out}: code and weights of {voices}")
        return
    if not hasattr(data, "write_submission"):
        raise ValueError(f"{type(data).__name__} has no submission format: its assignment asks for none.")
    if "predict" not in data.parts:
        raise ValueError(f"{data.title} has no unlabelled test part to submit predictions for.")
    out = options.out or folder / "submission.csv"
    counts = []
    write_atomic_with(
        out, lambda temporary: counts.append(data.write_submission(temporary, stream(tasks, data, "predict")))
    )
    print(f"Wrote {counts[0]} predictions of {voices} to {out}")
