"""The controller as a sampler of ``tune``: it learns, resumes alike, and is shown."""

import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import NopPruner
from optuna.trial import TrialState

from lightning_tasks.app.options import parse
from lightning_tasks.app.verbs.tune.reinforce import levels, policies
from lightning_tasks.app.verbs.tune.space import read_space
from lightning_tasks.app.verbs.tune.study import Search
from tests.app.verbs.test_tune import TOY, search
from tests.conftest import results

SPACE = (
    "space:\n  a.size: {type: categorical, choices: [small, middle, large]}\n"
    "  a.lr: {type: float, low: 1e-4, high: 1, log: true}\n  a.depth: {type: int, low: 1, high: 3}\n"
)
GOOD = {"a.size": "middle", "a.lr": 1e-2, "a.depth": 3}


@pytest.fixture
def space(tmp_path):
    (tmp_path / "s.yaml").write_text(SPACE)
    return read_space(tmp_path / "s.yaml")


def play(found, space, until=None):
    """Reward: how many settings are the good ones."""
    values_seen = []
    while until is None or len(found.done()) < until:
        asked = found.ask(space)
        if asked is None:
            break
        trial, _, values = asked
        values_seen.append(values)
        found.tell(trial, TrialState.COMPLETE, sum(math.isclose(values[k], v) if k == "a.lr" else values[k] == v
                                                   for k, v in GOOD.items()))  # fmt: skip
    return values_seen


def policy_of(found):
    trials = found.study.get_trials(deepcopy=False)
    return policies(trials, {n: levels(d) for n, d in trials[0].distributions.items()}, minimize=False)


def test_it_becomes_better_than_its_own_start_for_several_seeds(tmp_path, space):
    for seed in range(2):
        found = Search(tmp_path / str(seed), "reinforce", 45, seed, "maximize", NopPruner())
        play(found, space)
        rewards = np.array([t.value for t in found.done()])
        assert rewards[-15:].mean() > rewards[:15].mean() + 0.5
        history = policy_of(found)
        assert len(history) == 46 and np.allclose(history[0]["a.lr"], 0.2)
        assert history[-1]["a.size"].argmax() == 1 and np.isclose(history[-1]["a.size"].sum(), 1)


def test_a_killed_search_goes_on_as_an_unbroken_one(tmp_path, space):
    whole, broken = search(tmp_path / "whole", 12, "reinforce"), search(tmp_path / "broken", 12, "reinforce")
    alike = play(whole, space)
    play(broken, space, until=5)
    _, _, drawn = broken.ask(space)
    broken.let_go()  # as the system does when a process dies
    again = search(tmp_path / "broken", 12, "reinforce")
    assert drawn == alike[5] and play(again, space) == alike[5:]


def test_levels_are_choices_or_five_numbers_from_end_to_end():
    assert levels(CategoricalDistribution(["a", "b"])) == ["a", "b"]
    assert levels(FloatDistribution(1e-4, 1.0, log=True)) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])
    assert levels(IntDistribution(1, 3)) == [1, 2, 3] and levels(IntDistribution(8, 128, log=True)) == [
        8,
        16,
        32,
        64,
        128,
    ]
    assert levels(FloatDistribution(0, 0.5, step=0.25)) == [0, 0.25, 0.5]


def test_failed_and_pruned_trials_are_bad_news_and_interrupted_ones_are_none(tmp_path, space):
    def end(found, number, state, value=None, **attrs):
        trial, _, values = found.ask(space)
        for key, attr in attrs.items():
            trial.set_user_attr(key, attr)
        found.tell(trial, state, value)
        return values["a.size"]

    found = search(tmp_path, 9, "reinforce")
    end(found, 0, TrialState.COMPLETE, 1.0)
    assert np.allclose(policy_of(found)[-1]["a.size"], 1 / 3)  # nothing to compare with
    end(found, 1, TrialState.COMPLETE, 0.5)
    size = end(found, 2, TrialState.FAIL, error="too large")
    before, after = policy_of(found)[-2:]
    index = ["small", "middle", "large"].index(size)
    assert after["a.size"][index] < before["a.size"][index]
    trial, _, _ = found.ask(space)
    found.tell(trial, TrialState.FAIL)  # interrupted
    assert len(policy_of(found)) == 4


def test_the_verb_searches_with_it_beside_a_control_and_a_penalty(tmp_path, cli, capsys):
    (tmp_path / "space.yaml").write_text(
        "penalty: 0.1\nspace:\n  model.lr: {type: categorical, choices: [0.001, 0.1]}\n"
        "  model.width: {type: categorical, choices: [2, 8]}\n"
    )
    cli("tune", *TOY, "--trainer.max_epochs", 1, "--space", "space.yaml", "--sampler", "reinforce", "--control",
        "random", "--trials", 5, "--seeds", "5", "--pruner", "none")  # fmt: skip
    shown, folder = capsys.readouterr().out, tmp_path / "runs/ToySequence/tune"
    found = results(folder)
    assert list(found["searches"]) == ["reinforce", "random"] and found["metric"] == ("val/acc - 0.1 log10(parameters)")
    assert (folder / "figures/policy.png").stat().st_size > 1000 and "Policy" in (folder / "report.html").read_text()
    assert "as trial" in shown, "five trials of four configurations repeat some"
    for s in found["searches"].values():
        assert s["trials"] == s["complete"] == 5 and s["epochs"] < 5 and s["best"]["value"] < 1 - 0.1


def test_controls_are_names_of_samplers():
    assert parse("tune", ["--space", "s", "--control", "none"])[0].control == []
    assert parse("tune", ["--space", "s", "--control", "random,tpe"])[0].control == ["random", "tpe"]
    for wrong in ("rendom", "tpe,tpe"):
        with pytest.raises(ValueError, match="expected none, or different ones of tpe, random, reinforce"):
            parse("tune", ["--space", "s", "--control", wrong])
