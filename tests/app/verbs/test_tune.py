"""Tuning: budgets that hold over kills and processes, pruning, no look at the test part, winners tested once."""

import csv
import math
import multiprocessing
import sys
import time
from types import SimpleNamespace

import lightning
import numpy as np
import pytest
import torch
import yaml
from optuna.pruners import MedianPruner, NopPruner
from optuna.trial import TrialState
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_tasks.app import jobs
from lightning_tasks.app.verbs.tune.space import read_space
from lightning_tasks.app.verbs.tune.study import KILLS, Search, make_pruner
from lightning_tasks.app.verbs.tune.trial import Report
from lightning_tasks.app.verbs.tune.tuning import Tuning
from tests.conftest import ROOT, results

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "3",
       "--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")  # fmt: skip
LR = "model.lr: {type: float, low: 1e-3, high: 0.5, log: true}"
SPACE = "space:\n  " + LR + "\n  model.width: {type: categorical, choices: [2, 8, -1]}\n"
SPACES = sorted((ROOT / "configs" / "tune").glob("*.yaml"))


@pytest.fixture
def tune(tmp_path, cli):
    """Run ``tune`` on a toy with a given space; return its folder."""

    def run(*args, space=SPACE):
        (tmp_path / "space.yaml").write_text(space)
        cli("tune", *TOY, "--trainer.max_epochs", 3, "--space", "space.yaml", *args)
        return tmp_path / "runs/ToySequence/tune"

    return run


def table(folder):
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def search(folder, trials, name="random", pruner=None):
    return Search(folder, name, trials, seed=0, direction="maximize", pruner=pruner or NopPruner())


def values_of(found):
    return [(t.params, t.value) for t in found.study.get_trials(states=(TrialState.COMPLETE,))]


# ---- budget ---------------------------------------------------------------------------------------------------


def run_all(found, space, until=None):
    """Play trials whose value is a function of what was drawn."""
    while until is None or len(found.done()) < until:
        asked = found.ask(space)
        if asked is None:
            return
        trial, _, values = asked
        time.sleep(0.01)
        found.tell(trial, TrialState.COMPLETE, -abs(math.log(values["model.lr"] / 0.05)))


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_an_interrupted_trial_runs_again_and_the_search_goes_on_as_if_nothing_had_been(tmp_path, name):
    (tmp_path / "s.yaml").write_text("space:\n  " + LR)
    space = read_space(tmp_path / "s.yaml")
    whole, broken = search(tmp_path / "whole", 9, name), search(tmp_path / "broken", 9, name)
    run_all(whole, space)
    run_all(broken, space, until=4)
    _, place, values = broken.ask(space)
    assert place == 4 and broken.elsewhere() == 1
    broken.let_go()  # as the system does when a process dies
    assert broken.elsewhere() == 0
    again = search(tmp_path / "broken", 9, name)  # another process
    trial, place, drawn = again.ask(space)
    assert (place, drawn) == (4, values) and trial.number == 5
    again.tell(trial, TrialState.COMPLETE, -abs(math.log(drawn["model.lr"] / 0.05)))
    run_all(again, space)
    assert again.ask(space) is None and len(again.done()) == 9
    assert values_of(again) == values_of(whole)
    more = search(tmp_path / "broken", 11, name)
    run_all(more, space)
    assert values_of(more)[:9] == values_of(whole) and len(more.done()) == 11


def test_a_trial_that_kills_its_process_counts_as_failed_in_the_end(tmp_path):
    (tmp_path / "s.yaml").write_text("space:\n  " + LR)
    space, drawn = read_space(tmp_path / "s.yaml"), []
    for _ in range(KILLS):
        found = search(tmp_path, 2)
        drawn.append(found.ask(space)[2])
        found.let_go()
    assert drawn[0] == drawn[1] == drawn[2]
    found = search(tmp_path, 2)
    trial, place, values = found.ask(space)
    assert place == 1 and values != drawn[0]
    found.tell(trial, TrialState.COMPLETE, 0.0)
    assert [t.state for t in found.done()] == [TrialState.FAIL, TrialState.COMPLETE] and found.ask(space) is None


def work(folder, space, pid):
    found = search(folder, 16)
    run_all(found, space)
    (folder / f"done_{pid}").write_text(str(len(found.done())))


