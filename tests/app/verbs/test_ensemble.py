"""Members are averaged where none has trained, and weights are fitted where nothing is scored."""

import csv
import json

import numpy as np
import pytest
import torch

from datamodules import DataModule
from lightning_tasks.app.console import verdict_of
from lightning_tasks.app.members import load_members, load_run
from lightning_tasks.app.messages import SAYS_NOTHING
from lightning_tasks.app.verbs.ensemble.blend import blend_weights, truth_probs
from tests.conftest import results

QUIET = ("--draws", 20, "--trainer.max_epochs", 1, "--trainer.enable_progress_bar", "false",
         "--trainer.enable_model_summary", "false")  # fmt: skip
FAST = ("--model.lr", 0.05, *QUIET)
SEQUENCE = ("--model", "tests.toys.ToySequence", "--data")


@pytest.fixture
def train(cli, tmp_path):
    """``train("a", "--model.width", 4)``: fit ToySequence and return its directory."""

    def fit(name, *args, data="ToyDataModule", verb="fit"):
        cli(verb, *SEQUENCE, f"tests.toys.{data}", *FAST, "--name", name, *args)
        return tmp_path / "runs/ToySequence" / name

    return fit


def probs(path, part="test"):
    """Probabilities of a run for a part, and labels, without the code under test."""
    run = load_run(str(path))
    batches = [run.data.on_after_batch_transfer(b, 0) for b in run.data._dataloader(part)]
    with torch.no_grad():
        found = torch.cat([run.task.predict_step(b)["prob"] for b in batches])
    return found, torch.cat([b["label"] for b in batches])


def fails(cli, capsys, *args):
    with pytest.raises(SystemExit):
        cli(*args)
    return capsys.readouterr().err


def test_runs_are_scored_beside_their_mean(train, cli, tmp_path, capsys):
    one = train("one", "--seed_everything", 1)
    two = train("two", "--seed_everything", 2, "--model.width", 4)
    capsys.readouterr()
    cli("ensemble", "--runs", one, two, "--draws", 20)
    shown = capsys.readouterr().out
    assert "Scored on: test part (n = 20)" in shown and "ensemble" in shown
    folder = tmp_path / "runs/ToySequence/ensemble"
    found = results(folder)
    lines = shown.splitlines()
    head = next(line for line in lines if line.startswith("member"))
    assert head.split()[2:4] == ["*", "test/acc"] and head.count("*") == 1
    assert lines[-4] == verdict_of(found) and "best baseline, majority class" in lines[-4] and lines[-3] == SAYS_NOTHING
    assert found["baselines"] == results(one)["baselines"] == results(two)["baselines"]
    (first, label), (second, _) = probs(one), probs(two)
    expected = [((p.argmax(1) == label).float().mean().item()) for p in (first, second, (first + second) / 2)]
    values = [m["metrics"]["test/acc"]["value"] for m in found["members"]] + [found["metrics"]["test/acc"]["value"]]
    assert values == pytest.approx(expected)
    assert values[0] == pytest.approx(results(one)["metrics"]["test/acc"]["value"])
    with (folder / "predictions.csv").open() as file:
        written = [float(row["prob_positive"]) for row in csv.DictReader(file)]
    assert written == pytest.approx(((first + second) / 2)[:, 1].tolist(), abs=1e-6)
    page = (folder / "report.html").read_text()
    assert f'<p class="verdict">{verdict_of(found)}</p>' in page
    cli("report", "--run", folder)
    assert (folder / "report.html").read_text() == page
    assert "--overwrite" in fails(cli, capsys, "ensemble", "--runs", one, two)
    # weights come from validation predictions, which both members share
    cli("ensemble", "--runs", one, two, "--fit-weights", "--overwrite")
    weights = [m["weight"] for m in results(folder)["members"]]
    (first, label), (second, _) = probs(one, "val"), probs(two, "val")
    truth = np.stack([p[torch.arange(len(label)), label].numpy() for p in (first, second)], 1)
    assert weights == pytest.approx(blend_weights(truth), abs=1e-3) and sum(weights) == pytest.approx(1)
    # another split, other samples, other data, a single member
    for args in (("ensemble", "--runs", one, two, "--name", "x"), ("test", "--run", one), ("validate", "--run", one)):
        assert "was trained on another split of this data" in fails(cli, capsys, *args, "--data.fold", 1)
    capsys.readouterr()
    cli("test", "--run", one, "--data.seed", 1)
    assert "it may know samples that are scored here" in capsys.readouterr().out, (
        "other samples may be scored, and told"
    )
    other = train("other", "--data.fold", 1, data="ToyTrainOnly")
    assert "different data" in fails(cli, capsys, "ensemble", "--runs", one, other, "--name", "x")
    assert "one is given twice" in fails(cli, capsys, "ensemble", "--runs", one, two, one, "--name", "x")
    assert "two or more members" in fails(cli, capsys, "ensemble", "--runs", one, "--name", "x")
    zero = train("zero", "--data.fold", 0, data="ToyTrainOnly")
    assert "different val samples" in fails(cli, capsys, "ensemble", "--runs", zero, other, "--name", "x")
    again = train("again", "--data.fold", 0, "--seed_everything", 3, data="ToyTrainOnly")
    cli("ensemble", "--runs", zero, again, "--name", "validation")
    assert results(tmp_path / "runs/ToySequence/validation")["scored"].startswith("validation fold 0 of 5")
    err = fails(cli, capsys, "ensemble", "--runs", zero, again, "--name", "x", "--fit-weights")
    assert "same validation samples" in err


