"""Whether two checkouts of this project score alike, to the last digit: for changes that must change no result.

    python benchmarks/same_scores.py run CHECKOUT before.json [--root FOLDER]
    python benchmarks/same_scores.py run CHECKOUT after.json [--root FOLDER]
    python benchmarks/same_scores.py compare before.json after.json

``run`` fits short runs of four configurations with seed 0 on one thread; without ``--root`` on simulated data.
``compare`` exits with status 1 where a metric, a validation score or the data differ.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = {
    "mnist_cnn": ["--data.limit", "3000", "--trainer.max_epochs", "2"],
    "blood_cells": ["--data.limit", "800", "--trainer.max_epochs", "2"],
    "isic": ["--data.limit", "800", "--trainer.max_epochs", "2", "--data.samples_per_epoch", "320"],
    "mars_unet": ["--data.limit", "200", "--trainer.max_epochs", "2"],
}


def run(checkout: Path, out: Path, root: Path | None) -> None:
    scores = {}
    with tempfile.TemporaryDirectory() as runs:
        for name, short in RUNS.items():
            data = ["--data.root", str(root.resolve())] if root else ["--data.source", "simulated"]
            command = [
                sys.executable,
                "cli.py",
                "fit",
                "--config",
                f"configs/{name}.yaml",
                "--runs",
                runs,
                *short,
                *data,
            ]
            command += ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
            environment = os.environ | {"OMP_NUM_THREADS": "1"}  # the order of sums depends on the number of threads
            subprocess.run(command, cwd=checkout, env=environment, check=True)
            results = json.loads((Path(runs) / name / "default" / "results.json").read_text())
            kept = ("sizes", "parameters", "best_epoch", "best", "last", "metrics", "baselines")
            scores[name] = {key: results[key] for key in kept}
    out.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")


def compare(before: dict, after: dict, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys((*before, *after))
        return [line for key in keys for line in compare(before.get(key), after.get(key), f"{where} {key}")]
    return [] if before == after else [f"{where}: {before} -> {after}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("run")
    verb.add_argument("checkout", type=Path)
    verb.add_argument("out", type=Path)
    verb.add_argument("--root", type=Path)
    verb = verbs.add_parser("compare")
    verb.add_argument("before", type=Path)
    verb.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.verb == "run":
        run(options.checkout, options.out, options.root)
        return
    before, after = (json.loads(path.read_text()) for path in (options.before, options.after))
    count = sum(len(scores["metrics"]) for scores in before.values())
    if differ := compare(before, after):
        sys.exit("\n".join(differ))
    print(
        f"{', '.join(before)}: all {count} test metrics, validation scores and baselines are equal to the last digit."
    )


if __name__ == "__main__":
    main()
