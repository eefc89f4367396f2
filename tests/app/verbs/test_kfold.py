"""Folds run, resume and pool: each sample is predicted once, by the fold that did not train on it."""

import csv
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lightning_tasks.app import jobs
from lightning_tasks.app.jobs import environment
from lightning_tasks.app.members import load_members, load_run
from lightning_tasks.app.settings import differences, settings
from lightning_tasks.app.verbs.kfold.pool import scored_on
from lightning_tasks.runs.rowfile import load_rows
from tests.conftest import results
from tests.processes import Command, rows_of

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "20", "--model.lr", "0.05",
       "--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false",
       "--trainer.enable_model_summary", "false")  # fmt: skip
KFOLD = ("kfold", *TOY, "--folds", "3")


def oof(folder):
    with (folder / "oof.csv").open() as file:
        return list(csv.DictReader(file))


def same(first, second):
    """All that a run says about scores, without seconds."""
    one, two = results(first), results(second)
    for found in (one, two):
        found.pop("seconds"), found.pop("name"), found.pop("git_commit")
        [fold.pop("seconds") for fold in found["per_fold"]]
    assert one == two
    assert (first / "oof.csv").read_text() == (second / "oof.csv").read_text()


def test_out_of_fold_scores_are_those_of_each_sample_once(tmp_path, cli, capsys):
    cli(*KFOLD, "--model.ema", 0.9)
    folder = tmp_path / "runs/ToySequence/kfold"
    shown = capsys.readouterr().out
    assert "fold 2 of 3 (fold_1): starts" in shown and "pooled" in shown and "slightly optimistic" in shown
    assert (folder.parent / "latest").resolve() == folder and not (folder / "latest").exists()
    table = shown[shown.index("pooled") :]
    assert "oof/acc" in table and "val/" not in table, "one name for one score, in the table as in the verdict"
    page = (folder / "report.html").read_text()
    assert page.count("<img") >= 1 and ">oof/acc<" in page and "val/acc" not in page
    means = "(mean of 3 folds; the interval is from the lowest to the highest of them)"
    assert means in shown and means in page, "n of a mean over folds is no number of samples"
    beside = results(folder)["baselines"]
    assert beside and all(f">{name}</th>" in page for name in beside)
    rows = oof(folder)
    assert [int(r["id"]) for r in rows] == list(range(100))  # the test pool of 20 is none of them
    found = results(folder)
    right = [float(r["prob_positive"]) > float(r["prob_negative"]) for r in rows] == np.array(
        [r["label"] == "positive" for r in rows]
    )
    pooled = found["metrics"]["oof/acc"]
    assert pooled["value"] == pytest.approx(np.mean(right), abs=1e-6) and pooled["n"] == 100
    assert pooled["low"] <= pooled["value"] <= pooled["high"]
    values = [np.mean([h for h, r in zip(right, rows, strict=True) if int(r["fold"]) == i]) for i in range(3)]
    assert [f["metrics"]["val/acc"] for f in found["per_fold"]] == pytest.approx(values, abs=1e-6)
    assert found["over_folds"]["val/acc"]["mean"] == pytest.approx(np.mean(values), abs=1e-6)
    assert found["over_folds"]["val/acc"]["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    assert [f["metrics"]["test/acc"] for f in found["per_fold"]] == [
        results(folder / f"fold_{i}")["metrics"]["test/acc"]["value"] for i in range(3)
    ]
    for run in load_members(folder):  # rows of the best weights, not of the last or of the moving average's last
        kept, _ = load_rows(run.dir.rows)
        assert kept["id"].tolist() == run.data.parts["val"].tolist()
        batches = [run.data.on_after_batch_transfer(b, 0) for b in run.data.val_dataloader()]
        expected = torch.cat([run.task.predict_step(b)["prob"] for b in batches])
        torch.testing.assert_close(kept["prob"], expected, atol=1e-6, rtol=1e-5)
    before = (folder / "report.html").read_text()
    cli("report", "--run", folder)
    assert (folder / "report.html").read_text() == before


def test_what_folds_keep_together_stands_with_their_scores():
    fold = {"split": {"val": "fold 0 of 5, grouped, by colour"}}
    assert scored_on(fold, 5, bags=False) == "out-of-fold samples of 5 folds, grouped, by colour"


def test_without_a_test_part_the_scored_part_is_the_validation_fold_and_says_so(tmp_path, toy):
    run = toy("ToySequence", "--trainer.max_epochs", 1, "--data", "tests.toys.ToyTrainOnly")
    assert results(run)["scores_validation"]
    rows, names = load_rows(run / "rows.npz")
    with (run / "predictions.csv").open() as file:
        assert [row["id"] for row in csv.DictReader(file)] == names.tolist()
    assert len(rows["id"]) == results(run)["sizes"]["val"] == 20


