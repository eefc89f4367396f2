"""Weights know their classes by name: the same classes in another order are refused."""

import json
from pathlib import Path

import pytest

from lightning_tasks.problems.checks import check_trained_classes
from tests.conftest import results


def test_classes_in_another_order_are_refused(cli, capsys):
    args = ("--config", "configs/variants/mnist_mlp.yaml", "--data.source", "simulated")
    turned = json.dumps([str(k) for k in range(9, -1, -1)])
    cli("fit", *args, "--trainer.max_epochs", 1, "--data.limit", 200, "--draws", 0, "--baselines", "false")
    run = Path("runs/mnist_mlp/default")
    assert results(run)["metrics"]
    for verb in ("test", "validate", "predict"):
        with pytest.raises(SystemExit):
            cli(
                verb,
                *args,
                "--model.class_names",
                turned,
                "--ckpt_path",
                run / "checkpoints/best.ckpt",
            )
        message = capsys.readouterr().err
        assert "trained with the classes 0, 1, 2" in message and "here they are 9, 8, 7" in message


def test_other_words_for_the_same_classes_pass():
    check_trained_classes(["Vogel", "Katze"], ["bird", "cat"])
    check_trained_classes(["bird", "cat"], None)
    with pytest.raises(ValueError, match="trained with the classes bird, cat"):
        check_trained_classes(["cat", "dog"], ["bird", "cat"])