def test_folds_are_averaged_on_a_test_part_and_never_on_out_of_fold_samples(train, cli, tmp_path, capsys):
    folds = train("kfold", "--folds", 2, verb="kfold")
    cli("ensemble", "--runs", folds)
    found = results(tmp_path / "runs/ToySequence/ensemble")
    assert [m["run"] for m in found["members"]] == ["kfold/fold_0", "kfold/fold_1"]
    (first, label), (second, _) = probs(folds / "fold_0"), probs(folds / "fold_1")
    expected = ((first + second).argmax(1) == label).float().mean().item()
    assert found["metrics"]["test/acc"]["value"] == pytest.approx(expected)
    means = [results(folds / f"fold_{i}")["baselines"]["majority class"]["acc"] for i in (0, 1)]
    assert found["baselines"]["majority class"]["acc"] == pytest.approx(np.mean(means))
    err = fails(cli, capsys, "ensemble", "--runs", folds, "--name", "x", "--fit-weights")
    assert "validation samples, to which --fit-weights would fit. Leave it away" in err and "test_fraction" not in err

    one = train("first", "--folds", 2, verb="kfold", data="ToyTrainOnly")
    err = fails(cli, capsys, "ensemble", "--runs", one, "--name", "x")
    assert "trained on each other's validation samples" in err and "--data.test_fraction" in err
    two = train("second", "--folds", 2, "--model.width", 4, verb="kfold", data="ToyTrainOnly")
    cli("ensemble", "--runs", one, two, "--name", "both", "--fit-weights")
    found = results(tmp_path / "runs/ToySequence/both")
    assert found["metrics"]["oof/acc"]["n"] == 100 and "out-of-fold samples of 2 folds" in found["scored"]
    for member, folder in zip(found["members"], (one, two), strict=True):
        pooled = results(folder)["metrics"]["oof/acc"]["value"]
        assert member["metrics"]["oof/acc"]["value"] == pytest.approx(pooled)
    (folds / "results.json").unlink()
    assert "folds are missing" in fails(cli, capsys, "ensemble", "--runs", folds, "--name", "x")


def test_members_without_probabilities_are_refused(toy, cli, capsys):
    runs = [toy("ToyGan", "--trainer.max_epochs", 1, name=name) for name in ("a", "b")]
    assert "ensemble has no meaning for ToyGan: its predictions have no mean" in fails(
        cli, capsys, "ensemble", "--runs", *runs
    )


class Unlabelled(DataModule):
    """Points in two pools, of which the second has no labels."""

    title, files, submission = "unlabelled", ("x.npz",), "submission.csv"

    def simulate(self):
        rng = np.random.default_rng(0)
        label = rng.integers(0, 2, 60)
        points = (rng.normal(size=(60, 2)) + 2 * label[:, None]).astype(np.float32)
        return {"train": {"point": points[:40], "label": label[:40]}, "predict": {"point": points[40:]}}

    def write_submission(self, path, batches):
        rows = [{"id": b["id"].tolist(), "prob": b["prob"][:, 1].tolist()} for b in batches]
        path.write_text(json.dumps([x for row in rows for x in zip(row["id"], row["prob"], strict=True)]))
        return sum(len(row["id"]) for row in rows)


def test_a_submission_of_folds_is_the_mean_of_their_predictions(cli, tmp_path, capsys):
    toy = ("--model", "tests.toys.ToyNearestMean", "--data", "tests.app.verbs.test_ensemble.Unlabelled", *QUIET)
    cli("kfold", *toy, "--folds", 2)
    folder = tmp_path / "runs/ToyNearestMean/kfold"
    assert "trained on simulated data" in fails(cli, capsys, "submit", "--run", folder)
    cli("submit", "--run", folder, "--allow-simulated")
    assert "20 predictions of the mean of 2 members" in capsys.readouterr().out
    found = json.loads((folder / "submission.csv").read_text())
    assert [row[0] for row in found] == list(range(20))
    expected = torch.stack([probs_of(run) for run in load_members(folder)]).mean(0)
    assert [row[1] for row in found] == pytest.approx(expected.tolist(), abs=1e-6)
    assert "--tta has no meaning for ToyNearestMean" in fails(
        cli, capsys, "submit", "--run", folder, "--allow-simulated", "--tta"
    )


def probs_of(run):
    return run.task.predict_step({"id": 0, "point": torch.from_numpy(run.data.pools["predict"]["point"])})["prob"][:, 1]


def test_blend_weights_minimise_the_nll_on_the_simplex():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.01, 1, (500, 3)) ** [1, 0.5, 4]
    weights = blend_weights(truth)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
    nll = -np.log(truth @ weights).mean()
    for other in rng.dirichlet(np.ones(3), 2000):
        assert nll <= -np.log(truth @ other).mean() + 1e-6
    better = np.stack([np.full(50, 0.9), np.full(50, 0.1)], 1)
    assert blend_weights(better) == pytest.approx([1, 0], abs=1e-4)


def test_truth_probs_of_labels_of_one_column_and_of_masks():
    prob = torch.tensor([[0.2, 0.8], [0.6, 0.4]])
    label = torch.tensor([1, 0])
    assert truth_probs([prob, prob[:, 1]], {"label": label}) == pytest.approx(np.array([[0.8, 0.8], [0.6, 0.6]]))
    masks = torch.tensor([[[0, 1], [1, 0]]])
    pixels = torch.stack([masks == 0, masks == 1], 1).float() * 0.7 + 0.15
    assert truth_probs([pixels], {"mask": masks}) == pytest.approx(np.full((4, 1), 0.85))
    assert len(truth_probs([pixels], {"mask": masks}, ignore=0)) == 2
    with pytest.raises(ValueError, match="label or a mask"):
        truth_probs([prob], {})
