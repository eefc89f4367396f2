"""What regularisation does, and how L1 and L2 are told apart by their weights (G5)."""

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.foundations.arrays import gap
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

STATEMENTS = [
    ["regularisation may hurt", "true", "too much of it underfits"],
    ["adding many features prevents overfitting", "false", "more features can fit more noise"],
    ["a larger coefficient means more overfitting", "false", "read as the strength of the penalty: more means less"],
]
WEIGHTS = {
    "a": [0.26, 0.25, 0.25, 0.25],
    "b": [1.0, 0.0, 0.0, 0.0],
    "c": [13.3, 23.5, 53.2, 5.1],
    "d": [0.5, 1.2, 8.5, 0.0],
}


def penalty_of(weights: list[float]) -> str:
    """``L1`` where a weight is exactly 0, else ``L2``: among two experiments that used either."""
    return "L1" if 0.0 in weights else "L2"


def lasso(x: np.ndarray, y: np.ndarray, strength: float, steps: int = 100_000) -> np.ndarray:
    """Minimum (D,) of ``|y - x w|^2 / (2 N) + strength |w|_1``, by proximal gradient steps (ISTA).

    Beck and Teboulle 2009, equation 1.4: a step of gradient descent on the squares, then every weight moves towards 0
    by lr * strength and stops there. That is what makes zeros exact. Steps settle which weights are 0 and the signs of
    the others long before their values, where rows are hardly more than columns: with these known the rest is one
    system of equations, which ends the search when its solution is the minimum (by the subgradients of the loss).

    Raises:
        RuntimeError: It did not end.
    """
    gram, target = x.T @ x / len(x), x.T @ y / len(x)
    lr = 1 / np.linalg.norm(gram, 2)
    w = np.zeros(x.shape[1])
    for step in range(1, steps + 1):
        w = w - lr * (gram @ w - target)
        w = np.sign(w) * np.maximum(np.abs(w) - lr * strength, 0.0)
        if step % 50:
            continue
        free = w != 0
        solved = np.zeros_like(w)
        solved[free] = np.linalg.solve(gram[np.ix_(free, free)], target[free] - strength * np.sign(w[free]))
        kept = strength == 0 or (np.sign(solved) == np.sign(w)).all()
        if kept and (np.abs(gram @ solved - target)[~free] <= strength).all():
            return solved
    raise RuntimeError(f"Lasso of strength {strength:g} did not end in {steps:,} steps.")


def lasso_by_subgradient(x: np.ndarray, y: np.ndarray, strength: float, steps: int = 500) -> np.ndarray:
    """The same loss by plain descent on sign(w), as an optimiser that knows no penalty does: steps jump across 0."""
    lr = len(x) / np.linalg.norm(x, 2) ** 2 / 2
    w = np.full(x.shape[1], 0.01)
    for _ in range(steps):
        w = w - lr * (x.T @ (x @ w - y) / len(x) + strength * np.sign(w))
    return w


def ridge(x: np.ndarray, y: np.ndarray, strength: float) -> np.ndarray:
    """Minimum (D,) of ``|y - x w|^2 / (2 N) + strength |w|^2 / 2``, solved."""
    return np.linalg.solve(x.T @ x / len(x) + strength * np.eye(x.shape[1]), x.T @ y / len(x))


