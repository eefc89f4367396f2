"""The guide's own text builds an autoencoder and a text classifier, and every verb works on them or says why not."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.conftest import ROOT, results

PAGE = (ROOT / "docs" / "adding_a_task.md").read_text()
BLOCKS = {name: text for _, name, text in re.findall(r"```(python|yaml)\n# (\S+)\n(.*?)```", PAGE, re.S)}
QUICK = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false", "--draws", 5)
WALKS = {
    "digit_autoencoder": (
        ("--data.limit", 200, "--trainer.max_epochs", 2),
        {
            "ensemble": "no mean",
            "calibrate": "no class probabilities",
            "explain": "no pictures",
            "submit": "asks for none",
        },
    ),
    "reviews": ((), {"explain": "it classifies no pictures", "submit": "asks for none"}),
}


@pytest.fixture
def walk(tmp_path, monkeypatch):
    """Write what the page says into files that Python finds."""

    def write(name: str) -> Path:
        for file in (f"{name}.py", f"{name}.yaml"):
            (tmp_path / file).write_text(BLOCKS[file])
        monkeypatch.syspath_prepend(str(tmp_path))
        sys.modules.pop(name, None)
        return tmp_path / f"{name}.yaml"

    return write


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_is_short(name):
    lines = [line for file in (f"{name}.py", f"{name}.yaml") for line in BLOCKS[file].splitlines() if line.strip()]
    assert len(lines) <= 70


@pytest.mark.parametrize("name", WALKS)
def test_every_verb_works_on_it_or_refuses_with_the_reason(cli, capsys, walk, name):
    config, (options, refusals) = walk(name), WALKS[name]
    run, folds = Path("runs") / name / "default", Path("runs") / name / "kfold"
    fit = ("--config", config, *QUICK, *options)
    cli("fit", *fit)
    found = results(run)
    cli("kfold", *fit, "--folds", 2, "--trainer.max_epochs", 1)
    assert results(folds)["metrics"], "folds that fit something of their own are pooled"
    best = ("--config", run / "config.yaml", "--ckpt_path", run / "checkpoints/best.ckpt")
    capsys.readouterr()
    cli("test", *best)
    capsys.readouterr()
    table = {metric: m["value"] for metric, m in json.loads((run / "test.json").read_text())["metrics"].items()}
    for metric, value in found["metrics"].items():
        assert table[metric] == pytest.approx(value["value"], abs=1.01e-4), metric
    cli("predict", *best)
    assert len(pd.read_csv(run / "predictions_test.csv")) == found["sizes"]["test"]
    cli("report", "--run", run)
    cli("inspect", *fit[:2], *options[:2], "--tsne", 0)
    verbs = {
        "ensemble": ("--runs", run, folds / "fold_1"),
        "calibrate": ("--run", run),
        "explain": ("--run", run),
        "submit": ("--run", run, "--allow-simulated"),
    }
    for verb, args in verbs.items():
        capsys.readouterr()
        if verb in refusals:
            with pytest.raises(SystemExit):
                cli(verb, *args)
            assert refusals[verb] in capsys.readouterr().err
        else:
            cli(verb, *args)


def test_the_text_classifier_learns_and_each_fold_keeps_its_own_words(cli, walk):
    config = walk("reviews")
    cli("fit", "--config", config, *QUICK)
    found = results(Path("runs/reviews/default"))
    assert found["metrics"]["test/acc"]["value"] > 0.8 > found["baselines"]["majority class"]["acc"] + 0.1
    cli("kfold", "--config", config, *QUICK, "--folds", 2, "--trainer.max_epochs", 1)
    words = [
        torch.load(f"runs/reviews/kfold/fold_{i}/checkpoints/best.ckpt", weights_only=True)["ReviewsDataModule"][
            "fitted"
        ]
        for i in (0, 1)
    ]
    assert words[0]["words"] != words[1]["words"]
