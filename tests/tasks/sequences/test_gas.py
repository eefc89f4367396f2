"""Forecasts of gas: the network comes near the best possible forecast, and missing hours count nowhere."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from lightning_tasks import GasTask
from lightning_tasks.runs.rowfile import load_rows
from tests.conftest import ROOT, results

QUICK = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false", "--draws", 5)


def test_a_network_beats_ridge_and_stays_behind_the_best_possible_forecast(cli):
    cli("fit", "--config", ROOT / "configs/gas_lstm.yaml", *QUICK, "--data.window", 0, "--data.hours", 13_000,
        "--data.test_from", "2009-05-29", "--model.hidden", 16, "--model.lr", 0.02,
        "--trainer.max_epochs", 8)  # fmt: skip
    run = Path("runs/gas_lstm/default")
    found = results(run)
    r2 = {name: scores["r2"] for name, scores in found["baselines"].items()}
    ours = found["metrics"]["test/r2"]["value"]
    assert r2["best possible"] > ours > r2["same hour yesterday"] and ours > r2["linear regression"]
    assert 0.8 < found["metrics"]["test/coverage_90"]["value"] < 0.97
    assert found["metrics"]["test/r2"]["units"] == 27, "days are resampled"
    assert {p.name for p in (run / "figures").glob("test_*.png")} == {
        "test_days.png", "test_hours.png", "test_levels.png"}  # fmt: skip
    table = pd.read_csv(run / "predictions.csv")
    assert table["id"][0] == "2009-05-29" and (table["low_3"] <= table["high_3"]).all()


@pytest.fixture
def task():
    torch.manual_seed(0)
    task = GasTask(net="gru", hidden=8, features=3)
    task.fit_statistics({"target_mean": torch.full((24,), 5.0), "target_std": torch.full((24,), 2.0),
                         "naive_mae": torch.tensor(1.5)})  # fmt: skip
    return task.eval()


def test_a_missing_hour_gives_no_gradient_and_no_score(task):
    batch = {"id": torch.arange(4), "inputs": torch.randn(4, 30, 3), "target": 5 + torch.randn(4, 24)}
    batch["target"][0, 7] = torch.nan
    out = task.outputs(batch).detach().requires_grad_()
    task.losses(out, task.scaled(batch["target"])).backward()
    assert not out.grad[0, 7].any() and out.grad[0, 6].any() and out.grad.isfinite().all()
    rows = task.rows_of(batch, task.predict_step(batch))
    before = task.score(rows)
    rows["forecast"][0, 7] += 1000
    after = task.score(rows)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert before["mase"].item() == pytest.approx(before["mae"].item() / 1.5)


def test_each_fold_has_the_scale_of_its_own_train_part(cli):
    cli("kfold", "--config", ROOT / "configs/gas_lstm.yaml", *QUICK, "--folds", 2, "--data.window", 0, "--data.hours",
        9_000, "--data.test_from", "2009-01-01", "--model.hidden", 4, "--trainer.max_epochs", 1)  # fmt: skip
    pooled, n = results(folder := Path("runs/gas_lstm/kfold")), []
    for fold in pooled["per_fold"]:
        run = folder / f"fold_{fold['fold']}"
        of_its_own = pd.read_csv(run / "metrics.csv")["val/mase"].dropna().iloc[-1]
        assert fold["metrics"]["val/mase"] == pytest.approx(of_its_own, rel=1e-5)
        n.append((load_rows(run / "rows.npz")[0]["target"].isfinite().sum().item(), of_its_own))
    mean = sum(count * mase for count, mase in n) / sum(count for count, _ in n)
    assert pooled["metrics"]["oof/mase"]["value"] == pytest.approx(mean, rel=1e-5)


def test_the_loss_of_a_part_is_that_of_all_known_hours_whatever_the_batches(task, monkeypatch):
    monkeypatch.setattr(task, "collect", lambda *args, **rows: None)
    batch = {"id": torch.arange(4), "inputs": torch.randn(4, 30, 3), "target": 5 + torch.randn(4, 24)}
    batch["target"][0, 2:] = torch.nan
    with torch.no_grad():
        whole = task.losses(task.outputs(batch), task.scaled(batch["target"]))
        for i in range(4):
            task.evaluate("test", {name: value[i : i + 1] for name, value in batch.items()})
    total, weight = task._sums["test/loss"]
    assert int(weight) == 74 and float(total / weight) == pytest.approx(float(whole), rel=1e-5)


def test_forecasts_are_in_order_and_not_negative(task):
    out = task.predict_step({"id": torch.arange(64), "inputs": 30 * torch.randn(64, 30, 3)})["forecast"]
    assert out.shape == (64, 24, 6) and (out[..., 1:].diff(dim=-1) >= 0).all() and (out >= 0).all()


def test_the_faulty_setup_is_the_assignments(cli):
    cli("fit", "--config", ROOT / "configs/variants/gas_faulty.yaml", *QUICK, "--trainer.max_epochs", 1,
        "--baselines", "false")  # fmt: skip
    found = results(Path("runs/gas_faulty/default"))
    assert found["parameters"] == 51_101 and "test/coverage_90" not in found["metrics"]
    assert found["sizes"]["test"] == 53  # a fifth of 267 days


@pytest.mark.parametrize("quantiles", [[0.5, 0.1, 0.9], [0.1, 0.9], [0.1, 0.5, 0.8], [0.0, 0.5, 1.0]])
def test_quantiles_are_in_order_symmetric_and_hold_the_median(quantiles):
    with pytest.raises(ValueError, match="odd number of levels between 0 and 1"):
        GasTask(quantiles=quantiles, features=3)
    with pytest.raises(ValueError, match="choose lstm, gru, tcn or faulty"):
        GasTask(net="mlp", features=3)
