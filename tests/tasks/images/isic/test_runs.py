"""Whole runs of the skin-lesion task: all branches, resume, missing inputs, submissions by rank."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import rankdata
from torch import nn

from datamodules import DataModule
from lightning_tasks import BloodCellsTask
from lightning_tasks.app.members import Run, load_members, load_run
from lightning_tasks.app.verbs.submit import rank_share
from lightning_tasks.tasks.images.isic import BRANCHES
from tests.conftest import ROOT, measured, results
from tests.tasks.images.isic.files import COURSE, edit
from tests.tasks.images.isic.test_task import SCORES


class Lesions(DataModule):
    """A quarter malignant: brighter pictures, higher first column. Half of what training draws is malignant."""

    title, files, submission = "lesions", ("lesions.csv",), "submission.csv"
    keys = ("image", "table")
    strata_names = {"sex": ["female", "male"], "site": ["head/neck", "lower extremity"]}

    def simulate(self):
        rng = np.random.default_rng(0)
        label = (np.arange(240) % 4 == 0).astype(np.uint8)
        pool = {
            "image": (rng.integers(0, 150, (240, 3, 16, 16)) + 60 * label[:, None, None, None]).astype(np.uint8),
            "table": (rng.normal(size=(240, 5)) + [2, 0, 0, 0, 0] * label[:, None]).astype(np.float32),
            "label": label,
            "sex": rng.integers(-1, 2, 240),
            "site": np.arange(240) // 120,
            "age": np.where(np.arange(240) % 9, rng.integers(20, 90, 240), np.nan).astype(np.float32),
            "group": np.arange(240) // 2,
        }
        pool = {k: v for k, v in pool.items() if k in self.keys or k not in ("image", "table")}
        unknown = {k: v[:20] for k, v in pool.items() if k not in ("label", "group")}
        return {"train": pool, "predict": unknown}

    def sample_weights(self):
        label = torch.from_numpy(self.pools["train"]["label"][self.parts["train"]]).long()
        return 1.0 / label.bincount()[label].double()

    def statistics(self):
        found = super().statistics() | {"drawn_share": torch.tensor([0.5, 0.5])}
        table = self.pools["train"].get("table")
        if table is None:
            return found
        unknown = {
            "table_mean": torch.zeros(5),
            "table_scale": torch.ones(5),
            "table_blank": torch.full((5,), torch.nan),
        }
        return found | unknown

    def write_submission(self, path, batches):
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["isic_id", "target"])
            rows = [r for b in batches for r in zip(b["id"].tolist(), b["prob"][:, 1].tolist(), strict=True)]
            writer.writerows(rows)
        return len(rows)


class OnlyPictures(Lesions):
    keys = ("image",)


class OnlyTable(Lesions):
    keys = ("table",)


def run_args(branch, data="Lesions"):
    return ("--model", "IsicTask", "--model.branch", branch, "--model.net_args", "{width: 4, stem_stride: 1}",
            "--model.features", 8, "--model.table_hidden", "[8]", "--data", f"tests.tasks.images.isic.test_runs.{data}",
            "--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false",
            "--data.batch_size", 8, "--draws", 5, "--trainer.max_epochs", 2, "--model.lr", 0.02)  # fmt: skip


def run_dir(name="default"):
    return Path("runs/IsicTask") / name


def fails(cli, capsys, *args):
    with pytest.raises(SystemExit):
        cli(*args)
    return capsys.readouterr().err


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_run_is_scored_again_alike_from_its_checkpoint(cli, branch):
    cli("fit", *run_args(branch), "--model.ema", 0.5)
    found = results(run_dir())
    metrics = {k: m["value"] for k, m in found["metrics"].items()}
    assert {f"test/{name}" for name in SCORES} < set(metrics) and found["monitor"] == "val/auroc"
    assert metrics["test/auroc"] > 0.6
    baselines = found["baselines"]
    assert set(baselines) == {"prevalence", "logistic on table", "linear model on 16x16"}
    assert baselines["prevalence"]["auroc"] == 0.5 and baselines["prevalence"]["pauc"] == pytest.approx(0.02)
    assert all(baselines[n]["auroc"] > 0.6 for n in baselines if n != "prevalence")
    assert baselines["logistic on table"]["brier"] < baselines["prevalence"]["brier"], "it is put right for resampling"
    drawn = {p.stem for p in (run_dir() / "figures").glob("*.png")}
    expected = {f"test_{name}" for name in ("roc", "precision_recall", "scores", "reliability", "samples")}
    assert drawn - {"test_strata"} == expected | {"train_samples"}

    best = ("--config", run_dir() / "config.yaml", "--ckpt_path", run_dir() / "checkpoints/best.ckpt")
    cli("test", *best)
    assert measured(run_dir()) == pytest.approx(metrics, abs=1e-4, nan_ok=True)
    cli("predict", *best)
    with (run_dir() / "predictions_predict.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20 and list(rows[0]) == ["id", "prob_benign", "prob_malignant", "pred"]
    task = load_run(str(run_dir())).task
    assert task.strata_names == Lesions.strata_names
    torch.testing.assert_close(task.prior_shift, torch.tensor([1.5, 0.5]).log(), atol=0.02, rtol=0)


def test_resume_goes_on_as_an_unbroken_run(cli):
    quick = (*run_args("fused"), "--draws", 0, "--baselines", "false", "--model.schedule", "none", "--model.ema", 0.5)
    cli("fit", *quick, "--name", "whole")
    cli("fit", *quick, "--name", "broken", "--trainer.max_epochs", 1)
    cli("fit", *quick, "--name", "broken", "--resume")
    whole, broken = (
        torch.load(run_dir(n) / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for n in ("whole", "broken")
    )
    torch.testing.assert_close(broken, whole, rtol=0, atol=0, equal_nan=True)  # an unknown number is NaN


def test_inputs_that_the_data_does_not_have_are_one_clear_error(cli, capsys):
    for branch, data, message in (
        ("metadata", "OnlyPictures", "branch='metadata' needs a table, and the data gives none"),
        ("fused", "OnlyPictures", "branch='fused' needs a table"),
        ("fused", "OnlyTable", "branch='fused' needs images, and the data gives none. Set --data.images true"),
        ("image", "OnlyTable", "branch='image' needs images"),
    ):
        assert message in fails(cli, capsys, "fit", *run_args(branch, data))
        assert not run_dir().exists()
    cli("fit", *run_args("metadata", "OnlyTable"), "--draws", 0, "--trainer.max_epochs", 1)
    assert set(results(run_dir())["baselines"]) == {"prevalence", "logistic on table"}
    best = run_dir() / "checkpoints/best.ckpt"
    err = fails(cli, capsys, "test", *run_args("fused"), "--ckpt_path", best)
    assert "does not fit the configured network" in err
    err = fails(cli, capsys, "test", *run_args("metadata", "OnlyPictures"), "--ckpt_path", best)
    assert "IsicTask reads 'table'; a batch of" in err


def test_folds_are_submitted_by_mean_probability_or_by_mean_rank(cli, capsys):
    cli("kfold", *run_args("metadata"), "--folds", 2, "--draws", 0, "--baselines", "false")
    folder = run_dir("kfold")
    assert "oof/auroc" in results(folder)["metrics"]
    assert results(folder)["scored"].startswith("out-of-fold samples of 2 folds, grouped; ")
    written = {}
    for how in ("prob", "rank"):
        cli("submit", "--run", folder, "--allow-simulated", "--average", how)
        with (folder / "submission.csv").open() as file:
            written[how] = {int(r["isic_id"]): float(r["target"]) for r in csv.DictReader(file)}
    assert "20 predictions of the mean of 2 members, averaged by rank" in capsys.readouterr().out
    runs = load_members(folder)
    given = {k: torch.from_numpy(v) for k, v in runs[0].data.pools["predict"].items()}
    with torch.no_grad():
        probs = [run.task.predict_step(given)["prob"][:, 1].numpy() for run in runs]
    assert list(written["prob"].values()) == pytest.approx(np.mean(probs, 0), abs=1e-6)
    assert list(written["rank"].values()) == pytest.approx(np.mean([rankdata(p) / 20 for p in probs], 0))
    cli("submit", "--run", folder / "fold_0", "--allow-simulated", "--average", "rank")
    err = fails(cli, capsys, "submit", "--run", folder / "fold_0", "--allow-simulated", "--tta")
    assert "--tta has no meaning for IsicTask: branch metadata reads no pictures" in err
    assert "choose prob or rank" in fails(cli, capsys, "submit", "--run", folder, "--average", "mean")
    capsys.readouterr()
    for fold, words in enumerate(("(1 of them recalibrated)", "(recalibrated)")):
        cli("calibrate", "--run", folder / f"fold_{fold}", "--draws", 0)
        cli("submit", "--run", folder, "--allow-simulated")
        assert f"the mean of 2 members {words} to" in capsys.readouterr().out


def test_ranks_share_ties():
    value = torch.tensor([0.3, 0.1, 0.3, 0.9])
    assert rank_share(value).tolist() == (rankdata(value) / 4).tolist() == [0.625, 0.25, 0.625, 1.0]


class Masks(nn.Module):
    """A network with a class for each pixel."""

    submits, averaged, refuses, calibration = "table", "prob", {}, None
    device = torch.device("cpu")

    def restart_streams(self):
        """Draws no random numbers."""

    def predict_step(self, batch, batch_idx=0):
        return {"id": batch["id"], "prob": torch.full((len(batch["id"]), 5, 4, 4), 0.2)}


@pytest.mark.parametrize("task", [Masks(), BloodCellsTask(net_args={"width": 4})], ids=["masks", "code"])
def test_ranks_are_refused_where_a_submission_holds_classes(cli, capsys, monkeypatch, tmp_path, task):
    data = OnlyTable(source="simulated")
    data.setup()
    data.data_source = "real"
    monkeypatch.setattr("lightning_tasks.app.verbs.submit.load_members", lambda *args: [Run(None, task, data)])
    err = fails(cli, capsys, "submit", "--run", tmp_path, "--average", "rank")
    assert f"the submission of {type(task).__name__} needs classes. Leave --average away" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.realdata
def test_the_real_table_alone_ranks_lesions(cli, realdata):
    cli("fit", "--config", ROOT / "configs/variants/isic_metadata.yaml", "--data.root", realdata,
        "--data.source", "real",
        "--trainer.max_epochs", 6, "--trainer.enable_progress_bar", "false", "--draws", 0)  # fmt: skip
    found = results(Path("runs/isic_metadata/default"))
    assert found["metrics"]["test/auroc"]["value"] > 0.78
    assert found["metrics"]["test/nll"]["value"] < found["baselines"]["prevalence"]["nll"]


def test_a_table_in_another_order_gives_the_same_submission_and_another_table_is_an_error(cli, capsys, own, tmp_path):
    """Columns are found by their names, whatever the order; a network is never fed another column of equal width."""
    args = ("--model", "IsicTask", "--model.branch", "metadata", "--data", "IsicDataModule", "--data.images", "false",
            "--data.folds", 3, "--trainer.max_epochs", 2, "--baselines", "false", "--draws", 0)  # fmt: skip
    cli("fit", *args, "--data.root", own)

    def submission(root):
        cli("submit", "--run", run_dir(), "--data.root", root, "--out", tmp_path / "s.csv")
        return pd.read_csv(tmp_path / "s.csv", index_col=0)["target"]

    expected = submission(own)
    assert expected.nunique() > 3
    for name in COURSE:
        edit(own, lambda table: table[table.columns[::-1]].assign(more=1.0), name)
    pd.testing.assert_series_equal(submission(own), expected)
    edit(
        own,
        lambda table: table.assign(anatom_site_general=table["anatom_site_general"].where(table.index > 1, "arm")),
        COURSE[1],
    )
    submission(own)
    notes = load_run(str(run_dir()), ["--data.root", str(own)]).data.notes
    assert "anatom_site_general: arm was not in training, and reads as missing." in notes
    for name in COURSE:
        edit(own, lambda table: table.rename(columns={"tbp_lv_H": "tbp_lv_b"}), name)
    assert "missing column 'tbp_lv_H', which the network was trained with" in fails(
        cli, capsys, "submit", "--run", run_dir(), "--data.root", own, "--out", tmp_path / "s.csv"
    )