def test_processes_share_a_study_and_keep_its_budget(tmp_path):
    (tmp_path / "s.yaml").write_text("space:\n  " + LR)
    space = read_space(tmp_path / "s.yaml")
    workers = [multiprocessing.get_context("fork").Process(target=work, args=(tmp_path, space, i)) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    found = search(tmp_path, 16)
    assert len(found.done()) == 16 and found.elsewhere() == 0
    drawn = [t.params["model.lr"] for t in found.done()]
    assert len(set(drawn)) == 16, "no two processes drew alike"
    alone = search(tmp_path / "alone", 16)
    run_all(alone, space)
    np.testing.assert_allclose(sorted(drawn), sorted(t.params["model.lr"] for t in alone.done()))


# ---- pruning --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["median", "hyperband", "none"])
def test_a_trial_worse_than_the_others_is_pruned_at_a_validation(tmp_path, name):
    (tmp_path / "s.yaml").write_text("space:\n  " + LR)
    space, found = read_space(tmp_path / "s.yaml"), search(tmp_path, 40, pruner=make_pruner(name, 8, epochs=9))
    stopped = []
    for number in range(30):  # the longer the search, the worse
        trial, _, _ = found.ask(space)
        report = Report(trial, "val/acc", "max")
        trainer = SimpleNamespace(
            callback_metrics={}, max_epochs=9, current_epoch=0, should_stop=False, sanity_checking=False
        )
        while trainer.current_epoch < 9 and not trainer.should_stop:
            trainer.callback_metrics = {"val/acc": torch.tensor(trainer.current_epoch - float(number))}
            report.on_validation_end(trainer, None)
            trainer.current_epoch += 1
        assert report.pruned == trainer.should_stop and report.best == report.values[trainer.current_epoch - 1]
        assert report.epochs == trainer.current_epoch
        stopped.append(trainer.current_epoch)
        found.tell(trial, *((TrialState.PRUNED,) if report.pruned else (TrialState.COMPLETE, report.best)))
    if name == "none":
        assert set(stopped) == {9}
    else:
        assert stopped[0] == 9 and min(stopped) < 4 and sum(stopped) < 200
    if name == "median":
        assert isinstance(found.study.pruner, MedianPruner) and set(stopped[2:]) == {1}


# ---- the verb -------------------------------------------------------------------------------------------------


def test_search_control_and_winners_end_to_end(tune, cli, capsys, monkeypatch):
    tested, whole = [], lightning.Trainer.test
    monkeypatch.setattr(lightning.Trainer, "test", lambda self, *a, **k: tested.append(1) or whole(self, *a, **k))
    folder = tune("--trials", 6, "--seeds", "5,6")
    shown = capsys.readouterr().out
    found, rows = results(folder), table(folder)
    assert "trial 6 of 6 (tpe_5)" in shown and "trial 6 of 6 (random_5)" in shown
    # equal budget, and what failed is recorded
    for name in ("tpe", "random"):
        own = [r for r in rows if r["search"] == name]
        counts = {state: sum(r["state"] == state for r in own) for state in ("complete", "pruned", "fail")}
        s = found["searches"][name]
        assert len(own) == s["trials"] == 6 and [s["complete"], s["pruned"], s["failed"]] == list(counts.values())
        assert all(int(r["epochs"]) == 3 for r in own if r["state"] == "complete")
        best = max((r for r in own if r["state"] == "complete"), key=lambda r: float(r["value"]))
        assert s["best"]["value"] == float(best["value"])
        for r in own:
            assert (r["state"] == "fail") == (r["model.width"] == "-1") == bool(r["error"])
            trial = folder / "trials" / f"{name}_{r['trial']}"
            assert trial.with_suffix(".log").is_file() if r["error"] else (trial / "metrics.csv").is_file()
    assert found["searches"]["tpe"]["failed"] + found["searches"]["random"]["failed"] > 0
    assert not list((folder / "trials").rglob("*.ckpt")) and not list((folder / "trials").rglob("events*"))
    # the test part is read once for each final run, and never with the search's seed
    finals = sorted((folder / "final").glob("*/seed_*/results.json"))
    assert len(tested) == len(finals) == 6 and {p.parent.name for p in finals} == {"seed_5", "seed_6"}
    by_hand = [results(p.parent) for p in finals if "by_hand" in str(p)]
    mean = np.mean([r["metrics"]["test/acc"]["value"] for r in by_hand])
    combos = {c["combination"]: c for c in found["final"]["combinations"]}
    assert combos["by_hand"]["metrics"]["test/acc"]["mean"] == pytest.approx(mean)
    best = max((s["best"] for s in found["searches"].values()), key=lambda best: best["value"])
    assert found["searches"][found["best"]]["best"] == best and f"Best by validation, of {found['best']}: " in shown
    config = yaml.safe_load((folder / "best.yaml").read_text())
    assert config["model"]["init_args"]["lr"] == best["params"]["model.lr"] and config["seed_everything"] == 0
    cli("fit", "--config", folder / "best.yaml", "--trainer.fast_dev_run", "true")
    (events,) = folder.glob("events.out.tfevents*")
    shown = EventAccumulator(str(events)).Reload()
    assert {"history", "effects"} <= set(shown.Tags()["images"])
    for name in shown.Tags()["images"]:
        assert shown.Images(name)[0].encoded_image_string == (folder / "figures" / f"{name}.png").read_bytes()
    assert "by hand" in (folder / "tune.md").read_text()
    page = (folder / "report.html").read_text()
    assert "by hand" in page and page.count("data:image/png") >= 2 and "/seed_5/report.html" in page

    tested.clear(), capsys.readouterr()
    tune("--trials", 6, "--seeds", "5,6")
    shown = capsys.readouterr().out
    assert "tpe: all 6 trials were run before" in shown and not tested and table(folder) == rows
    tune("--trials", 7, "--seeds", "5,6", "--only", "tpe")
    shown = capsys.readouterr().out
    assert "trial 7 of 7 (tpe_6)" in shown and "trial 6 of" not in shown and not tested
    with pytest.raises(SystemExit):
        tune("--trials", 7, "--model.ema", 0.5)
    assert "was made with another configuration: model.ema 0.0 -> 0.5. Add --study NAME" in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "values", "best"), [
    ("max", (0.8, 0.9), "random"), ("max", (0.8, 0.8), "tpe"),
    ("min", (0.8, 0.9), "tpe"), ("min", (0.8, 0.1), "random"),
])  # fmt: skip
def test_the_best_is_that_of_all_searches_also_where_a_control_won(mode, values, best):
    tuning = Tuning(*[None] * 6, mode, None)
    trials = [SimpleNamespace(best=lambda value=value: SimpleNamespace(value=value)) for value in values]
    assert tuning.best_of(dict(zip(("tpe", "random"), trials, strict=True))) == best


