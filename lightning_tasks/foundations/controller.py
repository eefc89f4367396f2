"""A controller that learns which configurations are worth a trial, by REINFORCE (G15)."""

from collections.abc import Mapping

import numpy as np

from lightning_tasks.common.choices import nearest


class Controller:
    """A softmax over the choices of each setting, all independent; after each trial one step of policy gradient.

    The probability of a configuration is the product over its settings, so that the gradient of its logarithm by the
    scores of one setting is onehot(choice) - p. The step is rate * advantage * that, with advantage = (reward -
    baseline) / size. Baseline and size are moving averages of rewards and of their distance to the baseline, so that
    neither the level of a metric nor its unit matters.

    Args:
        sizes: Setting -> number of its choices.
        rate: Step size.
        keep: Share of the old value in the moving averages.
        start: Setting -> probabilities of its choices before the first trial; settings left away begin with equal ones.

    Raises:
        ValueError: A setting without two choices, a rate or share out of range, or probabilities that are none.

    Source: Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
    section 4, with the reward baseline of Zoph & Le 2017, "Neural architecture search with reinforcement learning",
    section 3.2; their controller is an LSTM, which a few dozen trials could not train.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        rate: float = 0.6,
        keep: float = 0.8,
        start: Mapping[str, list[float]] | None = None,
    ) -> None:
        if not sizes or min(sizes.values()) < 2:
            raise ValueError(f"sizes={dict(sizes)}: each setting needs two choices or more.")
        if rate < 0 or not 0 <= keep < 1:
            raise ValueError(f"rate={rate}, keep={keep}: need a rate of 0 or more, and keep in [0, 1).")
        self.scores = {name: np.zeros(size) for name, size in sizes.items()}
        for name, shares in (start or {}).items():
            if name not in sizes:
                raise ValueError(f"start: no setting {name!r}.{nearest(name, list(sizes))} Known: {', '.join(sizes)}.")
            if len(shares) != sizes[name] or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
                raise ValueError(
                    f"start: {name}={list(shares)}, whose sum is {sum(shares):g}: need {sizes[name]} probabilities "
                    "above 0 that sum to one."
                )
            self.scores[name] = np.log(shares)
        self.rate, self.keep = rate, keep
        self.baseline: float | None = None
        self.size = 0.0

    def policy(self, name: str) -> np.ndarray:
        """Probabilities (K,) of the choices of a setting."""
        return softmax(self.scores[name])

    def draw(self, rng: np.random.Generator) -> dict[str, int]:
        """A choice for each setting."""
        return {name: int(rng.choice(len(scores), p=self.policy(name))) for name, scores in self.scores.items()}

    def learn(self, choices: Mapping[str, int], reward: float) -> None:
        """One step after a trial; the first reward is its own baseline and teaches nothing."""
        if self.baseline is None:
            self.baseline = reward
            return
        distance = reward - self.baseline
        self.size = self.keep * self.size + (1 - self.keep) * abs(distance) if self.size else abs(distance)
        advantage = float(np.clip(distance / self.size, -3, 3)) if self.size else 0.0  # one outlier is no policy
        for name, choice in choices.items():
            self.scores[name] += self.rate * advantage * log_gradient(self.scores[name], choice)
        self.baseline += (1 - self.keep) * distance


def softmax(scores: np.ndarray) -> np.ndarray:
    """Of (K,)."""
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def log_gradient(scores: np.ndarray, choice: int) -> np.ndarray:
    """Of log softmax(scores)[choice] by the scores, (K,)."""
    return (np.arange(len(scores)) == choice) - softmax(scores)
