"""Search of architectures by reinforcement where every reward is known: a table of 432 networks (G15)."""

import itertools
import math

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.foundations.controller import Controller, log_gradient, softmax
from lightning_tasks.plots.policy import draw_policy
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

SPACE = {
    "size": (7, 14, 28, 56),
    "layers": (1, 2, 3, 4),
    "filters": (8, 16, 32),
    "kernel": (3, 5, 7),
    "rate": (1e-4, 1e-3, 1e-2),
}
SEEDS = (0, 1, 2)
END = 20  # first and last trials that are compared


def accuracy(size: int, layers: int, filters: int, kernel: int, rate: float) -> float:
    """A made-up accuracy: more size and depth help less and less, both together most, and one rate is right."""
    strength = math.sqrt(layers * math.log2(filters)) * math.sqrt(size / 14) * (1.1 if kernel == 5 else 1.0)
    return 0.98 - 0.5 * math.exp(-strength / 2) - 0.06 * abs(math.log10(rate) + 3)


def cost(size: int, layers: int, filters: int, kernel: int, rate: float) -> float:
    """Multiplications of one picture, about."""
    return layers * size**2 * filters * kernel**2


def rewards(penalty: float) -> np.ndarray:
    """Accuracy less ``penalty`` for each tenfold cost: an axis for each setting of ``SPACE``."""
    values = [accuracy(*c) - penalty * math.log10(cost(*c)) for c in itertools.product(*SPACE.values())]
    return np.array(values).reshape([len(choices) for choices in SPACE.values()])


def expected_best(values: np.ndarray, trials: int) -> float:
    """Mean of the largest of ``trials`` draws with replacement: what random search finds, exactly."""
    ordered = np.sort(values.ravel())
    share = (np.arange(1, len(ordered) + 1) / len(ordered)) ** trials
    return float((ordered * np.diff(share, prepend=0.0)).sum())


def controller(rate: float = 0.6, start: dict[str, list[float]] | None = None) -> Controller:
    """One for ``SPACE``."""
    return Controller({name: len(choices) for name, choices in SPACE.items()}, rate, start=start)


def search(
    table: np.ndarray, trials: int, noise: float, rate: float, seed: int, start: dict[str, list[float]] | None = None
) -> dict[str, np.ndarray]:
    """Draw, look up, learn; rate 0 is random search.

    Returns:
        ``reward`` (trials,) without noise, and ``<setting>`` (trials + 1, K): the policy before and after each trial.
    """
    rng = np.random.default_rng(seed)
    learner = controller(rate, start)
    reward, policy = [], {name: [learner.policy(name)] for name in SPACE}
    for _ in range(trials):
        drawn = learner.draw(rng)
        reward.append(table[tuple(drawn.values())])
        learner.learn(drawn, reward[-1] + noise * rng.normal())
        for name in SPACE:
            policy[name].append(learner.policy(name))
    return {"reward": np.array(reward), **{name: np.array(steps) for name, steps in policy.items()}}


