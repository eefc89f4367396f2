"""Weights know classes and columns by name: the same ones in another order are refused, at every stage."""

import json
from pathlib import Path

import pytest

from lightning_tasks.app.members import load_run
from lightning_tasks.problems.checks import check_trained_classes
from tests.conftest import ROOT, results
from tests.datamodules.sets.test_image_folder import noise

QUICK = ("--trainer.max_epochs", 1, "--draws", 0, "--baselines", "false", "--figures", "last",
         "--trainer.enable_progress_bar", "false")  # fmt: skip
CIFAR = ("--config", f"{ROOT}/configs/variants/resnet_cifar10.yaml", "--data.source", "simulated",
         "--data.limit", 200, "--model.net_args", "{depth: 8, width: 4}")  # fmt: skip


def refused(cli, capsys, *args) -> str:
    """The one error of a command."""
    with pytest.raises(SystemExit):
        cli(*args)
    return capsys.readouterr().err


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


def test_classes_of_the_data_in_another_order_are_refused_by_every_verb(cli, capsys):
    cli("fit", *CIFAR, "--data.classes", "[2,3]", *QUICK)
    run = Path("runs/resnet_cifar10/default")
    score = results(run)["metrics"]["test/acc"]["value"]
    cli("test", "--run", run, "--draws", 0)
    assert json.loads((run / "test.json").read_text())["metrics"]["test/acc"]["value"] == score
    both = "class_names are bird, cat; the data's classes are cat, bird, in this order"
    for verb in ("test", "validate", "predict", "explain", "calibrate"):
        assert both in refused(cli, capsys, verb, "--run", run, "--data.classes", "[3,2]")
    assert "the data's classes are ship, bird" in refused(cli, capsys, "test", "--run", run, "--data.classes", "[8,2]")
    assert "are bird, cat, deer" in refused(cli, capsys, "test", "--run", run, "--data.classes", "[2,3,4]")
    with pytest.raises(ValueError, match=both):  # members of ensemble and submit
        load_run(str(run), ["--data.classes", "[3,2]"])
    starts = ("fit", *CIFAR, "--data.classes", "[3,2]", *QUICK, "--name", "again", "--start", run)
    assert "trained with the classes bird, cat" in refused(cli, capsys, *starts)


def test_a_folder_with_a_class_more_does_not_shift_labels(cli, capsys, tmp_path):
    for root, classes in (("first", "bc"), ("second", "abc"), ("third", "bcd")):
        for name in classes:
            for i in range(12):
                noise(tmp_path / root / name / f"{i}.png", i)
    config = ("--config", f"{ROOT}/configs/image_folder.yaml", "--data.size", 16, "--model.net_args", "{width: 4}")
    cli("fit", *config, "--data.root", "first", *QUICK)
    run = "runs/image_folder/default"
    for root, found in (("second", "a, b, c"), ("third", "b, c, d")):
        error = refused(cli, capsys, "test", "--run", run, "--data.root", root)
        assert f"class_names are b, c; the data's classes are {found}, in this order" in error


def test_columns_of_the_data_in_another_order_are_refused(cli, capsys):
    gas = ("--config", f"{ROOT}/configs/gas_lstm.yaml", "--data.source", "simulated", "--data.limit", 120,
           "--data.window", 24, "--data.lags", "[24, 48]", "--data.test_from", "null", "--data.test_fraction", 0.2,
           "--data.folds", 2, "--data.fold", 1)  # fmt: skip
    cli("fit", *gas, *QUICK)
    run = Path("runs/gas_lstm/default")
    cli("test", "--run", run, "--draws", 0)
    for turned in (("--data.lags", "[48, 24]"), ("--data.features", "[temperature, lags, calendar]")):
        for verb in ("test", "validate", "predict"):
            error = refused(cli, capsys, verb, "--run", run, *turned)
            assert "from place 1 on 'gas 24 hours before, m3', 'gas 48 hours before, m3'" in error
    assert "there 'temperature, degrees Celsius'" in error
    with pytest.raises(ValueError, match="trained with 17 columns of inputs"):
        load_run(str(run), ["--data.lags", "[48, 24]"])
    begun = ("--name", "again", "--start", run, "--data.lags", "[48, 24]")
    assert "trained with 17 columns of inputs" in refused(cli, capsys, "fit", *gas, *QUICK, *begun)


def test_columns_of_a_table_in_another_order_are_refused(cli, capsys):
    table = ("--config", f"{ROOT}/configs/binary_regression.yaml", "--data", "TumoursDataModule",
             "--data.test_fraction", 0.25)  # fmt: skip
    cli("fit", *table, "--data.columns", "[mean radius, mean texture]", "--model.l2", 1.0, *QUICK)
    error = refused(cli, capsys, "test", "--run", "runs/binary_regression/default",
                    "--data.columns", "[mean texture, mean radius]")  # fmt: skip
    assert "trained with 2 columns of point, from place 1 on 'mean radius', 'mean texture'" in error
    assert "there 'mean texture', 'mean radius'" in error
