"""Every verb on texts: k folds and ensembles with vocabularies of their own, sweeps, tuning, reports of data."""

import csv
import json

import numpy as np
import pandas as pd
import torch

from datamodules.audit.texts import text_prints
from datamodules.texts.labelled import LabelledText
from tests.conftest import results

MODEL = ("--model", "lightning_tasks.SentimentTask", "--model.net", "mean", "--model.lr", 0.02)
DATA = ("--data", "tests.app.verbs.test_text.Reviews")
QUICK = ("--trainer.max_epochs", 2, "--draws", 5, "--trainer.enable_progress_bar", "false",
         "--trainer.enable_model_summary", "false")  # fmt: skip
FIT = (*MODEL, *DATA, *QUICK)
CONFIG = """
model: {class_path: lightning_tasks.SentimentTask, init_args: {net: mean, lr: 0.02}}
data: {class_path: tests.app.verbs.test_text.Reviews}
trainer: {max_epochs: 1, enable_progress_bar: false, enable_model_summary: false}
"""
SAME, CONFLICT, NEAR = [3, 90], [5, 91], [8, 93]


class Reviews(LabelledText):
    """120 reviews, good or bad, of 30 words; a copy, a copy with another label, and two that differ in one word."""

    title, files, class_names = "reviews", ("x.csv",), ["bad", "good"]

    def simulate(self):
        rng = np.random.default_rng(0)
        label = np.arange(120) % 2
        words = [[f"{'ab'[y]}{chr(97 + rng.integers(9))}z", *(f"w{chr(97 + w)}{chr(97 + rng.integers(26))}"
                  for w in rng.integers(0, 26, 40))] for y in label]  # fmt: skip
        words[SAME[1]], label[SAME[1]] = words[SAME[0]], label[SAME[0]]
        words[CONFLICT[1]], label[CONFLICT[1]] = words[CONFLICT[0]], 1 - label[CONFLICT[0]]
        words[NEAR[1]], label[NEAR[1]] = [*words[NEAR[0]][:-1], "other"], label[NEAR[0]]
        texts = [" ".join(text) for text in words]
        texts[SAME[1]] = f" {texts[SAME[0]].upper()}  "
        train = self.pool_of_texts(texts, label, [f"r{i}" for i in range(120)])
        return {"train": train}


def rows(path):
    with path.open() as file:
        return {row["id"]: row["reason"] for row in csv.DictReader(file)}


def test_inspect_finds_copies_conflicts_and_near_copies_of_texts(cli, capsys, tmp_path):
    cli("inspect", *MODEL, *DATA, "--data.deduplicate", "false", "--data.folds", 3, "--distance", 8)
    shown = capsys.readouterr().out
    folder = tmp_path / "runs/SentimentTask/inspect"
    assert "planted" not in shown and "label conflicts among duplicates" in shown
    assert rows(folder / "exclude.csv") == {
        "r90": "duplicate of r3",
        "r5": "conflict: same text as r91, another label",
        "r91": "conflict: same text as r5, another label",
    }
    assert rows(folder / "suspects.csv")["r93"] == "near duplicate of r8"
    found = json.loads((folder / "inspect.json").read_text())
    sides = {tuple(leak["parts"]): leak["exact"] for leak in found["leaks"]}
    data = Reviews(deduplicate=False, folds=3)
    data.setup()
    across = sum((a in data.parts["val"]) != (b in data.parts["val"]) for a, b in (SAME, CONFLICT))
    assert sides["train", "val"] == across
    page = (folder / "report.html").read_text()
    assert "Some of the texts" in page and data.pools["train"]["text"][5][:40] in page
    assert "near duplicates" in page

    clean = Reviews(deduplicate=False, exclude=str(folder / "exclude.csv"), groups=str(folder / "groups.csv"))
    clean.setup()
    assert "3 samples left out by exclude.csv." in clean.notes and clean.sizes()["train"] + clean.sizes()["val"] == 117
    cli("inspect", *MODEL, *DATA, "--name", "cleaned")
    found = json.loads((folder.parent / "cleaned/inspect.json").read_text())
    assert all(leak["exact"] == 0 for leak in found["leaks"]) and not found["left_out_and_not_in_exclude"]


def test_prints_of_texts_are_the_same_for_copies_and_alike_for_near_ones():
    text = " ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60))
    texts = [text, text.upper() + "  ", text.replace("wca", "xyz"), " ".join(reversed(text.split()[:30])), "1 2", "3"]
    exact, near = text_prints(texts)
    assert exact[0] == exact[1] != exact[2] and near[0] == near[1]
    apart = np.bitwise_count(near[0] ^ near)
    assert 0 < apart[2] <= 8 < apart[3]
    assert near[4] == near[5], "texts without letters"


def test_folds_and_ensembles_have_vocabularies_of_their_own(cli, capsys, tmp_path):
    cli("kfold", *FIT, "--folds", 2)
    folder = tmp_path / "runs/SentimentTask/kfold"
    table = pd.read_csv(folder / "oof.csv")
    data = Reviews()
    data.setup()
    assert len(table) == 117 and set(table["id"]) == set(data.pools["train"]["name"]) - {"r90", "r5", "r91"}
    words = [torch.load(folder / f"fold_{k}/checkpoints/best.ckpt", weights_only=True)["Reviews"]["fitted"]["words"]
             for k in (0, 1)]  # fmt: skip
    assert words[0] != words[1]
    assert results(folder)["metrics"]["oof/auroc"]["n"] == 117
    held = ("--data.folds", 3, "--data.test_fraction", 0.3)
    for k in (0, 1):
        cli("fit", *FIT, *held, "--data.fold", k, "--name", f"f{k}")
    cli("ensemble", "--runs", "runs/SentimentTask/f0", "runs/SentimentTask/f1")
    assert "test/auroc" in capsys.readouterr().out


def test_sweep_and_tune(cli, tmp_path):
    cli("sweep", *FIT, "--grid", "model.hidden=4,8", "--seeds", "0", "--name", "widths")
    assert (tmp_path / "runs/SentimentTask/widths/sweep.md").read_text().count("|") > 10
    (tmp_path / "mean.yaml").write_text(CONFIG)
    (tmp_path / "space.yaml").write_text(
        "config: mean.yaml\nspace:\n  model.lr: {type: float, low: 0.001, high: 0.1, log: true}\n"
    )
    cli("tune", "--space", tmp_path / "space.yaml", "--trials", 2, "--seeds", "1")
    best = list(tmp_path.glob("runs/*/tune/best.yaml"))
    assert best and "lr" in best[0].read_text()
