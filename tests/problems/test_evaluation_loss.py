"""The loss of an evaluation is that of the whole part, or the mean over samples: never a mean over batches."""

import pytest

from tests.conftest import measured, results

CASES = {
    "a weighted classifier": ("ToySequence", ("--model.class_weights", "[1, 7]")),
    "a smoothed classifier": ("ToySequence", ("--model.loss_args", "{label_smoothing: 0.2}")),
    "a focal classifier": ("ToySequence", ("--model.loss", "focal", "--model.class_weights", "[3, 1]")),
    "a regression": ("ToyRegression", ()),
    "an autoencoder": ("ToyAutoencoder", ()),
}
SETS = {
    "dice on terrain": (
        "mars_unet",
        ("--model.net_args", "{width: 4, depth: 2}", "--data.limit", 60, "--data.batch_size"),
    ),
    "tokens of answers": ("sequence_reversal", ("--data.limit", 60, "--data.batch_size")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_test_loss_does_not_depend_on_the_batch_size(toy, cli, case):
    task, args = CASES[case]
    run = toy(task, "--trainer.max_epochs", 1, "--baselines", "false", *args)
    check(cli, run, results(run)["metrics"]["test/loss"]["value"])


@pytest.mark.parametrize("case", SETS)
def test_the_test_loss_of_these_tasks_neither(cli, tmp_path, case):
    config, args = SETS[case]
    cli("fit", "--config", f"configs/{config}.yaml", "--data.source", "simulated", "--trainer.max_epochs", 1,
        "--draws", 0, "--baselines", "false", "--figures", "none", *args, 16)  # fmt: skip
    run = tmp_path / f"runs/{config}/default"
    check(cli, run, results(run)["metrics"]["test/loss"]["value"])


def check(cli, run, expected):
    for size in (7, 500):
        cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt", "--draws", 0,
            "--data.batch_size", size)  # fmt: skip
        assert measured(run)["test/loss"] == pytest.approx(expected, rel=1e-5), size
