"""The verb ``calibrate``: fitted on validation alone, and used by what predicts."""

import json

import numpy as np
import pytest
import torch

from lightning_tasks.app.verbs.calibrate import warnings_of
from tests.toys import ToyDataModule


class Overconfident(ToyDataModule):
    """A fifth of the labels are wrong, so that a long fit trusts itself too much; 300 of 900 samples for the test."""

    test_part = True

    def simulate(self):
        rng = np.random.default_rng(self.hparams.seed)
        label = rng.integers(0, 2, 900)
        tokens = rng.integers(1, 5, (900, 8)) + 4 * label[:, None]
        label = np.where(rng.random(900) < 0.2, 1 - label, label)
        pool = {"tokens": tokens, "length": np.full(900, 8), "label": label}
        parts = {"train": {k: v[:600] for k, v in pool.items()}, "test": {k: v[600:] for k, v in pool.items()}}
        return parts if self.test_part else {"train": parts["train"]}


class WithoutTest(Overconfident):
    test_part = False


@pytest.fixture
def fitted(cli):
    def fit(data="Overconfident"):
        cli("fit", "--model", "tests.toys.ToySequence", "--data", f"{__name__}.{data}", "--draws", 3,
            "--trainer.max_epochs", 1, "--model.lr", 0.5, "--model.schedule", "none", "--trainer.enable_progress_bar",
            "false", "--baselines", "false")  # fmt: skip
        return results_dir()

    def results_dir():
        from pathlib import Path

        return Path("runs/ToySequence/default")

    return fit


def read(run):
    return json.loads((run / "calibration.json").read_text())


def predictions(run):
    return np.genfromtxt(run / "predictions_test.csv", delimiter=",", names=True)