class Regularisation(Exercise):
    """The statements, the four experiments, and zero counts over the strength on a sparse regression.

    Args:
        samples: Rows of the regression.
        features: Columns, a quarter of which matter.
        noise: Standard deviation of the noise.
        seed: Seed of the data.

    Raises:
        ValueError: Fewer than four features, fewer samples than features, or negative noise.
    """

    question = (
        "Which of three statements on regularisation are true, and which of four experiments used L1, which L2, by "
        "their weights?"
    )

    def __init__(self, samples: int = 60, features: int = 20, noise: float = 1.0, seed: int = 0) -> None:
        if features < 4 or samples < features or noise < 0:
            raise ValueError(
                f"samples={samples}, features={features}, noise={noise}: need 4 features or more, as many samples, "
                "and noise of 0 or more."
            )
        rng = np.random.default_rng(seed)
        true = np.where(np.arange(features) < features // 4, 2.0, 0.0)
        self.x, self.test_x = rng.normal(size=(samples, features)), rng.normal(size=(1000, features))
        self.y = self.x @ true + noise * rng.normal(size=samples)
        self.test_y = self.test_x @ true + noise * rng.normal(size=1000)
        self.most = float(np.abs(self.x.T @ self.y).max() / samples)  # from here on Lasso is all zeros

    def answer(self) -> Answer:
        """The answers with reasons, and what the strength does to zeros and errors."""
        strengths = [self.most * share for share in (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.001)]
        ways = {"Lasso, proximal": lasso, "Lasso, sign(w)": lasso_by_subgradient, "Ridge": ridge}
        weights = {name: [fit(self.x, self.y, s) for s in strengths] for name, fit in ways.items()}
        errors = {name: [self.error(w) for w in weights[name]] for name in ("Lasso, proximal", "Ridge")}
        rows = [
            [s, *(int((w[i] == 0).sum()) for w in weights.values()), *(e[i] for e in errors.values())]
            for i, s in enumerate(strengths)
        ]
        best = int(np.argmin(errors["Lasso, proximal"]))
        first, last = (errors["Lasso, proximal"][i] for i in (0, -1))
        hurts = "may hurt:" if last > first else "may hurt, though not with so much noise or so few rows:"
        text = (
            f"True, false, false. Regularisation {hurts} here the squared error on new data is "
            f"{first:.2f} without, {errors['Lasso, proximal'][best]:.2f} with strength {strengths[best]:.3f}, and "
            f"{last:.2f} with {strengths[-1]:.3f}, where every weight is 0. Features that say nothing add ways to fit "
            "noise. The third depends on the reading; we read the coefficient as the strength of the penalty: more of "
            "it means less overfitting (large weights themselves are a sign of overfitting, not its cause). The "
            "experiments are L2, L1, L2, L1: exact zeros point to L1, whose pull towards 0 is as strong near 0 as far "
            "from it; that of L2 fades with the weight, which gets small and not 0. Zeros come from proximal steps; "
            "plain descent on sign(w) jumps across 0 and has none."
        )
        zeros = [f"zeros, {name}" for name in ways]
        return Answer(
            text,
            [
                Table("Statements", ["statement", "answer", "because"], STATEMENTS),
                Table("Experiments", ["experiment", "weights", "exact zeros", "penalty"],
                      [[name, w, w.count(0.0), penalty_of(w)] for name, w in WEIGHTS.items()]),
                Table(f"Zeros of {self.x.shape[1]} weights, and squared error on new data (n = 1000)",
                      ["strength", *zeros, "error, Lasso", "error, Ridge"], rows),
            ],
            self.checks(strengths, weights),
            {"zeros": self.figure()},
        )  # fmt: skip

    def error(self, w: np.ndarray) -> float:
        """Mean squared error on new data."""
        return float(np.mean((self.test_x @ w - self.test_y) ** 2))

    def checks(self, strengths: list[float], weights: dict[str, list[np.ndarray]]) -> list[Check]:
        """The sheet's answers; both fits against scikit-learn; what the zeros do."""
        from sklearn.linear_model import Lasso, Ridge

        s = strengths[4]
        reference = Lasso(alpha=s, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(self.x, self.y).coef_
        ridged = Ridge(alpha=s * len(self.x), fit_intercept=False).fit(self.x, self.y).coef_
        proximal, signed, squared = weights.values()
        sheet = Regularisation()  # whatever the noise is here
        free = lasso(sheet.x, sheet.y, 0.0)
        return [
            Check("experiments", [penalty_of(w) for w in WEIGHTS.values()], ["L2", "L1", "L2", "L1"]),
            Check("statements", [answer for _, answer, _ in STATEMENTS], ["true", "false", "false"]),
            Check("Lasso: largest difference from scikit-learn", gap(proximal[4], reference), 0.0, 1e-7),
            Check("Lasso: zeros, as scikit-learn", int((proximal[4] == 0).sum()), int((reference == 0).sum())),
            Check("Lasso of strength 0: largest difference from Ridge", gap(proximal[0], squared[0]), 0.0, 1e-7),
            Check("Ridge: largest difference from scikit-learn", gap(squared[4], ridged), 0.0, 1e-9),
            Check("Lasso: all weights 0 from max |x.y| / N on", int((proximal[-1] == 0).sum()), self.x.shape[1]),
            Check("Ridge: zeros at any strength", sum(int((w == 0).sum()) for w in squared), 0),
            Check("sign(w): zeros at any strength", sum(int((w == 0).sum()) for w in signed), 0),
            Check("strongest penalty is worse than none", sheet.error(0 * free) > sheet.error(free), True),
        ]

    def figure(self) -> Figure:
        """Paths of the weights over the strength, those that matter in colour."""
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        strengths = self.most * np.logspace(-3, 0.3, 50)
        for axis, (name, fit) in zip(
            figure.subplots(1, 2, sharey=True), (("Lasso", lasso), ("Ridge", ridge)), strict=True
        ):
            paths = np.stack([fit(self.x, self.y, s) for s in strengths])
            matter = np.arange(paths.shape[1]) < paths.shape[1] // 4
            axis.semilogx(strengths, paths[:, ~matter], color="#999999", lw=0.8)
            axis.semilogx(strengths, paths[:, matter], color="#0072B2")
            axis.set(xlabel="strength", ylabel="weight", title=f"{name} (gray: features that say nothing)")
            axis.grid(alpha=0.3)
        return figure
