"""Two processes score what one scores, each sample once."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, results


@pytest.mark.parametrize("devices", [2])
def test_two_processes_give_the_test_metrics_of_one(tmp_path, toy, devices):
    one = toy("ToySequence", "--trainer.max_epochs", 2)
    command = [sys.executable, str(ROOT / "cli.py")]
    weights = ["--ckpt_path", str(one / "checkpoints/best.ckpt")]
    several = ["--trainer.strategy", "ddp", "--trainer.devices", str(devices), "--trainer.accelerator", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    config = ["--config", str(one / "config.yaml"), *several]
    scored = subprocess.run([*command, "test", *config, *weights, "--data.batch_size", "3"],
                            env=environment, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert scored.returncode == 0, scored.stderr[-2000:]
    rows = {line.split()[0]: line.split() for line in scored.stdout.splitlines() if line.startswith("test/")}
    for name, metric in results(one)["metrics"].items():
        assert float(rows[name][1]) == pytest.approx(metric["value"], abs=1e-4)
        assert int(rows[name][-1]) == metric["n"] == 20

    trained = subprocess.run([*command, "fit", *config, "--name", "ddp"],
                             env=environment, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert trained.returncode == 0, trained.stderr[-2000:]
    found = results(one.parent / "ddp")
    assert found["devices"] == devices and found["metrics"]["test/acc"]["n"] == 20
    assert (one.parent / "ddp" / "predictions.csv").read_text().count("\n") == 21