def test_it_is_fitted_on_validation_scored_on_test_and_used_by_predict(fitted, cli, capsys):
    run = fitted()
    predict = ("predict", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    cli(*predict)
    plain = predictions(run)
    capsys.readouterr()
    cli("calibrate", "--run", run, "--draws", 10)
    out = capsys.readouterr().out
    found = read(run)
    assert "validation part" in found["fitted_on"] and found["n_fitted"] == 120
    assert found["scored_on"] == "test part" and found["n_scored"] == 300 and "n = 300" in out
    t = found["map"]["temperature"]
    assert t > 1.1 and f"T = {t:.4f}" in out  # the labels are noisy and the fit was bold
    scores = found["scores"]
    assert scores["acc"]["before"] == scores["acc"]["after"] and found["changed_predictions"] == 0
    assert scores["nll"]["after"]["value"] < scores["nll"]["before"]["value"]
    assert scores["ece"]["after"]["low"] <= scores["ece"]["after"]["value"]
    assert scores["ece"]["change"]["low"] is None and scores["nll"]["change"]["low"] is not None
    for name in ("reliability", "risk", "scaling"):
        assert (run / f"figures/calibration_{name}.png").stat().st_size > 5000
    assert "<h2>Calibration</h2>" in (run / "report.html").read_text()

    cli(*predict)
    assert "recalibrated" in capsys.readouterr().out
    after = predictions(run)
    p, q = plain["prob_positive"], after["prob_positive"]
    odds = (np.log(q / (1 - q)), np.log(p / (1 - p)) / t)
    np.testing.assert_allclose(*odds, rtol=2e-3, atol=2e-3)


class NothingWrong(Overconfident):
    """Labels without noise: the network ends with every sample right."""

    def simulate(self):
        return {k: {**v, "label": (v["tokens"][:, 0] > 4).astype(np.int64)} for k, v in super().simulate().items()}


def test_where_nothing_is_wrong_it_keeps_t_at_one_and_says_so(fitted, cli, capsys):
    run = fitted("NothingWrong")
    cli("calibrate", "--run", run, "--draws", 3)
    out, found = capsys.readouterr().out, read(run)
    assert found["scores"]["acc"]["before"]["value"] == 1 and found["map"]["temperature"] == 1
    assert "low" not in found["map"] and found["scores"]["nll"]["change"]["value"] == pytest.approx(0, abs=1e-9)
    assert "note: No temperature can be fitted: 0 of 120 samples are predicted wrong" in out
    assert "no temperature, T = 1 is kept (0 of 120" in (run / "report.html").read_text()
    cli("predict", "--run", run)
    assert "recalibrated" not in capsys.readouterr().out, "T = 1 changes nothing"


def test_verbs_that_stream_use_it_too(fitted, cli):
    from lightning_tasks.app.members import load_run, mean_batches

    run = fitted()
    cli("calibrate", "--run", run, "--draws", 0, "--method", "isotonic")
    loaded, plain = load_run(run), load_run(run, is_calibrated=False)
    one, other = (next(mean_batches([r], "test"))["prob"] for r in (loaded, plain))
    assert (one.argmax(1) == other.argmax(1)).all() and abs(one - other).max() > 0.01
    assert set(np.round(one.max(1).values.numpy(), 6)) <= set(
        np.round(np.interp(other.max(1).values.numpy(), read(run)["map"]["x"], read(run)["map"]["y"]), 6)
    )


def test_written_probabilities_keep_the_predicted_class(fitted, cli):
    run = fitted()
    predict = ("predict", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    cli(*predict)
    plain = predictions(run)
    cli("calibrate", "--run", run, "--draws", 0, "--method", "isotonic")
    fitted_map = read(run)
    fitted_map["map"] |= {"x": [0.0, 1.0], "y": [0.01, 0.01]}  # it trusts nothing: all stand at the edge of a tie
    (run / "calibration.json").write_text(json.dumps(fitted_map))
    cli(*predict)
    after = predictions(run)
    assert (after["prob_negative"] != after["prob_positive"]).all() and after["prob_positive"].max() < 0.51
    assert (
        (after["prob_positive"] > after["prob_negative"]) == (plain["prob_positive"] > plain["prob_negative"])
    ).all()


def test_a_continued_run_keeps_no_map_of_its_earlier_weights(fitted, cli, capsys):
    run = fitted()
    cli("calibrate", "--run", run, "--draws", 0)
    cli("calibrate", "--run", run, "--draws", 0, "--method", "isotonic")
    assert not (run / "figures/calibration_scaling.png").exists()  # it belongs to a temperature
    cli("fit", "--config", run / "config.yaml", "--resume")  # nothing is left to train
    assert (run / "calibration.json").exists() and "<h2>Calibration</h2>" in (run / "report.html").read_text()
    (run / "calibration.json").write_text(json.dumps(read(run) | {"weights_sha256": "of other weights"}))
    cli("fit", "--config", run / "config.yaml", "--resume")
    assert "calibration.json and its figures were of the earlier ones" in capsys.readouterr().out
    assert not (run / "calibration.json").exists() and not list((run / "figures").glob("calibration_*"))
    assert "<h2>Calibration</h2>" not in (run / "report.html").read_text()


def test_probabilities_of_zero_are_refused_and_maps_that_help_nothing_say_so(cli, capsys):
    cli("fit", "--model", "NeighboursTask", "--model.features", "point", "--model.k", 1, "--model.resamples", 0,
        "--data", "TwoMoonsDataModule", "--trainer.max_epochs", 1, "--draws", 0, "--trainer.enable_progress_bar",
        "false")  # fmt: skip
    run = "runs/NeighboursTask/default"
    with pytest.raises(SystemExit):
        cli("calibrate", "--run", run)
    assert "give their true class probability 0" in capsys.readouterr().err
    cli("calibrate", "--run", run, "--method", "isotonic", "--draws", 0)
    found = {"scores": {k: {"change": {"value": v}} for k, v in (("nll", 0.1), ("brier", -0.1), ("ece", 0.0))}}
    (worse, kept) = warnings_of(found | {"map": {"temperature": 1.0, "reason": "0 of 9 samples are predicted wrong"}})
    assert worse.startswith("nll did not improve") and "0 of 9 samples" in kept and "T = 1 is kept" in kept


def test_a_map_fitted_to_single_views_is_not_used_on_averaged_ones():
    from lightning_tasks import ImageClassifier
    from lightning_tasks.measures.recalibration import calibrated

    task = ImageClassifier(net="mlp", net_args={"hidden": [4]}, class_names=["a", "b"])
    task.calibration = {"method": "temperature", "temperature": 2.0, "tta": "none", "run": "runs/a/fold_1"}
    prob = torch.tensor([[0.9, 0.1]])
    np.testing.assert_allclose(calibrated(task, {"prob": prob})["prob"], [[0.75, 0.25]], atol=1e-6)  # sqrt(9) : 1
    task.hparams.tta = "flips"
    with pytest.raises(
        ValueError,
        match="runs/a/fold_1 was .* tta='none', and now tta is 'flips'.*--run runs/a/fold_1 --model.tta flips",
    ):
        calibrated(task, {"prob": prob})
    task.calibration["tta"], task.hparams.tta = "flips", "none"
    with pytest.raises(ValueError, match="--model.tta none`, or ask .*: --model.tta flips, and no --tta"):
        calibrated(task, {"prob": prob})


def test_without_a_test_part_it_is_fitted_on_one_half_of_validation_and_scored_on_the_other(fitted, cli, capsys):
    run = fitted("WithoutTest")
    cli("calibrate", "--run", run, "--draws", 5, "--method", "vector")
    found = read(run)
    assert found["n_fitted"] == found["n_scored"] == 60
    assert "one half of the validation part" in found["fitted_on"] and "other half" in found["scored_on"]
    assert "other half" in capsys.readouterr().out and len(found["map"]["weight"]) == 2


def test_it_refuses_test_data_another_split_and_other_weights(fitted, cli, capsys):
    run = fitted()

    def refused(*args):
        with pytest.raises(SystemExit):
            cli(*args)
        return capsys.readouterr().err

    assert "fitted on the validation part (val)" in refused("calibrate", "--run", run, "--part", "test")
    assert "choose temperature, vector, isotonic" in refused("calibrate", "--run", run, "--method", "platt")
    assert "it may know samples that are scored here" in refused("calibrate", "--run", run, "--data.fold", 1)
    assert not (run / "calibration.json").exists()
    cli("calibrate", "--run", run, "--draws", 0)
    (run / "checkpoints/best.ckpt").write_bytes((run / "checkpoints/last.ckpt").read_bytes() + b"other")
    best = ("--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    assert "was fitted for other weights" in refused("predict", *best)


def test_it_refuses_what_is_no_classifier():
    from lightning_tasks import MarsTask
    from lightning_tasks.app.members import require

    with pytest.raises(ValueError, match="calibrate has no meaning for MarsTask: it gives no class probabilities"):
        require(MarsTask(net_args={"width": 4, "depth": 2}), "calibrate")
