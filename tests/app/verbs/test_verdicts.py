"""The verdict of what compares: the best of a sweep beside its baselines, the winner of a tuning beside by hand."""

import pytest

from lightning_tasks.app.pages.comparison import RANGE, swept_verdict, tuned_verdict
from tests.conftest import results

TOY = ("--model", "tests.toys.ToySequence", "--data", "tests.toys.ToyDataModule", "--draws", 3, "--figures", "none",
       "--trainer.max_epochs", 2, "--trainer.enable_progress_bar", "false")  # fmt: skip


def compared(values, mode="max", baselines=None, **others):
    """Results of a sweep: combination -> values of its seeds; combination -> its baselines."""
    names = {name: f"{name} = by hand" if name == "both" else name.replace("_", " ") for name in values}
    return {
        "headline": "acc",
        "headline_mode": mode,
        "combinations": [
            {"combination": name, "shown": {"configuration": names[name]}, "baselines": (baselines or {}).get(name, {})}
            for name in values
        ],
        "runs": [
            {"combination": name, "metrics": {"test/acc": value}} for name, seeds in values.items() for value in seeds
        ],
    } | others


def test_the_best_of_a_sweep_stands_beside_its_own_baselines():
    baselines = {"a": {"PCA of 100": {"acc": 0.95}}, "b": {"PCA of 2": {"acc": 0.5}, "mean": {"acc": 0.6}}}
    found = compared({"a": [0.6, 0.8], "b": [0.9, 0.8]}, baselines=baselines)
    line, how = swept_verdict(found)
    assert line == ("Verdict: test/acc 0.8500 (n = 2, 0.8000 to 0.9000): above the best baseline, mean, 0.6000.")
    assert how == (
        "(b: best of 2 combinations on these samples, so it flatters; "
        "mean of 2 seeds, the interval is from the lowest to the highest)"
    )
    lowest = compared({"a": [0.6], "b": [0.9], "failed": [None]}, "min", baselines={"a": {"mean": {"acc": 0.7}}})
    assert swept_verdict(lowest)[0].endswith("ranks above the best baseline, mean, 0.7000.")
    assert swept_verdict(lowest)[1] == "(a: best of 2 combinations on these samples, so it flatters; one seed)"


def test_a_sweep_without_a_headline_or_of_an_earlier_version_has_no_verdict():
    assert swept_verdict(compared({"a": [0.5]}, mode=None)) == []
    assert swept_verdict(compared({"a": [None]})) == []
    assert swept_verdict({"combinations": [], "runs": []}) == []


@pytest.mark.parametrize(
    ("hand", "mode", "word"),
    [([0.5, 0.7], "max", "above"), ([0.5, 0.85], "max", "not above"), ([0.91, 0.95], "max", "below"),
     ([0.5, 0.7], "min", "ranks below"), ([0.91, 0.95], "min", "ranks above")],
)  # fmt: skip
def test_a_winner_is_above_by_hand_where_all_of_its_runs_are(hand, mode, word):
    line, how = tuned_verdict(compared({"tpe_3": [0.8, 0.9], "random_1": [0.1, 0.1], "by_hand": hand}, mode))
    assert how == RANGE and line == (
        f"Verdict: test/acc of tpe 3 0.8500 (n = 2, 0.8000 to 0.9000): {word} the configuration by hand, "
        f"{sum(hand) / 2:.4f} (n = 2, {hand[0]:.4f} to {hand[1]:.4f})."
    )


def test_a_winner_may_be_the_configuration_by_hand():
    assert tuned_verdict(compared({"both": [0.8], "random": [0.9]})) == [
        "Verdict: the winner is the configuration by hand."
    ]
    assert tuned_verdict(compared({"tpe": [0.8], "by_hand": [0.9]}, mode=None)) == []


def test_the_verb_prints_it_and_the_page_has_it(cli, capsys, tmp_path):
    cli("sweep", *TOY, "--seeds", "0,1", "--grid", "model.width=2,4")
    lines = capsys.readouterr().out.splitlines()
    folder = tmp_path / "runs/ToySequence/sweep"
    found = results(folder)
    said = swept_verdict(found)
    assert lines[-4:-2] == said and "majority class" in said[0] and lines[-2].startswith("SIMULATED DATA")
    best = max(c["metrics"]["test/acc"]["mean"] for c in found["combinations"])
    assert f"Verdict: test/acc {best:.4f} (n = 2" in said[0]
    assert f'<p class="verdict">{" ".join(said)}</p>' in (folder / "report.html").read_text()
