"""The controller of G15 as a sampler of Optuna, and its policy over the trials as a figure."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lightning_tasks.app.verbs.sweep.axes import short_names
from lightning_tasks.foundations.controller import Controller
from lightning_tasks.plots.policy import draw_policy

LEVELS = 5  # choices that stand for a range of numbers
COLUMNS = 4  # panels in a row


class ReinforceSampler(BaseSampler):
    """Draws each trial from a controller that has learnt from all trials that ended, in their order.

    Nothing is kept between trials: the policy is computed from the study, so that a resumed search goes on alike and
    processes share what they know. The reward is the value of a complete trial, the last one of a pruned trial (it was
    stopped for being low), and the worst so far of a failed one.

    Args:
        seed: Of the draw.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing: settings are independent."""
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict) -> dict[str, Any]:
        """Nothing, for the same reason."""
        return {}

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, distribution: Any) -> Any:
        """A choice of one setting, by the policy as it stands."""
        choices = levels(distribution)
        trials = study.get_trials(deepcopy=False)
        policy = policies(trials, {param_name: choices}, study.direction == StudyDirection.MINIMIZE)[-1][param_name]
        return choices[int(self.rng.choice(len(choices), p=policy))]


def levels(distribution: BaseDistribution) -> list[Any]:
    """Choices of a setting: those of a category, or up to five numbers from one end of a range to the other."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    low, high, step = distribution.low, distribution.high, distribution.step
    space = np.geomspace if distribution.log else np.linspace
    values = [float(v) for v in space(low, high, LEVELS)]
    if step is not None:
        values = [low + step * round((v - low) / step) for v in values]
    if isinstance(distribution, IntDistribution):
        values = [int(round(v)) for v in values]
    return list(dict.fromkeys(min(max(v, low), high) for v in values))


def policies(trials: list[FrozenTrial], choices: dict[str, list[Any]], minimize: bool) -> list[dict[str, np.ndarray]]:
    """Setting -> probabilities (K,), before the first trial and after each one that ended."""
    controller = Controller({name: len(values) for name, values in choices.items()})
    history, worst = [{name: controller.policy(name) for name in choices}], math.inf
    for trial in trials:
        reward = reward_of(trial, minimize)
        if reward is not None and math.isfinite(reward):
            worst = min(worst, reward)
        elif trial.state != TrialState.FAIL or "error" not in trial.user_attrs or not math.isfinite(worst):
            continue
        else:
            reward = worst
        drawn = {n: v.index(trial.params[n]) for n, v in choices.items() if trial.params.get(n, math.nan) in v}
        controller.learn(drawn, reward)
        history.append({name: controller.policy(name) for name in choices})
    return history


def reward_of(trial: FrozenTrial, minimize: bool) -> float | None:
    """Value of a complete trial, last value of a pruned one; the larger the better. None for any other."""
    if trial.state == TrialState.COMPLETE:
        value = trial.value
    elif trial.state == TrialState.PRUNED and trial.last_step is not None:
        value = trial.intermediate_values[trial.last_step]
    else:
        return None
    return -value if minimize else value


def policy_figure(study: Study, text_of: Callable[[Any], str] = str) -> Figure:
    """Probability of each choice over the trials, a panel a setting."""
    trials = study.get_trials(deepcopy=False)
    distributions = {name: d for trial in trials for name, d in trial.distributions.items()}
    choices = {name: levels(d) for name, d in distributions.items()}
    history = policies(trials, choices, study.direction == StudyDirection.MINIMIZE)
    columns = min(COLUMNS, len(choices))
    lines = -(-len(choices) // columns)
    figure = Figure(figsize=(0.6 + 2.7 * columns, 0.4 + 2.3 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).flatten()
    for panel, (name, values), title in zip(panels, choices.items(), short_names(list(choices)), strict=False):
        shares = np.array([step[name] for step in history])  # (trials + 1, K)
        draw_policy(panel, shares, [text_of(v) for v in values])
        panel.set(title=title, xlabel="trials learnt from")
    panels[0].set_ylabel("probability")
    for panel in panels[len(choices) :]:
        panel.set_visible(False)
    return figure
