"""Runs side by side: paired intervals where the same samples were scored, what differs, curves, folds and sweeps."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lightning_tasks.app import main
from lightning_tasks.app.verbs.report.entries import entries_of
from lightning_tasks.app.verbs.report.pairs import rows_of
from lightning_tasks.app.verbs.report.side_by_side import ranking_of
from lightning_tasks.measures.binary import auroc
from lightning_tasks.plots.side_by_side import ranking_figure
from tests.conftest import results
from tests.small_fits import QUIET

PLAIN = ("--draws", "20", "--figures", "none", "--baselines", "false", *QUIET)
FIT = ("fit", "--model", "tests.toys.ToySequence", "--trainer.max_epochs", "2", *PLAIN)
TEST_PART, VALIDATION = (("--data", f"tests.toys.{name}") for name in ("ToyDataModule", "ToyTrainOnly"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Folder in which runs, folds and a sweep stand under ``runs/ToySequence``."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("compared")
        patch.chdir(folder)
        main([*FIT, *TEST_PART, "--name", "a"])
        main([*FIT, *TEST_PART, "--name", "wide", "--model.width", "32", "--model.lr", "0.1"])
        main([*FIT, *TEST_PART, "--name", "split", "--data.fold", "1"])
        for width in ("2", "8"):
            main(["kfold", *FIT[1:], *VALIDATION, "--folds", "2", "--name", f"k{width}", "--model.width", width])
        shutil.copytree("runs/ToySequence/a", "runs/ToySequence/copy")
        return folder


@pytest.fixture
def compared(home, cli, monkeypatch, capsys):
    """``compared("a", "wide")``: results and printed text of a comparison."""
    monkeypatch.chdir(home)

    def run(*names, **options):
        args = [part for key, value in options.items() for part in (f"--{key}", value)]
        cli("report", "--runs", *(Path("runs/ToySequence") / name for name in names), *args)
        folder = Path("runs/ToySequence") / options.get("name", "comparison")
        return results(folder), capsys.readouterr().out

    return run


def test_runs_on_one_test_part_have_paired_intervals(compared):
    found, shown = compared("a", "wide", "split", "copy")
    _, wide, split, copy = found["runs"]
    change = wide["change"]["acc"]
    assert change["low"] <= change["value"] <= change["high"] and wide["unpaired"] == split["unpaired"] == ""
    values = [run["scores"]["acc"]["value"] for run in found["runs"]]
    assert change["value"] == pytest.approx(values[1] - values[0])
    assert copy["change"]["nll"] == {"value": 0, "low": 0, "high": 0}, "the same predictions: nothing is left of noise"
    width = change["high"] - change["low"]
    apart = np.hypot(*(run["scores"]["acc"]["high"] - run["scores"]["acc"]["low"] for run in found["runs"][:2]))
    assert width < apart, "pairs are narrower than what both intervals say of two independent samples"
    assert "ece" not in change and "low" not in wide["change"].get("ece", {})
    assert found["settings"] == {"model.lr": ["0.001", "0.1", "0.001", "0.001"],
                                 "model.width": ["8", "32", "8", "8"], "data.fold": ["0", "0", "1", "0"]}  # fmt: skip
    assert "their splits are not the same" in found["data"]
    assert "model.width: 8, 32, 8, 8" in shown and "+0.0000 to +0.0000  no difference shown" in shown
    assert shown.rstrip().endswith("Report: runs/ToySequence/comparison/report.html") and "SIMULATED" in shown
    page = Path("runs/ToySequence/comparison/report.html").read_text()
    assert "Curves of loss" in page and "Curves of acc" in page and "<td>model.width</td><td>8</td><td>32</td>" in page
    assert 'href="../wide/report.html"' in page and Path("runs/ToySequence/wide/report.html").is_file()


def test_other_samples_are_said_and_get_no_interval(compared):
    found, shown = compared("k2/fold_0", "k2/fold_1", "a")
    for run, why in zip(found["runs"][1:], ("other samples", "other data"), strict=True):
        assert (
            run["unpaired"] == f"{run['name']} was scored on {why} than k2/fold_0" and "low" not in run["change"]["acc"]
        )
        assert f"No paired interval: {run['unpaired']}." in shown
    assert found["settings"]["data"] == ["ToyTrainOnly", "ToyTrainOnly", "ToyDataModule"]
    assert found["data"] == "Not the same data: a read others than k2/fold_0."


def test_without_draws_there_are_no_intervals_because_none_were_asked_for(compared):
    found, shown = compared("a", "wide", draws=0)
    assert found["runs"][1]["unpaired"] == "--draws 0 asks for none"
    assert "No paired interval: --draws 0 asks for none." in shown


def test_folds_are_paired_over_all_they_pool_and_their_curves_are_means(compared):
    found, _ = compared("k2", "k8")
    first, second = found["runs"]
    assert first["folds"] == 2 and second["unpaired"] == "" and "low" in second["change"]["acc"]
    assert first["scores"]["acc"]["n"] == second["scores"]["acc"]["n"] == 100
    assert list(found["settings"]) == ["model.width"] and "same train, validation and test" in found["data"]
    assert "seconds" in first and first["scored"] == "out-of-fold samples of 2 folds"
    assert Path("runs/ToySequence/comparison/figures/curves_acc.png").is_file(), "val/acc chose the epochs of each fold"


def test_a_sweep_stands_for_its_runs_and_the_page_is_written_again(compared, cli):
    cli("sweep", *FIT[1:], *TEST_PART, "--grid", "model.width=4", "--seeds", "0")
    found, _ = compared("sweep", "a", name="with_sweep")
    assert [run["name"] for run in found["runs"]] == ["sweep/width=4/seed_0", "a"]
    assert all(run["unpaired"] == "" for run in found["runs"])
    folder = Path("runs/ToySequence/with_sweep")
    page = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    cli("report", "--run", folder)
    assert (folder / "report.html").read_text() == page


def test_an_earlier_run_without_rows_of_its_test_part_is_said(compared):
    (rows := Path("runs/ToySequence/copy/test_rows.npz")).rename("rows_aside.npz")
    try:
        found, _ = compared("a", "copy")
    finally:
        Path("rows_aside.npz").rename(rows)
    assert "copy has no test_rows.npz" in found["runs"][1]["unpaired"]
    assert found["runs"][1]["change"]["acc"] == {"value": 0}


def test_two_classes_are_ranked_on_one_axes(compared):
    found, _ = compared("a", "wide", "k2", name="ranked")
    folder = Path("runs/ToySequence/ranked")
    assert "Ranking of the two classes." in (folder / "report.html").read_text()
    assert (folder / "figures/ranking.png").is_file()
    entries = entries_of([Path("runs/ToySequence") / name for name in ("a", "wide", "k2")])
    curves = {}
    for entry, run in zip(entries, found["runs"], strict=True):
        rows, names = rows_of(entry)
        curves[entry.name] = ranking_of((rows, names))
        area = roc_auc_score(rows["label"].numpy(), rows["prob"][:, 1].numpy())
        assert float(auroc(curves[entry.name])) == pytest.approx(area) and len(names) == run["scores"]["acc"]["n"]
    (left, right) = ranking_figure(curves).axes
    assert [line.get_label().split(":")[0] for line in left.lines[:3]] == ["a", "wide", "k2"] and len(right.lines) == 3


WRONG = {
    "one run": (("a",), "compares two or more runs"),
    "one run twice": (("a", "a"), "twice: give different runs"),
    "no run": (("a", "none"), "is no run"),
    "what stands there": (
        ("a", "wide", "--name", "a"),
        "holds a run, which is not replaced by this. Give another",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_compared_has_a_remedy(home, cli, monkeypatch, capsys, case):
    monkeypatch.chdir(home)
    (names, message), rest = WRONG[case], ()
    if "--name" in names:
        names, rest = names[:2], names[2:]
    with pytest.raises(SystemExit):
        cli("report", "--runs", *(f"runs/ToySequence/{name}" for name in names), *rest)
    assert message in capsys.readouterr().err
    assert json.loads((home / "runs/ToySequence/a/results.json").read_text())["task"] == "ToySequence"
