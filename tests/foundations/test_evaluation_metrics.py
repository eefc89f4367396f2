"""The exercise on evaluation metrics, and the verb that runs exercises."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape
from sklearn.metrics import confusion_matrix

from lightning_tasks.foundations import EXERCISES, exercise_title
from lightning_tasks.foundations.evaluation_metrics import EvaluationMetrics, confusion_counts, metrics_of
from lightning_tasks.problems.exercise import Check


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_counts_are_those_of_scikit_learn(pairs):
    truth, said = np.array(pairs).T
    tn, fp, fn, tp = confusion_matrix(truth, said, labels=[False, True]).ravel()
    assert confusion_counts(truth, said) == {"tp": tp, "fp": fp, "tn": tn, "fn": fn}


def test_a_share_of_nothing_is_no_number_and_wrong_lists_are_errors():
    found = metrics_of({"tp": 0, "fp": 0, "tn": 3, "fn": 0})
    assert np.isnan(found["precision"]) and np.isnan(found["recall"]) and found["accuracy"] == 1
    for truth, said in (([1], [1, 0]), ([], []), ([[1]], [[1]])):
        with pytest.raises(ValueError, match="need two lists of the same length"):
            confusion_counts(np.array(truth), np.array(said))


def test_equal_prices_choose_what_accuracy_chooses_and_other_prices_do_not():
    for cost, phrase in ((1.0, "where accuracy is highest: at equal prices"), (0.05, "is least at")):
        answer = EvaluationMetrics(accused_cost=cost).answer()
        ((head, rows),) = [(table.columns, table.rows) for table in answer.tables]
        accuracy, costs = (np.array([row[head.index(name)] for row in rows]) for name in ("accuracy", "cost"))
        assert phrase in answer.text and ("accuracy is highest" in answer.text) == (cost == 1)
        assert (accuracy.argmax() == costs.argmin()) == (cost == 1)


def test_a_check_compares_numbers_by_tolerance_and_others_exactly():
    assert Check("a", 1.0 + 1e-12, 1).holds and not Check("a", 1.1, 1).holds and Check("a", 1.05, 1, 0.1).holds
    assert Check("a", [6, 1, 2], [6, 1, 2]).holds and not Check("a", "x", "y").holds
    assert Check("a", [[0.1 + 0.2]], [[0.3]]).holds and not Check("a", [[0.1]], [[0.1, 0.2]]).holds


SHORT = {  # those that train networks, with fewer steps: what must hold does not depend on them
    "G16": ("--epochs", 10),
    "G17": ("--steps", 20, "--sizes", "[60,120]", "--rows", "[30]", "--seeds", "[0]"),
    "G18": ("--steps", 20, "--samples", 200, "--seeds", "[0]"),
    "G19": ("--steps", 20, "--samples", 200, "--seeds", "[0]"),
}


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_answers_with_values_as_expected(cli, capsys, name):
    cli("exercise", name, *SHORT.get(name, ()))
    out = capsys.readouterr().out
    found = json.loads((Path("runs/exercises") / name / "results.json").read_text())
    assert found["question"] in out and found["checks"] and all(check["holds"] for check in found["checks"])
    assert exercise_title(name) == found["title"]
    page = (Path("runs/exercises") / name / "report.html").read_text()
    assert found["title"].split(":")[0] in page and all(escape(table["title"]) in page for table in found["tables"])
    captions = re.findall("<figcaption><b>.*?</b>(.*?)</figcaption>", page)
    assert all(captions), "a figure that captions.EXERCISES does not describe"
    cli("report", "--run", Path("runs/exercises") / name)
    assert (Path("runs/exercises") / name / "report.html").read_text() == page


def test_the_verb_lists_refuses_and_passes_options_on(cli, capsys, monkeypatch):
    cli("exercise")
    listed = capsys.readouterr().out
    assert all(name in listed for name in EXERCISES)
    cli("exercise", "G14", "--suspects", 50, "--guilty", 5, "--runs", "elsewhere")
    assert (
        "cost with 0.1" in capsys.readouterr().out and Path("elsewhere/exercises/G14/figures/threshold.png").is_file()
    )
    for args, message in (
        (("G41",), "exercise 'G41' is unknown. Did you mean 'G"),
        (("G14", "--guilty", 0), "guilty=0 of suspects=1000: need one guilty"),
        (("G14", "--gilty", 3), "gilty"),
    ):
        with pytest.raises(SystemExit):
            cli("exercise", *args)
        assert message in capsys.readouterr().err
    wrong = lambda self, counts: [Check("made wrong", 1.0, 2.0)]  # noqa: E731
    monkeypatch.setattr(EvaluationMetrics, "checks", wrong)
    with pytest.raises(SystemExit):
        cli("exercise", "G14")
    assert "1 of 1 values differ from what they should be: made wrong" in capsys.readouterr().err
