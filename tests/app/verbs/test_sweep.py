"""Sweeps: values of a grid, one resumable run a combination and seed, tables that equal means computed by hand."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from lightning_tasks.app.members import load_run
from lightning_tasks.app.options import parse
from lightning_tasks.app.pages.comparison import pooled_baselines, table_of
from lightning_tasks.app.verbs.sweep.axes import clash, combinations, parse_grid
from lightning_tasks.app.verbs.sweep.summary import counted, draw
from lightning_tasks.app.verbs.sweep.sweep import Sweep, read_file
from tests.conftest import ROOT, results
from tests.processes import Command, rows_of

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", "3",
       "--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false",
       "--trainer.enable_model_summary", "false")  # fmt: skip
SWEEP = ("sweep", *TOY, "--seeds", "0,1", "--grid")
SWEEPS = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))
MODEL = "model: {class_path: tests.toys.ToySequence, init_args: {width: WIDTH}}\n"
DATA = "data: {class_path: tests.toys.ToyDataModule}\ntrainer: {max_epochs: 1, enable_progress_bar: false}\n"


def table(folder):
    with (folder / "sweep.csv").open() as file:
        return list(csv.DictReader(file))


def test_baselines_stand_once_or_for_each_combination_on_which_they_depend():
    pca = {"size=2": {"PCA of 2": {"psnr": 9.0}, "mean": {"psnr": 5.0}, "noisy": {"psnr": 3.0}},
           "size=3": {"PCA of 3": {"psnr": 9.5}, "mean": {"psnr": 5.0}, "noisy": {"psnr": 4.0}}}  # fmt: skip
    combos = [{"combination": name, "baselines": scores} for name, scores in pca.items()]
    assert pooled_baselines(combos) == {
        "PCA of 2": {"test/psnr": 9.0},
        "mean": {"test/psnr": 5.0},
        "noisy, size=2": {"test/psnr": 3.0},
        "noisy, size=3": {"test/psnr": 4.0},
        "PCA of 3": {"test/psnr": 9.5},
    }
    trigram = zip(("lstm", "gru", "scrambled"), (3.0, 3.0, 4.9), strict=True)
    combos = [{"combination": name, "baselines": {"trigram": {"bits": bits}}} for name, bits in trigram]
    assert pooled_baselines(combos) == {"trigram": {"test/bits": 3.0}, "trigram, scrambled": {"test/bits": 4.9}}
    combos = [*combos, {"combination": "shuffled", "baselines": {"trigram": {"bits": 4.9}}}]
    assert set(pooled_baselines(combos)) == {"trigram, lstm and 1 more", "trigram, scrambled and 1 more"}
    assert pooled_baselines([{"combination": "of an earlier version"}]) == {}


# ---- what is compared -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a.b=1,2.5,1e-3", [1, 2.5, 1e-3]),
        ("a.b=[128,128],[],null,true", [[128, 128], [], None, True]),
        ("a.b={x: 1, y: [2, 3]},sgd", [{"x": 1, "y": [2, 3]}, "sgd"]),
        ("a.b='x,y',\"1\"", ["x,y", "1"]),
        ("--a.b= 1 , 2", [1, 2]),
    ],
)
def test_values_of_a_grid_are_yaml_and_commas_in_brackets_do_not_split(text, values):
    assert parse_grid(text) == ("a.b", values)


@pytest.mark.parametrize("text", ["a.b", "a.b=", "=1", "a.b=[1,2"])
def test_a_grid_without_key_or_value_says_what_is_expected(text):
    with pytest.raises(ValueError, match="expected KEY=VALUE|Are brackets"):
        parse_grid(text)


def test_every_combination_has_a_name_of_its_own():
    found = combinations({"model.lr": [0.1, 1], "model.hidden": [[2, 3], None]}, {})
    assert [c.slug for c in found] == ["lr=0.1_hidden=2_3", "lr=0.1_hidden=null", "lr=1_hidden=2_3", "lr=1_hidden=null"]
    assert found[0].settings == {"model.lr": 0.1, "model.hidden": [2, 3]} and found[0].shown["hidden"] == [2, 3]
    found = combinations({"data.seed": [1], "model.seed": [2]}, {"a": {"config": "c.yaml", "x.y": 3}, "b": None})
    assert [(c.slug, c.config, c.settings.get("x.y")) for c in found] == [
        ("a_data.seed=1_model.seed=2", "c.yaml", 3),
        ("b_data.seed=1_model.seed=2", None, None),
    ]
    with pytest.raises(ValueError, match="two combinations are named lr=1"):
        combinations({"model.lr": [1, 1]}, {})
    with pytest.raises(ValueError, match="use letters"):
        combinations({}, {"a/b": {}})
    for seeds in ("0,x", "1,1", ""):
        with pytest.raises(ValueError, match="--seeds: .*expected different whole numbers such as 0,1,2"):
            parse("sweep", ["--seeds", seeds])


def test_what_is_compared_cannot_be_set_for_all():
    keys = {"model.lr", "model.net_args.hidden"}
    assert clash(["--model.net_args", "{}"], keys) == ("--model.net_args", "model.net_args.hidden")
    assert clash(["--model.lr=3"], keys) == ("--model.lr", "model.lr")
    assert clash(["--model", "X", "--model.lrx", "3", "--data.seed", "1"], keys) is None


# ---- runs and tables ------------------------------------------------------------------------------------------


def test_tables_are_means_of_the_runs_and_a_second_call_runs_what_is_missing(tmp_path, cli, capsys):
    cli(*SWEEP, "model.width=2,4")
    folder = tmp_path / "runs/ToySequence/sweep"
    shown = capsys.readouterr().out
    assert "run 3 of 4 (width=2, seed 1): starts" in shown and re.search(r"\| width +\| n \| test/acc", shown)
    found = results(folder)
    for combo in found["combinations"]:
        runs = [results(folder / combo["combination"] / f"seed_{s}") for s in (0, 1)]
        for name in ("test/acc", "test/loss"):
            values = [run["metrics"][name]["value"] for run in runs]
            assert combo["metrics"][name]["mean"] == pytest.approx(np.mean(values))
            assert combo["metrics"][name]["sd"] == pytest.approx(np.std(values, ddof=1))
        assert combo["metrics"]["val/acc"]["mean"] == pytest.approx(np.mean([r["best"]["val/acc"] for r in runs]))
        cell = f"{combo['metrics']['test/acc']['mean']:.4f} ± {combo['metrics']['test/acc']['sd']:.4f}"
        assert cell in (folder / "sweep.md").read_text() and cell in shown
    rows = table(folder)
    assert [(r["width"], r["seed"], r["status"]) for r in rows] == [
        (w, s, "finished") for w in ("2", "4") for s in ("0", "1")
    ]
    one = results(folder / "width=4/seed_1")
    assert float(rows[3]["test/acc"]) == pytest.approx(one["metrics"]["test/acc"]["value"])
    assert int(rows[3]["best_epoch"]) == one["best_epoch"] and one["seed"] == 1
    with (folder / "width=4/seed_1/metrics.csv").open() as file:
        epochs = list(csv.DictReader(file))
    assert float(rows[3]["train/loss"]) == pytest.approx(float(epochs[one["best_epoch"]]["train/loss"]))
    assert float(rows[3]["last/val/loss"]) == pytest.approx(float(epochs[-1]["val/loss"]))
    assert (folder / "sweep.png").read_bytes()[:4] == b"\x89PNG" and not (folder.parent / "latest").exists()
    (folder / "report.html").unlink()
    cli("report", "--run", folder)
    page = (folder / "report.html").read_text()
    assert f"<td>{cell}</td>" in page and "data:image/png" in page
    assert '<a href="width=4/seed_1/report.html">width=4/seed_1</a>' in page
    capsys.readouterr()

    stamp = (folder / "width=4/seed_1/results.json").stat().st_mtime_ns
    cli(*SWEEP, "model.width=4,8", "--metric", "test/loss")
    shown = capsys.readouterr().out
    assert "run 1 of 4 (width=4, seed 0): finished before" in shown and "(width=8, seed 1): starts" in shown
    assert "The table no longer holds width=2: those runs stay in runs/ToySequence/sweep" in shown
    assert (folder / "width=4/seed_1/results.json").stat().st_mtime_ns == stamp
    with pytest.raises(SystemExit):
        cli(*SWEEP, "model.width=4", "--metric", "test/los")
    assert "Did you mean 'test/loss'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli(*SWEEP, "model.width=4", "--model.lr", 0.5)
    err = capsys.readouterr().err
    assert "was made with another configuration: model.lr 0.001 -> 0.5" in err and "--overwrite" in err
    cli(*SWEEP, "model.width=4", "--model.lr", 0.5, "--overwrite", "--seeds", 1)
    assert load_run(folder / "width=4/seed_1").task.hparams.lr == 0.5
    assert load_run(folder / "width=4/seed_0").task.hparams.lr == 0.001


def test_seeds_alone_give_the_spread_of_one_configuration(tmp_path, cli):
    cli("sweep", *TOY, "--seeds", "4,5")
    folder = tmp_path / "runs/ToySequence/sweep"
    assert [(r["variant"], r["seed"]) for r in table(folder)] == [("default", "4"), ("default", "5")]
    assert results(folder)["combinations"][0]["n"] == 2


def test_a_combination_that_fails_is_listed_and_the_others_run(tmp_path, cli, capsys):
    cli(*SWEEP, "model.width=-1,2", "--seeds", 0)
    folder = tmp_path / "runs/ToySequence/sweep"
    failed, fine = table(folder)
    assert failed["status"] == "failed" and "negative" in failed["error"] and fine["status"] == "finished"
    assert "Traceback" in (tmp_path / failed["log"]).read_text()
    assert "- FAILED width=-1, seed 0" in (folder / "sweep.md").read_text() and results(folder)["failed"] == 1
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli(*SWEEP, "model.width=-1,-2", "--seeds", 0)
    assert "2 of 2 runs failed. width=-1/seed_0" in capsys.readouterr().err


def test_a_trial_of_a_sweep_says_how_many_runs_failed(tmp_path, cli, capsys):
    with pytest.raises(SystemExit):
        cli(*SWEEP, "model.width=2,-1,4", "--seeds", 0, "--trainer.fast_dev_run", "true")
    assert "1 of 3 runs failed. width=-1/seed_0" in capsys.readouterr().err
    assert not (tmp_path / "runs/ToySequence/sweep/results.json").exists()


def test_killed_in_the_middle_a_sweep_goes_on_to_the_same_table(tmp_path, cli, capsys):
    long = (*SWEEP, "model.width=2,4", "--seeds", 0, "--trainer.max_epochs", 12)
    killed, whole = (tmp_path / "runs/ToySequence" / name for name in ("killed", "whole"))
    second = killed / "width=4/seed_0"
    Command(*long, "--name", "killed", log=tmp_path / "log").kill_when(lambda: rows_of(second / "metrics.csv") > 3)
    assert [r["status"] for r in table(killed)] == ["finished", "waiting"]
    if (second / "results.json").is_file():
        pytest.skip("the run was done before it could be killed")
    cli(*long, "--name", "killed")
    shown = capsys.readouterr().out
    assert "(width=2, seed 0): finished before" in shown and "(width=4, seed 0): goes on" in shown
    cli(*long, "--name", "whole")
    for row, other in zip(table(killed), table(whole), strict=True):
        row.pop("seconds"), other.pop("seconds")
        assert row == other


WRONG = {
    ("--grid", "model.lrr=1,2"): "Did you mean 'lr'",
    ("--grid", "model.lr=1,2", "--model.lr", "3"): "--model.lr cannot be set for all runs",
    ("--grid", "model.lr=1", "--resume"): "leave --resume away",
    ("--grid", "model.lr=1", "--seed_everything", "1"): "give --seeds",
    ("--grid", "model.lr=1", "--jobs", "0"): "--jobs: 0: need 1 or more",
    ("--grid", "model.lr=0.001,1e-3"): "two combinations are named lr=0.001",
    ("--grid", "model.lr=1,2", "--grid", "model.lr=3"): "--grid model.lr is given twice",
    ("--grid", "model.lr=0.1,"): "a value between or after the commas is missing",
    ("--sweep", "no.yaml"): "no.yaml does not exist",
    (): "nothing to compare",
}


@pytest.mark.parametrize("args", WRONG)
def test_wrong_options_are_one_clear_error_before_any_run(tmp_path, cli, capsys, args):
    with pytest.raises(SystemExit):
        cli("sweep", *TOY, *args)
    assert WRONG[args] in capsys.readouterr().err and not (tmp_path / "runs").exists()


# ---- files ----------------------------------------------------------------------------------------------------


def test_a_file_gives_variants_with_configurations_of_their_own(tmp_path, cli, capsys):
    (tmp_path / "small.yaml").write_text(MODEL.replace("WIDTH", "2") + DATA)
    (tmp_path / "big.yaml").write_text(MODEL.replace("WIDTH", "8") + DATA)
    (tmp_path / "sweeps").mkdir()
    path = tmp_path / "sweeps/sizes.yaml"
    path.write_text(
        "title: Sizes\nconfig: ../small.yaml\nsettings: {model.lr: 0.5, trainer.max_epochs: 3}\nseeds: [3]\n"
        "metrics: [test/loss, test/acc]\nvariants:\n  base:\n  big: {config: ../big.yaml}\n  slow: {model.ema: 0.5}\n"
    )
    cli("sweep", "--sweep", path, "--trainer.max_epochs", 1, "--draws", 3)
    folder = tmp_path / "runs/small/sizes"
    assert [r["variant"] for r in table(folder)] == ["base", "big", "slow"]
    tasks = {name: load_run(folder / name / "seed_3") for name in ("base", "big", "slow")}
    assert [t.task.hparams.width for t in tasks.values()] == [2, 8, 2]
    assert [t.task.hparams.ema for t in tasks.values()] == [0, 0, 0.5] and tasks["big"].task.hparams.lr == 0.5
    assert results(folder / "big/seed_3")["epochs"] == 1  # the command line beats what is set for all
    assert "# Sizes" in (folder / "sweep.md").read_text()
    path.write_text(path.read_text() + "  same: {model.lr: 0.5}\n")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli("sweep", "--sweep", path)
    assert "base and same are the same configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("varants: {}", "unknown key 'varants'. Did you mean 'variants'?"), ("- a", "expected keys"),
     ("3: x", "unknown key 3"), ("seeds: null", "different whole numbers"),
     ("variants: {a: {config: 3}}", "must be text"),
     ("grid: {model.lr: 3}", "must be a list"), ("seeds: [a]", "different whole numbers")],
)  # fmt: skip
def test_wrong_files_are_errors_with_the_remedy(tmp_path, text, message):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_file(tmp_path / "s.yaml")


@pytest.mark.parametrize("path", SWEEPS, ids=lambda p: p.stem)
def test_each_sweep_of_ours_names_valid_keys_and_expands(path):
    found = read_file(path)
    combos = combinations(found.get("grid", {}), found.get("variants") or {})
    sweep = Sweep(
        "x", combos, found["seeds"], [found["config"]], ["--data.source", "simulated"], found.get("settings") or {}
    )
    sweep.plan()
    assert sweep.experiment == Path(found["config"]).stem and len(sweep.runs) == len(combos) * len(found["seeds"])
    assert set(sweep.states.values()) == {"missing"} and found["title"] and found["metrics"]


def test_the_table_says_what_runs_were_diagnosed_as_where_their_task_does():
    assert [counted(said) for said in (["over", "over"], ["over", "under", "over"], ["", ""], [])] == [
        "over", "over 2, under 1", "", ""]  # fmt: skip
    combo = {"shown": {"a": 1}, "combination": "a", "n": 2, "seconds": 3.0, "metrics": {}}
    found = {"shown": ["m"], "axes": ["a"], "combinations": [combo | {"diagnosis": "over"}, combo | {"diagnosis": ""}]}
    head, rows = table_of(found)
    assert head == ["a", "n", "m", "diagnosis", "seconds"] and [row[3] for row in rows] == ["over", "-"]
    assert table_of(found | {"combinations": [combo]})[0] == ["a", "n", "m", "seconds"]  # of an earlier version


@pytest.mark.parametrize("axes", [["a"], ["a", "b"], ["b"], ["a", "b", "c"]])
def test_the_figure_has_a_line_for_each_value_of_the_second_axis_or_a_row_a_combination(axes):
    points = combinations(
        {k: v for k, v in {"a": [1, 10, 100], "b": ["x", None], "c": [1, 2]}.items() if k in axes}, {}
    )
    stat = {"mean": 0.5, "sd": None, "n": 1}
    combos = [{"combination": p.slug, "shown": p.shown, "metrics": {"m": stat}} for p in points]
    runs = [{"combination": p.slug, "status": "finished", "metrics": {"m": 0.5}} for p in points]
    found = {"shown": ["m"], "axes": axes, "combinations": combos, "runs": runs, "title": "", "data_source": "real"}
    panel = draw(json.loads(json.dumps(found))).axes[0]
    if axes in (["a"], ["a", "b"]):
        assert panel.get_xscale() == "log" and panel.get_xlabel() == "a"
        assert (panel.get_legend() is None) == (axes == ["a"])
    else:
        assert [t.get_text() for t in panel.get_yticklabels()] == [p.slug for p in points]