def test_a_winner_that_is_the_configuration_by_hand_is_trained_once_and_lists_may_be_choices(tune):
    space = (
        "space:\n  model.width: {type: categorical, choices: [8, -1]}\n"
        "  data.augment: {type: categorical, choices: [null, [{hflip: {p: 0.5}}]]}\n"
    )
    folder = tune("--trials", 6, "--seeds", "5", "--control", "none", space=space)  # all others fail: no pictures
    (combo,) = results(folder)["final"]["combinations"]
    assert combo["shown"]["configuration"].endswith("= by hand") and (folder / "figures/effects.png").is_file()


def test_an_unknown_metric_stops_the_first_trial_and_spends_nothing(tune, capsys):
    with pytest.raises(SystemExit):
        tune("--trials", 2, "--metric", "val/accu", "--mode", "max")
    assert "Did you mean 'val/acc'" in (shown := capsys.readouterr()).err and "trial 2 of" not in shown.out
    folder = tune("--trials", 1, "--seeds", "5", "--control", "none")
    assert results(folder)["searches"]["tpe"]["trials"] == 1


def test_no_trial_begins_after_the_timeout_and_the_control_gets_as_many(tune, capsys):
    with pytest.raises(SystemExit):
        tune("--trials", 3, "--timeout", 0)
    shown = capsys.readouterr()
    assert "trial 1" not in shown.out and "no trial of the tpe search was completed" in shown.err


def test_a_search_that_only_fails_stops_and_says_why(tune, capsys):
    with pytest.raises(SystemExit):
        tune("--trials", 9, space="fixed: {model.width: -1}\nspace:\n  " + LR)
    shown = capsys.readouterr()
    assert "the first 3 trials failed" in shown.err and "negative" in shown.err and "trial 4 of" not in shown.out


def test_processes_side_by_side_run_trials_of_one_search_only(tmp_path, tune, monkeypatch):
    door = tmp_path / "door.py"
    door.write_text("import sys; print(*sys.argv[1:])")
    monkeypatch.setattr(jobs, "DOOR", [sys.executable, str(door)])
    with pytest.raises(SystemExit):  # these processes run no trial
        tune("--trials", 3, "--jobs", 2, "--control", "none")
    told = (tmp_path / "runs/ToySequence/tune/tpe_worker_1.log").read_text()
    assert "--only tpe --trials 3" in told and "--jobs" not in told


WRONG = {
    ("--seeds", "0,1"): "--seeds holds 0, the seed of the search",
    ("--model.lr", "0.1"): "--model.lr cannot be set for all trials",
    ("--metric", "test/acc"): "begins with val/",
    ("--metric", "val/loss"): "add --mode min or --mode max",
    ("--trials", "0"): "--trials: 0: need 1 or more",
    ("--name", "x"): "give --study NAME",
    ("--trainer.devices", "2"): "one device",
    ("--trainer.fast_dev_run", "true"): "a search compares scores, and such a run has none. Try it with --trials 1",
    ("--study", ""): "--study: '': need a name that is not empty",
    ("--model.emaa", "3"): "Did you mean 'ema'",
}


@pytest.mark.parametrize("args", WRONG)
def test_wrong_options_are_one_clear_error_before_any_trial(tmp_path, tune, capsys, args):
    with pytest.raises(SystemExit):
        tune(*args)
    assert WRONG[args] in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_an_unknown_key_of_the_space_is_an_error_before_any_trial(tmp_path, tune, capsys):
    with pytest.raises(SystemExit):
        tune(space="space:\n  model.emaa: {type: float, low: 0, high: 0.5}")
    assert "Did you mean 'ema'" in capsys.readouterr().err and not (tmp_path / "runs").exists()