def test_killed_in_the_middle_only_the_missing_folds_run_and_the_result_is_the_same(tmp_path, cli, capsys):
    long = ("--trainer.max_epochs", 12, "--model.schedule", "none", "--model.lr", 0.003)
    cli(*KFOLD, *long, "--name", "whole")
    whole, killed = (tmp_path / "runs/ToySequence" / name for name in ("whole", "killed"))
    command = Command(*KFOLD, *long, "--name", "killed", log=tmp_path / "log")
    command.kill_when(lambda: rows_of(killed / "fold_1/metrics.csv") > 3)
    if (killed / "fold_1/results.json").is_file():
        pytest.skip("the fold was done before it could be killed")
    assert (killed / "fold_0/results.json").is_file() and not (killed / "fold_2").exists()
    stamp = (killed / "fold_0/results.json").stat().st_mtime_ns
    capsys.readouterr()
    cli(*KFOLD, *long, "--name", "killed")
    shown = capsys.readouterr().out
    assert "fold 1 of 3 (fold_0): finished before" in shown
    assert "fold 2 of 3 (fold_1): goes on" in shown and "fold 3 of 3 (fold_2): starts" in shown
    assert (killed / "fold_0/results.json").stat().st_mtime_ns == stamp
    same(whole, killed)
    # killed after the last epoch, before the scores were written
    for name in ("results.json", "rows.npz"):
        (killed / "fold_2" / name).unlink()
    cli(*KFOLD, *long, "--name", "killed")
    same(whole, killed)


def test_single_folds_as_cluster_jobs_pool_when_the_last_is_done(tmp_path, cli, capsys):
    two = (*KFOLD, "--folds", 2, "--name")
    cli(*two, "whole")
    folder = tmp_path / "runs/ToySequence/parts"
    cli(*two, "parts", "--fold", 1, "--jobs", 1)  # in a process of its own
    shown = capsys.readouterr().out
    assert "log in runs/ToySequence/parts/fold_1.log" in shown and "fold 2 of 2 (fold_1): done" in shown
    assert "Still missing: folds 0." in shown and not (folder / "results.json").exists()
    cli(*two, "parts", "--fold", 0)
    same(tmp_path / "runs/ToySequence/whole", folder)


def test_a_fold_that_fails_is_named_with_its_last_words_and_the_others_run(tmp_path, cli, capsys, monkeypatch):
    door = tmp_path / "door.py"
    door.write_text("import sys; print('error: fell'); sys.exit(2 * ('kfold/fold_1' in sys.argv))")
    monkeypatch.setattr(jobs, "DOOR", [sys.executable, str(door)])
    with pytest.raises(SystemExit):
        cli(*KFOLD, "--jobs", 2)
    shown = capsys.readouterr()
    assert "1 of 3 folds failed. fold_1: error: fell" in shown.err
    assert "(fold_1): FAILED" in shown.out and "(fold_2): done" in shown.out


def test_bags_are_scored_by_the_mean_of_those_a_sample_is_out_of(tmp_path, cli):
    cli(*KFOLD, "--bootstrap", "--folds", 2)
    folder = tmp_path / "runs/ToySequence/bags"
    rows, found = oof(folder), results(folder)
    runs = load_members(folder)
    assert found["kind"] == "bags" and found["metrics"]["oof/acc"]["n"] == len(rows) > 50
    outside = [set(run.data.parts["val"].tolist()) for run in runs]
    pool = {k: torch.from_numpy(v) for k, v in runs[0].data.pools["train"].items()}
    for row in rows[:20]:
        i = int(row["id"])
        batch = {k: v[i : i + 1] for k, v in pool.items()}
        probs = [
            run.task.predict_step(batch)["prob"][0, 1].item() for run, o in zip(runs, outside, strict=True) if i in o
        ]
        assert int(row["bags"]) == len(probs) > 0
        assert float(row["prob_positive"]) == pytest.approx(np.mean(probs), abs=1e-6)


def test_a_task_without_probabilities_has_bags_but_no_mean_of_them(tmp_path, cli, capsys):
    gan = ("--model", "tests.toys.ToyGan", "--data", "tests.toys.ToyDataModule", *TOY[4:], "--folds", 2)
    cli("kfold", *gan, "--bootstrap")
    assert "No out-of-bag scores" in capsys.readouterr().out
    assert results(tmp_path / "runs/ToyGan/bags")["metrics"] == {}


WRONG = {
    ("--data.fold", 1): "leave it away",
    ("--fold", 3): "--fold 3 is out of range: with --folds 3 the folds are 0..2",
    ("--folds", 1): "--folds 1: need 2 or more",
    ("--jobs", 0): "--jobs: 0: need 1 or more",
    ("--resume",): "leave --resume away",
    ("--name", "."): "--name: '.': need a name that is not empty",
    ("--model.lrr", 1): "Did you mean 'lr'?",
}


