"""The controller: gradients, draws, a table whose optimum is known."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_tasks.foundations.architecture_search import SPACE, expected_best, rewards, search
from lightning_tasks.foundations.controller import Controller, log_gradient


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.data())
def test_the_gradient_is_autograds(scores, data):
    choice = data.draw(st.integers(0, len(scores) - 1))
    tensor = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    (reference,) = torch.autograd.grad(tensor.log_softmax(0)[choice], tensor)
    np.testing.assert_allclose(log_gradient(np.array(scores), choice), reference, atol=1e-12)


def test_rewards_in_other_units_give_the_same_policy():
    plain, scaled = Controller({"a": 3}), Controller({"a": 3})
    for choice, reward in ((0, 0.5), (1, 0.7), (2, 0.1), (1, 0.8)):
        plain.learn({"a": choice}, reward)
        scaled.learn({"a": choice}, 100 * reward - 7)
    np.testing.assert_allclose(plain.policy("a"), scaled.policy("a"))
    assert plain.policy("a").argmax() == 1 and plain.policy("a").sum() == pytest.approx(1)


def test_it_finds_the_optimum_of_an_easy_table_and_draws_by_its_policy():
    table = np.zeros([len(choices) for choices in SPACE.values()])
    for axis, good in enumerate((3, 1, 2, 0, 1)):
        table += np.moveaxis((np.arange(table.shape[axis]) == good).reshape(-1, 1, 1, 1, 1), 0, axis)
    found = search(table, 300, 0.0, 0.6, seed=0)
    assert found["reward"][-20:].mean() > 4.5 and table.max() == 5
    assert [int(found[name][-1].argmax()) for name in SPACE] == [3, 1, 2, 0, 1]
    controller = Controller({"a": 2}, start={"a": [0.9, 0.1]})
    rng = np.random.default_rng(0)
    assert np.mean([controller.draw(rng)["a"] for _ in range(2000)]) == pytest.approx(0.1, abs=0.03)


def test_the_expected_best_of_random_draws_is_exact_for_one_and_many():
    table = rewards(0.03)
    assert expected_best(table, 1) == pytest.approx(table.mean())
    assert expected_best(table, 10**6) == pytest.approx(table.max())


def test_wrong_controllers_are_errors():
    for sizes, options in (({}, {}), ({"a": 1}, {}), ({"a": 2}, {"rate": -1}), ({"a": 2}, {"keep": 1})):
        with pytest.raises(ValueError, match="need"):
            Controller(sizes, **options)
