"""What all processes of one tuning agree on."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_tasks.app.cli import Plan
from lightning_tasks.app.verbs.sweep.axes import as_args

from .space import Space
from .study import Search, make_pruner


@dataclass
class Tuning:
    """What all processes of one tuning agree on.

    Args:
        folder: ``runs/<experiment>/<study>``.
        config: Arguments that name the configuration.
        args: The user's other arguments of ``fit``.
        space: What is searched.
        plan: The configuration by hand, with the user's arguments.
        metric: Of validation.
        mode: ``min`` or ``max``.
        options: Of the verb.
    """

    folder: Path
    config: list[str]
    args: list[str]
    space: Space
    plan: Plan
    metric: str
    mode: str
    options: argparse.Namespace

    @property
    def names(self) -> list[str]:
        """Samplers, the controls last."""
        return [self.options.sampler, *(name for name in self.options.control if name != self.options.sampler)]

    @property
    def objective(self) -> str:
        """What is searched for, in words."""
        if not self.space.penalty:
            return self.metric
        return f"{self.metric} {'-+'[self.mode == 'min']} {self.space.penalty:g} log10(parameters)"

    @property
    def seed(self) -> int:
        """Seed of all trials and of the samplers."""
        return int(self.plan.options.seed_everything)

    def trial_args(self, values: dict[str, Any]) -> list[str]:
        """Arguments of a trial's fit: configuration, cheaper settings of the search, the user's, what is tuned."""
        return [*self.config, *as_args(self.space.search), *self.args, *as_args(self.space.fixed | values)]

    def search(self, name: str, trials: int, epochs: int) -> Search:
        """One sampler's study."""
        direction = "minimize" if self.mode == "min" else "maximize"
        pruner = make_pruner(self.options.pruner, trials, epochs)
        return Search(self.folder, name, trials, self.seed, direction, pruner)

    def best_of(self, searches: dict[str, Search]) -> str:
        """The search whose best trial has the best value by validation; the controls may win."""
        pick = min if self.mode == "min" else max
        return pick(searches, key=lambda name: searches[name].best().value)
