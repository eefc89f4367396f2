"""A score in results files: its interval where there is one, and what is said of it."""

import pytest
import torch

from lightning_tasks import ImageClassifier, SequenceChangeTask
from lightning_tasks.app.pages.cautions import cautions
from lightning_tasks.app.scores import scores_of


def rows(prob_of_true, label):
    label = torch.tensor(label)
    prob = torch.full((len(label), 2), 0.0).scatter(1, label[:, None], torch.tensor(prob_of_true)[:, None])
    prob.scatter_(1, 1 - label[:, None], 1 - torch.tensor(prob_of_true)[:, None])
    return {"id": torch.arange(len(label)), "prob": prob, "label": label}


@pytest.fixture
def task():
    return ImageClassifier(net="mlp", net_args={"hidden": [4]}, class_names=["a", "b"])


def test_twenty_of_twenty_right_leaves_a_sixth_open(task):
    perfect = rows([0.6 + 0.01 * i for i in range(20)], [0, 1] * 10)
    found = scores_of(task, "test", perfect, draws=20)
    assert found["test/acc"] == {"value": 1.0, "n": 20, "units": 20, "interval": "exact"} | {
        "low": pytest.approx(0.8316, abs=1e-4), "high": 1.0}  # fmt: skip
    assert found["test/recall_a"]["low"] == found["test/precision_b"]["low"] == pytest.approx(0.6915, abs=1e-4)
    assert "low" not in found["test/auroc"] and found["test/auroc"]["positives"] == 10  # no draw differs
    assert found["test/nll"]["low"] < found["test/nll"]["value"] < found["test/nll"]["high"]
    assert all("low" not in m for m in scores_of(task, "test", perfect, draws=0).values())
    grouped = perfect | {"group": torch.arange(5).repeat_interleave(4)}
    found = scores_of(task, "test", grouped, draws=20)["test/acc"]
    assert found["units"] == 5 and found["low"] == pytest.approx(0.025 ** (1 / 5))  # as five samples


def test_shares_of_other_tasks_have_exact_intervals_too():
    answers = {"id": torch.arange(20), "exact": torch.ones(20, dtype=torch.int64)}
    answers |= dict.fromkeys(("right", "teacher", "count"), torch.full((20,), 7))
    found = scores_of(SequenceChangeTask(symbols=list("ab_"), context=8), "test", answers, draws=20)
    assert found["test/exact"]["interval"] == "exact" and found["test/exact"]["low"] == pytest.approx(0.8316, abs=1e-4)
    assert "interval" not in found["test/token_acc"]


def test_what_is_not_finite_has_no_interval(task):
    broken = rows([0.9, 0.8, 0.3] * 10, [0, 1, 1] * 10)
    broken["prob"][0] = torch.nan
    found = scores_of(task, "test", broken, draws=20)
    assert all(m["value"] != m["value"] and "low" not in m for m in found.values())


def test_few_units_and_few_positives_are_said_in_plain_words(task):
    few = scores_of(task, "test", rows([0.9, 0.8, 0.3, 0.6] * 10, [0, 1, 1, 0] * 10), draws=20)
    units, positives = cautions(few)
    assert "(the least: 20): below 50" in units and "test/nll" in units
    assert "Few samples of the rarer class (the least: 20): below 80" in positives and "test/auroc" in positives
    many = scores_of(task, "test", rows([0.9, 0.8, 0.3, 0.6] * 100, [0, 1, 1, 0] * 100), draws=20)
    assert cautions(many) == [] and cautions({}) == []
