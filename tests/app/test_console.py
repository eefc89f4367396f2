"""The last lines of an evaluation: the headline first and marked, what belongs to it, and a verdict."""

import math
import warnings

import numpy as np
import pytest

from lightning_tasks.app.console import chosen, ranked, standing, table, verdict
from lightning_tasks.app.pages.render import absent, interval
from tests.conftest import results

QUICK = ("--trainer.max_epochs", 1)


def score(value, n=100, **ends):
    return {"value": value, "n": n, "units": n, **ends}


SCORES = {
    "test/loss": score(0.5), "test/acc": score(0.8, low=0.7, high=0.9), "test/balanced_acc": score(0.8),
    "test/nll": score(0.5000001, low=0.4, high=0.6), "test/auroc": score(-0.01, low=-0.0116, high=-0.0031),
    "test/recall_cat": score(0.0, n=0), "test/recall_dog": score(0.9, n=40), "test/precision_cat": score(0.0, n=0),
}  # fmt: skip


def test_the_headline_stands_first_and_what_equals_another_row_or_is_of_one_class_is_left_to_the_report():
    assert list(chosen(SCORES, "auroc")) == ["test/auroc", "test/acc", "test/nll"]
    assert list(chosen(SCORES, "loss"))[0] == "test/loss", "the headline is shown, whatever it equals"
    apart = SCORES | {"test/loss": score(0.7), "test/balanced_acc": score(0.6)}
    assert {"test/loss", "test/balanced_acc"} <= set(chosen(apart, "acc"))
    lines = table(SCORES, "auroc", "max", {})
    assert (
        lines[1].startswith("* test/auroc") and "-0.0116 to -0.0031" in lines[1] and lines[2].startswith("  test/acc")
    )


def test_as_many_baselines_as_find_room_the_best_first(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    baselines = {"guess": {"acc": 0.5}, "a linear model": {"acc": 0.7}, "of others": {"nll": 0.1}}
    assert ranked(baselines, "acc", "max") == ["a linear model", "guess", "of others"]
    assert ranked(baselines, "acc", "min") == ["guess", "a linear model", "of others"]
    assert "a linear model" in table(SCORES, "acc", "max", baselines)[0]
    assert "of others" not in table(SCORES, "acc", "max", baselines)[0]


@pytest.mark.parametrize(
    ("base", "mode", "word"),
    [(0.6, "max", "above"), (0.75, "max", "not above"), (0.95, "max", "below"),
     (0.6, "min", "below"), (0.75, "min", "not above"), (0.95, "min", "above")],
)  # fmt: skip
def test_the_verdict_is_that_of_the_interval(base, mode, word):
    m = score(0.8, low=0.7, high=0.9)
    assert standing(m, base, mode) == word
    said = verdict("test/acc", m, mode, {"guess": {"acc": base}})
    assert f"{word} the best baseline, guess, {base:.4f}." in said and "n = 100, 0.7000 to 0.9000" in said
    assert ("lower is better" in said) == (mode == "min")


def test_what_the_verdict_cannot_compare_it_says():
    assert verdict("test/acc", score(0.8), "max", {}).endswith(")."), "none were scored"
    assert "no baseline has this metric" in verdict("test/acc", score(0.8), "max", {"guess": {"nll": 1.0}})
    assert "no value to compare" in verdict("test/acc", score(math.nan), "max", {"guess": {"acc": 0.5}})
    bound = {"best possible": {"acc": 0.9}, "naive": {"acc": 0.4}}
    assert "above the best baseline, naive" in verdict("test/acc", score(0.8), "max", bound)
    assert standing(score(0.8), 0.7, "max") == "above" and standing(score(0.6), 0.7, "max") == "below"


def test_classes_without_samples_have_words_in_place_of_an_interval():
    assert interval(SCORES["test/recall_cat"], "test/recall_cat") == "no sample of this class"
    assert interval(score(0.0, n=0, low=0.0, high=0.0), "test/recall_cat") == "no sample of this class"
    assert absent(SCORES["test/precision_cat"], "test/precision_cat") == "never predicted"
    assert absent(score(None), "test/iou_rock") == "no sample of this class"
    assert absent(score(math.nan), "test/r2") == "undefined on these samples"
    assert absent(score(0.3), "test/iou_rock") == ""


def test_simulated_data_is_said_shortly_at_the_beginning_and_at_the_end(toy, capsys, caplog):
    caplog.set_level("INFO")
    run = toy("ToySequence", *QUICK)
    out = capsys.readouterr().out
    said = [line for line in (*caplog.messages, *out.splitlines()) if "SIMULATED" in line]
    assert len(said) == 2 and all(len(line) < 110 for line in said)
    assert said[0] == "SIMULATED DATA: no toy.npz in data or data/toy."
    lines = out.splitlines()
    assert "Verdict: test/acc" in lines[-4] and "majority class" in lines[-4] and "SIMULATED DATA" in lines[-3]
    assert lines[-2].endswith(f"metrics: {run}/report.html") and lines[-1] == f"Next: calibrate, predict --run {run}."
    note = results(run)["notes"][0]
    assert note.startswith("SIMULATED DATA. Looked for") and "Then set --data.root." in note
    page = (run / "report.html").read_text()
    assert "Looked for toy.npz" in page and '<p class="verdict">Verdict: test/acc' in page


def test_k_folds_end_with_a_verdict_on_what_they_score(cli, capsys):
    for data, key in (("ToyDataModule", "test/acc"), ("ToyTrainOnly", "oof/acc")):
        cli("kfold", "--model", "tests.toys.ToySequence", "--data", f"tests.toys.{data}", "--folds", 2, "--draws", 5,
            "--trainer.max_epochs", 1, "--trainer.enable_progress_bar", "false", "--name", data)  # fmt: skip
        shown = capsys.readouterr().out
        last = shown[shown.rindex("  metric") :]
        assert f"Verdict: {key}" in last and "best baseline, majority class" in last, last
        assert last.splitlines()[1].startswith("* oof/acc") and " - " not in last


@pytest.mark.filterwarnings("default")
def test_baselines_that_do_not_converge_are_not_told_of():
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    from lightning_tasks.app.messages import quiet

    x, y = np.random.default_rng(0).normal(size=(60, 5)), np.arange(60) % 2
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        LogisticRegression(max_iter=1).fit(x, y)
        MLPClassifier(max_iter=1).fit(x, y)
        assert len(seen) == 2
        quiet()
        LogisticRegression(max_iter=1).fit(x, y)
        MLPClassifier(max_iter=1).fit(x, y)
        assert len(seen) == 2