@pytest.mark.parametrize("args", WRONG)
def test_wrong_options_are_one_clear_error(tmp_path, cli, capsys, args):
    with pytest.raises(SystemExit):
        cli(*KFOLD, *args)
    assert WRONG[args] in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_another_configuration_is_refused_and_overwrite_replaces(tmp_path, cli, capsys):
    cli(*KFOLD, "--fold", 0)
    with pytest.raises(SystemExit):
        cli(*KFOLD, "--model.width", 4)
    err = capsys.readouterr().err
    assert "fold_0 was made with another configuration: model.width 8 -> 4" in err and "--overwrite" in err
    shutil.rmtree(tmp_path / "runs/ToySequence/kfold/fold_0/checkpoints")
    cli(*KFOLD, "--fold", 0, "--draws", 5)  # finished, and draws change no prediction
    cli(*KFOLD, "--fold", 0, "--model.width", 4, "--overwrite")
    assert load_run("runs/ToySequence/kfold/fold_0").task.embedding.weight.shape == (9, 4)
    with pytest.raises(SystemExit):
        cli(*KFOLD, "--fold", 1)  # said before it trains
    assert "fold_0 was made with another configuration: model.width 4 -> 8" in capsys.readouterr().err
    assert not (tmp_path / "runs/ToySequence/kfold/fold_1").exists()
    cli(*KFOLD, "--fold", 1, "--overwrite")
    assert "Not pooled yet. runs/ToySequence/kfold/fold_0 was made with another" in capsys.readouterr().out
    assert (tmp_path / "runs/ToySequence/kfold/fold_1/results.json").is_file()


def test_a_finished_fold_that_is_trained_on_and_killed_is_not_finished(tmp_path, cli, capsys):
    cli(*KFOLD, "--model.schedule", "none", "--fold", 0)
    folder = tmp_path / "runs/ToySequence/kfold"
    on = ("--config", folder / "fold_0/config.yaml", "--resume", "--trainer.max_epochs", 4000)
    command = Command("fit", *map(str, on), log=tmp_path / "log")
    command.kill_when(lambda: rows_of(folder / "fold_0/metrics.csv") > 4)
    assert not (folder / "fold_0/results.json").is_file()
    cli(*KFOLD, "--model.schedule", "none", "--fold", 0, "--trainer.max_epochs", epochs := 500)
    assert "fold 1 of 3 (fold_0): goes on" in capsys.readouterr().out
    assert results(folder / "fold_0")["epochs"] == epochs


def test_training_on_several_devices_starts_each_fold_by_itself():
    trainer = SimpleNamespace(accelerator="auto", devices=1, num_nodes=1)
    assert jobs.one_process(trainer) and not jobs.one_process(
        SimpleNamespace(accelerator="auto", devices=1, num_nodes=2)
    )
    assert not jobs.one_process(SimpleNamespace(accelerator="auto", devices=2, num_nodes=1))


def test_settings_are_compared_by_their_command_line_names():
    old = settings("data: {class_path: A, init_args: {fold: 1}}\nname: x\ntrainer: {max_epochs: 2}")
    assert old == {"data.class_path": "A", "data.fold": 1, "trainer.max_epochs": 2}
    assert differences(old, old | {"data.fold": 2, "new": 1}) == ["data.fold 1 -> 2", "new None -> 1"]


def test_processes_share_threads_and_devices(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert environment(0, 100, 0)["OMP_NUM_THREADS"] == "1" and "CUDA_VISIBLE_DEVICES" not in environment(0, 2, 1)
    assert [environment(i, 3, 2)["CUDA_VISIBLE_DEVICES"] for i in range(3)] == ["0", "1", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert environment(1, 2, 2)["CUDA_VISIBLE_DEVICES"] == "6"


def test_predictions_of_folds_are_their_mean(tmp_path, cli, capsys):
    cli(*KFOLD)
    folder = tmp_path / "runs/ToySequence/kfold"
    cli("predict", "--run", folder)
    assert "kfold/predictions_test.csv: the mean of 3 networks" in capsys.readouterr().out

    def predicted(place):
        with (place / "predictions_test.csv").open() as file:
            return [[float(row["prob_positive"]), int(row["id"])] for row in csv.DictReader(file)]

    for fold in range(3):
        cli("predict", f"--run={folder / f'fold_{fold}'}")
    single = np.array([predicted(folder / f"fold_{fold}") for fold in range(3)])
    np.testing.assert_allclose(predicted(folder), single.mean(0), atol=1e-6)
    assert single.std(0)[:, 0].max() > 1e-3, "networks differ"


def test_folds_do_not_predict_what_they_were_trained_on(tmp_path, cli, capsys):
    cli(*(arg.replace("ToyDataModule", "ToyTrainOnly") for arg in KFOLD))
    with pytest.raises(SystemExit):
        cli("predict", "--run", "runs/ToySequence/kfold")
    assert "no unlabelled part and no test part: most networks" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "runs/ToySequence/kfold/fold_2")
    (tmp_path / "runs/ToySequence/kfold/results.json").unlink()
    with pytest.raises(SystemExit):
        cli("predict", "--run", "runs/ToySequence/kfold")
    assert "folds are missing" in capsys.readouterr().err
