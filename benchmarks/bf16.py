"""Whether bfloat16 pays: scores and seconds of CPU in float32 and in bf16-mixed, over the same seeds.

    python benchmarks/bf16.py                                            # Mars, blood cells, MNIST CNN, three seeds
    python benchmarks/bf16.py --config configs/mars_unet.yaml --seeds 0,1 --epochs 2 --data.limit 200

Each run is a process of its own; its seconds of CPU are user and system time of the whole ``fit``, start-up and test
included: neighbours on the machine change them little. Beside them the seconds of the training alone, by the clock. On
CPUs bfloat16 needs avx512_bf16 or AMX to be quick; the first line says whether this one has them. Scores are those of
the monitored metric on the test part. Other options go to ``fit``.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OVERLAY = ROOT / "configs" / "overlays" / "bf16.yaml"
# Epochs after which the scores of a configuration no longer move much
SHORT = {"mars_unet": 4, "blood_cells": 4, "mnist_cnn": 2}
FLAGS = ("avx512_bf16", "amx_bf16")


def fit(config: Path, bf16: bool, seed: int, epochs: int, extra: list[str]) -> tuple[float, float, float]:
    """Score on the test part, seconds of CPU of the process, and seconds of its training by the clock."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "cli.py", "fit", "--config", str(config.resolve())]
        command += ["--config", str(OVERLAY)] if bf16 else []
        command += ["--seed_everything", str(seed), "--trainer.max_epochs", str(epochs), "--runs", runs]
        command += ["--draws", "0", "--baselines", "false", "--figures", "none", "--trainer.accelerator", "cpu"]
        command += ["--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false", *extra]
        before = cpu_seconds()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr.strip()[-1000:]}")
        seconds = cpu_seconds() - before
        results = json.loads((Path(runs) / config.stem / "default" / "results.json").read_text())
        expected = "bf16-mixed" if bf16 else "32-true"
        if results["precision"] != expected:
            sys.exit(
                f"{config} was trained in {results['precision']}, not in {expected}: leave --trainer.precision away."
            )
        score = results["metrics"][results["monitor"].replace("val/", "test/")]["value"]
        return score, seconds, results["seconds"]


def cpu_seconds() -> float:
    """User and system time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spread(values: list[float], digits: int) -> str:
    """``mean (sd)``."""
    sd = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ({sd:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", action="append", type=Path, help="repeatable; default: the three above")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, help="default: a few, enough for scores that can be compared")
    options, extra = parser.parse_known_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    held = [flag for flag in FLAGS if flag in cpu]
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    print(f"bfloat16 in this CPU: {', '.join(held) or 'none'}; OMP_NUM_THREADS {threads}; seeds {options.seeds}")
    print(f"{'config':14} {'epochs':>6} {'precision':>10} {'score, mean (sd)':>18} "
          f"{'CPU s, mean (sd)':>18} {'ratio':>6} {'training s':>10}")  # fmt: skip
    for config in options.config or [ROOT / "configs" / f"{name}.yaml" for name in SHORT]:
        epochs = options.epochs or SHORT.get(config.stem, 2)
        # by turns, so that a machine that slows down slows both
        fits = {bf16: [] for bf16 in (False, True)}
        for seed in seeds:
            for bf16, runs in fits.items():
                runs.append(fit(config, bf16, seed, epochs, extra))
        full = statistics.mean(seconds for _, seconds, _ in fits[False])
        for bf16, runs in fits.items():
            scores, seconds, training = (list(values) for values in zip(*runs, strict=True))
            name = "bf16-mixed" if bf16 else "float32"
            print(f"{config.stem:14} {epochs:6} {name:>10} {spread(scores, 4):>18} {spread(seconds, 1):>18} "
                  f"{statistics.mean(seconds) / full:6.2f} {statistics.mean(training):10.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
