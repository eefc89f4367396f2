"""The skeleton carries kinds of task that Mars does not need."""

import pandas as pd
import pytest
import torch

from tests.conftest import results

TASKS = {"ToyGan": 3, "ToyNearestMean": 1, "ToySequence": 3}
FILES = [
    "config.yaml",
    "checkpoints/best.ckpt",
    "checkpoints/last.ckpt",
    "metrics.csv",
    "predictions.csv",
    "results.json",
    "report.html",
]


@pytest.mark.parametrize("task", TASKS)
def test_fit_writes_a_whole_run_directory_and_test_and_predict_read_it(toy, cli, capsys, task):
    rate = () if task == "ToyNearestMean" else ("--model.lr", 0.05)
    run = toy(task, "--trainer.max_epochs", TASKS[task], *rate)
    assert [f for f in FILES if not (run / f).is_file()] == []
    assert list(run.glob("events.out.tfevents*"))
    assert (run.parent / "latest").resolve() == run.resolve()
    found = results(run)
    assert found["data_source"] == "simulated"
    assert found["sizes"] == {"train": 80, "val": 20, "test": 20}
    fitted = pd.read_csv(run / "predictions.csv")
    assert fitted["id"].tolist() == list(range(20))
    if task != "ToyGan":  # its evaluation draws new points each time
        metric = found["metrics"]["test/acc"]
        assert 0.7 < metric["value"] <= 1 and metric["low"] <= metric["value"] <= metric["high"] and metric["n"] == 20
        capsys.readouterr()
        cli("test", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
        assert f"{metric['value']:.4f}" in capsys.readouterr().out
    cli("predict", "--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    predicted = pd.read_csv(run / "predictions_test.csv")
    if task == "ToyGan":
        assert len(predicted) == 20
    else:  # the same columns, and the same numbers from the same weights
        names = ("negative", "positive") if task == "ToySequence" else (0, 1)
        assert list(predicted) == ["id", *(f"prob_{name}" for name in names), "pred", "label"]
        pd.testing.assert_frame_equal(fitted, predicted, atol=1e-6)


@pytest.mark.parametrize("task", ["ToyGan", "ToySequence"])
def test_resume_gives_what_an_unbroken_run_gives(toy, task):
    whole = toy(task, "--trainer.max_epochs", 3, "--model.schedule", "none", name="whole")
    toy(task, "--trainer.max_epochs", 2, "--model.schedule", "none", name="broken")
    broken = toy(task, "--trainer.max_epochs", 3, "--model.schedule", "none", "--resume", name="broken")
    expected = torch.load(whole / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    found = torch.load(broken / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(expected[k], found[k]) for k in expected)
    assert (whole / "metrics.csv").read_text() == (broken / "metrics.csv").read_text()