class ArchitectureSearch(Exercise):
    """A controller beside random search, three seeds, on a table whose optimum is known.

    Args:
        trials: Of each search, 60 or more.
        noise: Standard deviation of what validation adds to a reward.
        penalty: What a tenfold cost is worth, in accuracy.
        start: Setting -> probabilities of its choices before the first trial, such as {layers: [.1, .2, .3, .4]}.

    Raises:
        ValueError: Numbers out of range, or probabilities that do not sum to one.
    """

    question = (
        "How does reinforcement learning search an architecture, and does that apply to the size of the input and the "
        "number of layers of a detector?"
    )

    def __init__(
        self,
        trials: int = 150,
        noise: float = 0.01,
        penalty: float = 0.03,
        start: dict[str, list[float]] | None = None,
    ) -> None:
        if trials < 60 or noise < 0 or penalty < 0:
            raise ValueError(f"trials={trials}, noise={noise}, penalty={penalty}: need 60, 0 and 0 or more.")
        self.trials, self.noise, self.penalty = trials, noise, penalty
        self.table, self.start = rewards(penalty), start
        controller(start=start)  # says what is wrong with it

    def searches(self, rate: float) -> list[dict[str, np.ndarray]]:
        """One a seed."""
        start = self.start if rate else None
        return [search(self.table, self.trials, self.noise, rate, seed, start) for seed in SEEDS]

    def answer(self) -> Answer:
        """Rewards at the beginning and the end, the best, and the policy over the trials."""
        searches = {"controller": self.searches(0.6), "random search": self.searches(0.0)}
        rows = [
            [name, seed, *(float(part.mean()) for part in (s["reward"][:END], s["reward"][-END:])),
             float(s["reward"].max())]
            for name, runs in searches.items() for seed, s in zip(SEEDS, runs, strict=True)
        ]  # fmt: skip
        top, exact = float(self.table.max()), expected_best(self.table, self.trials)
        best = [choices[i] for choices, i in zip(SPACE.values(), self.optimum(), strict=True)]
        likely = [
            ", ".join(f"{name} {SPACE[name][int(s[name][-1].argmax())]:g}" for name in SPACE)
            for s in searches["controller"]
        ]
        text = (
            "A controller gives each choice of each setting a probability, draws a network, trains it, and moves "
            "towards choices that were better than a moving mean (REINFORCE): the reward is validation quality, here "
            f"less {self.penalty:g} for each tenfold cost. It applies to any discrete choice, input size and number of "
            "layers of a detector included; what speaks against it is that each trial is a training. Rewards of the "
            f"table lie from {self.table.min():.3f} to {top:.3f} (mean {self.table.mean():.3f}); the best is "
            + ", ".join(f"{name} {value:g}" for name, value in zip(SPACE, best, strict=True))
            + f". Random search finds {exact:.3f} in {self.trials} trials on average, computed exactly. "
            "The controller draws good networks more and more often, which random search never does; its best one need "
            "not be better than that of random search, and that is the honest comparison. What it holds for best in "
            "the end: " + "; ".join(f"seed {seed}: {words}" for seed, words in zip(SEEDS, likely, strict=True)) + "."
        )
        return Answer(
            text,
            [Table(f"Mean reward of the first and the last {END} of {self.trials} trials, and the best",
                   ["search", "seed", "first", "last", "best"], rows)],
            self.checks(),
            {"policy": self.policy_figure(searches["controller"][0]), "rewards": self.reward_figure(searches)},
        )  # fmt: skip

    def optimum(self) -> tuple[int, ...]:
        """Numbers of the choices with the largest reward."""
        return tuple(int(i) for i in np.unravel_index(self.table.argmax(), self.table.shape))

    def checks(self) -> list[Check]:
        """Gradient by autograd, learning with the default settings, and a controller that cannot learn."""
        import torch

        scores = np.array([0.3, -1.2, 0.9])
        tensor = torch.tensor(scores, requires_grad=True)
        (reference,) = torch.autograd.grad(tensor.log_softmax(0)[2], tensor)
        difference = float(np.abs(log_gradient(scores, 2) - reference.numpy()).max())
        mean = sum(p * log_gradient(scores, i) for i, p in enumerate(softmax(scores)))
        plain = ArchitectureSearch()
        learnt, still = plain.searches(0.6), plain.searches(0.0)
        gains = [float(s["reward"][-END:].mean() - s["reward"][:END].mean()) for s in learnt]
        draws = np.random.default_rng(0).choice(plain.table.ravel(), (4000, 10)).max(1)
        return [
            Check("gradient of the log-probability, as autograd", difference, 0.0, 1e-12),
            Check("its mean under the policy is 0, so that a baseline changes no mean", float(np.abs(mean).max()), 0.0),
            Check("controller ends better than it began, by .02 or more, seeds 0, 1, 2", [g > 0.02 for g in gains],
                  [True] * 3),
            Check("with rate 0 the policy stays uniform", float(still[0]["layers"].std()), 0.0),
            Check("mean best of 10 random draws, as 4,000 simulations", expected_best(plain.table, 10),
                  float(draws.mean()), 4 * float(draws.std()) / math.sqrt(4000)),
        ]  # fmt: skip

    def policy_figure(self, run: dict[str, np.ndarray]) -> Figure:
        """Probabilities over the trials, a panel a setting; the best choice of the table is hatched."""
        figure = Figure(figsize=(13, 3), layout="constrained")
        panels = figure.subplots(1, len(SPACE), sharey=True)
        for panel, (name, choices), best in zip(panels, SPACE.items(), self.optimum(), strict=True):
            draw_policy(panel, run[name], [f"{c:g}" for c in choices], best)
            panel.set_title(name)
        panels[0].set_ylabel("probability (hatched: best)")
        return figure

    def reward_figure(self, searches: dict[str, list[dict[str, np.ndarray]]]) -> Figure:
        """Mean reward of the last trials, and the best so far; one line a seed."""
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for color, (name, runs) in zip(("#009E73", "#0072B2"), searches.items(), strict=True):
            for number, run in enumerate(runs):
                smooth = np.convolve(run["reward"], np.ones(END) / END, "valid")
                label = name if number == 0 else None
                left.plot(np.arange(END, self.trials + 1), smooth, color=color, label=label)
                right.plot(np.arange(1, self.trials + 1), np.maximum.accumulate(run["reward"]), color=color)
        for panel in (left, right):
            panel.axhline(float(self.table.max()), color="#999999", linestyle=":")
            panel.set_xlabel("trials")
            panel.grid(alpha=0.3)
        left.set(ylabel="reward", title=f"mean of the last {END}")
        right.set_title("best so far (dotted: optimum)")
        left.legend(fontsize=8)
        return figure
