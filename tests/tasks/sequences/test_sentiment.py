"""Sentiment networks: they learn, read vectors, show what they attend to, and refuse what has no sense."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from datamodules import PhraseBankDataModule
from datamodules.simulate.sentences import FINANCE
from lightning_tasks import SentimentTask
from lightning_tasks.nets.text import TEXT_NETS
from lightning_tasks.plots.words import Line, words_as_markdown, words_figure
from tests.conftest import ROOT, results

QUICK = ("--data.source", "simulated", "--trainer.enable_progress_bar", "false", "--draws", 20)
SMALL = (
    "--data.words",
    400,
    "--model.hidden",
    32,
    "--model.dropout",
    0.3,
    "--model.lr",
    0.01,
    "--trainer.max_epochs",
    6,
)
CONFIG = ROOT / "configs/phrasebank_attention.yaml"
CUES = {word for cues in FINANCE.cues.values() for word in cues}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """One run of the config on simulated sentences, quicker and with few rows of word vectors."""
    import os

    from lightning_tasks.app import main

    folder = tmp_path_factory.mktemp("sentiment")
    before = Path.cwd()
    os.chdir(folder)
    try:
        main([str(a) for a in ("fit", "--config", CONFIG, *QUICK, *SMALL)])
    finally:
        os.chdir(before)
    return folder / "runs/phrasebank_attention/default"


@pytest.mark.parametrize("net", TEXT_NETS)
def test_all_weights_of_each_network_change_in_training(net):
    torch.manual_seed(0)
    task = SentimentTask(words=40, width=8, net=net, hidden=8, dropout=0.0)
    before = {name: p.detach().clone() for name, p in task.named_parameters()}
    optimizer = torch.optim.Adam(task.parameters(), 0.01)
    batch = {"id": torch.arange(16), "tokens": torch.randint(1, 40, (16, 9)), "length": torch.arange(16) % 9 + 1,
             "label": torch.arange(16) % 2}  # fmt: skip
    for _ in range(3):
        optimizer.zero_grad()
        task.training_step(batch, 0).backward()
        optimizer.step()
    assert [name for name, p in task.named_parameters() if torch.equal(p, before[name])] == []
    assert (task.embedding.weight[0] == 0).all()


def test_the_network_finds_the_cue_and_comes_near_to_the_best_score(fitted):
    found = results(fitted)
    best = float(re.search(r"auroc (0\.\d+)", next(n for n in found["notes"] if "knows the grammar" in n))[1])
    auroc = found["metrics"]["test/auroc"]["value"]
    assert auroc > best - 0.06 and auroc > found["baselines"]["TF-IDF + logistic"]["auroc"]
    assert {"test/ap", "test/f1", "test/f1_macro", "test/acc"} <= set(found["metrics"])
    assert found["monitor"] == "val/auroc" and found["parameters"] > 10_000


def test_attention_is_in_the_report_as_text_and_figure(fitted):
    text = (fitted / "figures/test_attention.md").read_text()
    assert "(truth: negative)" in text and "%)" in text
    page = (fitted / "report.html").read_text()
    assert "Sentences with the attention of each word" in page and "(truth: negative)" in page
    assert (fitted / "figures/test_attention.png").stat().st_size > 5000
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(fitted), size_guidance={"tensors": 0})
    events.Reload()
    assert {"val/attention/text_summary", "test/attention/text_summary"} <= set(events.Tags()["tensors"])


def test_explain_weighs_words_and_removing_the_highest_matters_more_than_chance(fitted, cli, capsys):
    cli("explain", "--run", fitted, "--count", 3, "--remove", 2)
    assert "without the 2 highest words" in capsys.readouterr().out
    note = json.loads((fitted / "explain.json").read_text())
    assert note["shows"] == "text" and set(note["groups"]) >= {"true_positives", "false_negatives"}
    for check in note["deletion"].values():
        assert check["low"] > 0 and check["highest"] > check["random"] and check["n"] == 500
    near = []
    for sample in note["groups"]["true_positives"]:
        words, alpha = sample["words"], np.array(sample["weights"]["attention"])
        assert alpha.sum() == pytest.approx(1, abs=1e-3) and len(words) == len(alpha)
        place = next(i for i, word in enumerate(words) if word in CUES)
        near.append(alpha[place : place + 4].sum())  # the state of the cue, and those right behind that carry it
    assert np.mean(near) > 0.5
    page = (fitted / "report.html").read_text()
    assert page.count('title="') > 60 and "background: rgba(230, 110, 0" in page
    assert (fitted / "figures/explain_true_positives.png").is_file()
    name = note["groups"]["true_positives"][0]["id"]
    cli("explain", "--run", fitted, "--ids", name)
    assert [s["id"] for s in json.loads((fitted / "explain.json").read_text())["groups"]["chosen"]] == [name]


def test_predictions_have_the_ids_of_the_file_and_calibration_follows(fitted, cli, tmp_path):
    best = fitted / "checkpoints/best.ckpt"
    ends = [("fell", "negative"), ("rose", "positive"), ("grew", "neutral")]
    lines = [f"Profit {ends[i % 3][0]} by {i} % , said ca{i} .@{ends[i % 3][1]}" for i in range(40)]
    (tmp_path / "Sentences.txt").write_text("\n".join(["", *lines]))
    cli("predict", "--config", fitted / "config.yaml", "--ckpt_path", best, "--data.root", tmp_path, "--data.source",
        "real", "--data.test_fraction", 0.5)  # fmt: skip
    table = pd.read_csv(fitted / "predictions_test.csv")
    assert set(table.columns) >= {"id", "prob_negative", "pred", "label"}
    of_line = {i + 2: line.rpartition("@")[2] for i, line in enumerate(lines)}  # the first line is empty
    assert [("negative" if of_line[i] == "negative" else "other") for i in table["id"]] == table["label"].tolist()
    cli("calibrate", "--run", fitted)
    assert (fitted / "calibration.json").is_file()


def test_vectors_of_a_file_are_where_the_network_begins(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("fell 1 2 3\nrose 4 5 6\n")
    data = PhraseBankDataModule(source="simulated", vectors=str(path))
    data.setup()
    facts = data.facts()
    task = SentimentTask(words=facts["words"], width=facts["width"], freeze_vectors=True)
    task.fit_statistics(data.statistics())
    place = data.fitted["words"].index("rose") + 2
    assert task.embedding.weight[place].tolist() == [4, 5, 6] and not task.embedding.weight.requires_grad
    assert (task.embedding.weight[:2] == 0).all() and task.weights_origin == "word vectors of the data"
    with pytest.raises(ValueError, match="Leave --model.words and --model.width away"):
        SentimentTask(words=facts["words"], width=4).fit_statistics(data.statistics())
    with pytest.raises(ValueError, match="freeze_vectors would keep random vectors"):
        SentimentTask(words=50, freeze_vectors=True).fit_statistics({"class_counts": torch.tensor([1, 1])})


def test_settings_without_sense():
    with pytest.raises(ValueError, match="net='lsmt': choose lstm|rnn"):
        SentimentTask(words=50, net="lsmt")
    with pytest.raises(ValueError, match="words is not set"):
        SentimentTask()


def test_weights_of_words_as_text_and_figure():
    line = Line("bad 0.9 (truth: bad)", ["*", "fell", "by", "3"], [0.05, 0.8, 0.1, 0.05])
    text = words_as_markdown([line], bold=1)
    assert r"\*(5%) **fell(80%)** by(10%) 3(5%)" in text and "Largest: fell 0.800" in text
    figure = words_figure([line, Line("long", ["word"] * 300, [0.0] * 300)])
    drawn = [text.get_text() for text in figure.axes[0].texts]
    assert drawn.count("word") == 120 and "fell" in drawn
