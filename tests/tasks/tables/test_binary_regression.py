"""The task on data whose model is known, and on the real table."""

import numpy as np
import pytest

from datamodules import TumoursDataModule, TwoClassesDataModule
from lightning_tasks import BinaryRegressionTask
from tests.conftest import ROOT, results

QUICK = ("--draws", 5, "--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
CONFIG = ROOT / "configs/binary_regression.yaml"


def test_known_weights_are_recovered_for_both_truths():
    for truth, link in (("logit", 0), ("probit", 1)):
        data = TwoClassesDataModule(truth=truth, n_train=5000, seed=1)
        data.setup()
        task = BinaryRegressionTask(truth, **{k: v for k, v in data.facts().items() if k != "class_names"})
        task.fit_rows(data.arrays("train"))
        away = (task.weights[link].numpy() - data.facts()["truth"]) / task.errors[link].numpy()
        assert np.abs(away).max() < 3
        assert task.likelihood[link] > task.likelihood[1 - link], "the model that made the data fits it better"


def test_a_fit_writes_weights_lines_and_curve_and_tests_alike(cli, tmp_path):
    cli("fit", "--config", CONFIG, "--data.n_train", 600, "--data.n_test", 200, *QUICK)
    run = tmp_path / "runs/binary_regression/default"
    text = (run / "figures/test_weights.md").read_text()
    assert "log-likelihood" in text and "truth" in text and "intercept" in text
    assert all((run / f"figures/test_{name}.png").is_file() for name in ("lines", "curve"))
    found = results(run)["metrics"]
    assert found["test/nll"]["value"] < next(iter(results(run)["baselines"].values()))["nll"]


def test_real_tumours_need_a_penalty_with_all_columns(cli, tmp_path, capsys):
    real = ("--config", CONFIG, "--data", "TumoursDataModule", "--data.test_fraction", 0.25, *QUICK)
    with pytest.raises(SystemExit):
        cli("fit", *real, "--model.l2", 0)
    assert "a plane separates the classes" in capsys.readouterr().err
    cli("fit", *real, "--data.limit", 40, "--data.batch_size", 4)  # fewer rows than weights
    notes = results(tmp_path / "runs/binary_regression/default")["notes"]
    assert any("A plane separates the classes" in note for note in notes)
    cli("fit", *real, "--model.l2", 1.0, "--name", "held")
    found = results(tmp_path / "runs/binary_regression/held")
    assert not any("plane" in note for note in found["notes"])
    assert found["data_source"] == "real" and found["metrics"]["test/acc"]["value"] > 0.9


def test_wrong_arguments_are_one_error():
    with pytest.raises(ValueError, match="choose logit or probit"):
        TwoClassesDataModule(truth="cauchit")
    with pytest.raises(ValueError, match="'mean radios' is unknown. Known: mean radius"):
        TumoursDataModule(columns=["mean radios"])
    with pytest.raises(ValueError, match="features=None: need 0 or more, and a number of features"):
        BinaryRegressionTask()
