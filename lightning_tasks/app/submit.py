"""``submit``: the assignment's own submission file from a run."""

import argparse
from pathlib import Path

from ..files import write_atomic_with
from .load import load_run
from .predict import stream


def run(args: list[str]) -> None:
    """``submit --run R [--tta] [--out F] [--allow-simulated]`` and dotted overrides."""
    parser = argparse.ArgumentParser(
        "cli.py submit", description="Write the assignment's submission file.", allow_abbrev=False
    )
    parser.add_argument("--run", required=True, help="run directory, such as runs/mars_unet/latest")
    parser.add_argument("--out", type=Path, help="file to write; default: submission.csv in the run directory")
    parser.add_argument("--tta", action="store_true", help="average over flips")
    parser.add_argument("--allow-simulated", action="store_true", help="write even though the data is simulated")
    options, overrides = parser.parse_known_args(args)

    loaded = load_run(options.run, overrides)
    task, data = loaded.task, loaded.data
    if data.data_source == "simulated" and not options.allow_simulated:
        raise ValueError(
            f"{loaded.dir.path} was trained on simulated data; a submission of it says nothing. "
            "Set --data.root to the real data, or add --allow-simulated to try the format."
        )
    if not hasattr(data, "write_submission"):
        raise ValueError(f"{type(data).__name__} has no submission format: its assignment asks for none.")
    if "predict" not in data.parts:
        raise ValueError(f"{data.title} has no unlabelled test part to submit predictions for.")
    if options.tta:
        task.hparams.tta = "flips"
    out = options.out or loaded.dir.path / "submission.csv"
    counts = []
    write_atomic_with(
        out, lambda temporary: counts.append(data.write_submission(temporary, stream([task], data, "predict")))
    )
    print(f"Wrote {counts[0]} predictions to {out}")
