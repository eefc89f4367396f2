"""Naive Bayes: the sheet's example, scikit-learn's numbers, and what cannot be counted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.naive_bayes import BernoulliNB, MultinomialNB

from datamodules import HeadlinesDataModule
from lightning_tasks import NaiveBayesTask
from tests.conftest import ROOT, results

WORDS = ["technology", "culture", "science", "economy", "social", "politics", "sport"]
TRAIN = ["technology culture science economy", "technology culture science social politics",
         "technology culture social politics", "science social politics economy"]  # fmt: skip
TEST1, TEST2 = "technology culture science social", "technology culture science social sport"


def batch(texts, labels=None, vocabulary=WORDS):
    rows = [[vocabulary.index(w) + 2 if w in vocabulary else 1 for w in text.split()] for text in texts]
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int32)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row)
    labels = [0] * len(rows) if labels is None else labels
    return {"id": torch.arange(len(rows)), "tokens": tokens, "length": torch.tensor([len(r) for r in rows]),
            "label": torch.tensor(labels)}  # fmt: skip


def fit(task, b):
    counts = task.counts(b)
    onehot = torch.nn.functional.one_hot(b["label"], task.num_classes).double()
    task.fit_rows({"texts": onehot.sum(0)[None], "words": (onehot.T @ counts)[None]})
    return task


def test_the_worked_example_of_the_sheet():
    """Six words are counted; "sport" of the second text is in no text of training."""
    first, second = batch([TEST1], vocabulary=WORDS[:6]), batch([TEST2], vocabulary=WORDS[:6])
    task = fit(NaiveBayesTask(words=8, alpha=0.0), batch(TRAIN, [0, 0, 1, 1], WORDS[:6]))
    assert task.joint(first).exp()[0].tolist() == pytest.approx([8 / 13122, 2 / 8192], rel=1e-12)
    assert float(task.predict_step(first)["prob"][0, 0]) == pytest.approx(0.71406, abs=5e-6)
    for unseen, joint, first_class in (
        ("outside", [27 / 15**5, 12 / 14**5], 0.61443),  # V = 6: 3.5556e-5 and 2.2312e-5
        ("inside", [27 / 16**5, 12 / 15**5], 0.61969),  # V = 7: 2.5749e-5 and 1.5802e-5
    ):
        task = fit(NaiveBayesTask(words=8, unseen=unseen), batch(TRAIN, [0, 0, 1, 1], WORDS[:6]))
        assert task.joint(second).exp()[0].tolist() == pytest.approx(joint, rel=1e-12)
        out = task.predict_step(second)["prob"][0]
        assert float(out[0]) == pytest.approx(first_class, abs=5e-6) and int(out.argmax()) == 0
    task = fit(NaiveBayesTask(words=8, alpha=0.0, unseen="outside"), batch(TRAIN, [0, 0, 1, 1], WORDS[:6]))
    assert task.joint(second).exp()[0].tolist() == [0, 0], "without smoothing both classes are impossible"
    assert task.predict_step(second)["prob"][0].tolist() == [0.5, 0.5]


def random_texts(n=120, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    texts = [" ".join(f"w{w}" for w in rng.integers(5 * y, 5 * y + 25, rng.integers(1, 60))) for y in label]
    return texts, label.tolist(), [f"w{i}" for i in range(35)]


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("alpha", [1.0, 0.1])
@pytest.mark.parametrize(("model", "theirs"), [("multinomial", MultinomialNB), ("bernoulli", BernoulliNB)])
def test_the_numbers_are_scikit_learns(model, theirs, alpha, uniform):
    texts, label, words = random_texts()
    task = NaiveBayesTask(words=50, alpha=alpha, model=model, uniform_prior=uniform, class_names=["a", "b", "c"])
    fit(task, batch(texts, label, words))
    counts = np.array([[text.split().count(word) for word in words] for text in texts])
    reference = theirs(alpha=alpha, fit_prior=not uniform).fit(counts[:, counts.any(0)], label)
    new_texts, new_label, _ = random_texts(seed=1)
    new = batch(new_texts, new_label, words)
    seen = np.array([[text.split().count(word) for word in words] for text in new_texts])[:, counts.any(0)]
    np.testing.assert_allclose(task.joint(new).numpy(), reference.predict_joint_log_proba(seen), atol=1e-9, rtol=0)
    np.testing.assert_allclose(task.predict_step(new)["prob"].numpy(), reference.predict_proba(seen), atol=1e-9)


def test_long_texts_do_not_underflow_and_the_words_of_a_class_weigh_for_it():
    texts, label, words = random_texts()
    task = fit(NaiveBayesTask(words=50, class_names=["a", "b", "c"]), batch(texts, label, words))
    long = batch([" ".join(["w1"] * 5000)], vocabulary=words)
    assert float(task.predict_step(long)["prob"].max()) == pytest.approx(1)
    one = batch(["w1 w34 nothing"], vocabulary=words)
    weights = task.word_weights(one, torch.tensor([0]))["log odds"][0]
    assert weights[0] > 0 > weights[1] and weights[2] == 0


def test_one_pass_of_the_config_is_near_to_bayes_rule_and_all_verbs_read_it(cli, capsys):
    cli("fit", "--config", ROOT / "configs/headlines_naive_bayes.yaml", "--data.source", "simulated", "--draws", 20,
        "--trainer.enable_progress_bar", "false")  # fmt: skip
    run = Path("runs/headlines_naive_bayes/default")
    found = results(run)
    acc = found["metrics"]["test/acc"]["value"]
    assert acc > 0.5 and acc > found["baselines"]["TF-IDF + logistic"]["acc"]
    assert "nll" not in found["baselines"]["TF-IDF + linear SVM"] and found["epochs"] == 1
    assert "P(word given class)" in (run / "report.html").read_text()
    data = HeadlinesDataModule(source="simulated", test_fraction=0.2)
    data.setup()
    rows = data.parts["train"]
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(tokenizer=data.words_in, token_pattern=None, lowercase=False)
    pool = data.pools["train"]
    reference = MultinomialNB(alpha=0.2).fit(counter.fit_transform(pool["text"][rows]), pool["label"][rows])
    prob = reference.predict_proba(counter.transform(pool["text"][data.parts["test"]]))
    import pandas as pd

    table = pd.read_csv(run / "predictions.csv")
    ours = table[[f"prob_{name}" for name in data.class_names]].to_numpy()
    np.testing.assert_allclose(ours, prob[np.argsort(data.parts["test"])], atol=1e-6)  # seven digits are written
    cli("explain", "--run", run)
    assert json.loads((run / "explain.json").read_text())["deletion"]["log odds"]["low"] > 0
    cli("calibrate", "--run", run)


def test_settings_without_sense():
    for wrong, words in (
        ({"alpha": -1.0, "words": 9}, "alpha=-1.0"), ({}, "words=None"),
        ({"words": 9, "model": "gauss"}, "model='gauss'"),
        ({"words": 9, "unseen": "zero"}, "unseen='zero'"),
        ({"words": 9, "model": "bernoulli", "unseen": "inside"}, "Set unseen to skip"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            NaiveBayesTask(**wrong)


@pytest.mark.parametrize("model", ["multinomial", "bernoulli"])
@pytest.mark.parametrize("uniform", [False, True])
def test_a_class_without_a_text_is_impossible_without_smoothing_and_breaks_no_other(model, uniform):
    names = ["first", "second", "absent"]
    task = NaiveBayesTask(model=model, alpha=0.0, uniform_prior=uniform, words=len(WORDS) + 2, class_names=names)
    fit(task, batch(TRAIN, [0, 0, 1, 1]))
    prob = task.predict_step(batch([TRAIN[0], TRAIN[3]]))["prob"]
    assert torch.isfinite(prob).all() and prob[:, 2].eq(0).all() and prob.argmax(1).tolist() == [0, 1]
