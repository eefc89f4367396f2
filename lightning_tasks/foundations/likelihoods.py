"""The likelihood with Phi in place of sigma: logistic and probit regression by hand (G2)."""

import math

import numpy as np
import torch
from matplotlib.figure import Figure

from lightning_tasks.measures.binary_regression import LINKS, chance, fit_binary, nll, slopes
from lightning_tasks.plots.style import COLORS
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

TRUE = (1.5, -1.0, 0.5)  # weights of two features and the intercept


class Likelihoods(Exercise):
    """Two classes drawn from a probit model; both models are fitted to them.

    Args:
        samples: Rows.
        seed: Seed of the rows.

    Raises:
        ValueError: Fewer than 50 rows, which a plane may separate.
    """

    question = (
        "With Phi(a), the normal distribution function, in place of sigma: what is the conditional negative "
        "log-likelihood, and how do both models fit?"
    )

    def __init__(self, samples: int = 1000, seed: int = 0) -> None:
        if samples < 50:
            raise ValueError(f"samples={samples}: need 50 or more.")
        rng = np.random.default_rng(seed)
        self.x = torch.tensor(rng.normal(size=(samples, 2)))
        self.with_one = torch.cat([self.x, torch.ones(samples, 1, dtype=torch.float64)], 1)
        true = self.with_one @ torch.tensor(TRUE, dtype=torch.float64)
        self.y = (torch.tensor(rng.random(samples)) < chance(true, "probit")).long()

    def answer(self) -> Answer:
        """Weights of both models, the likelihood in its tails, lines and curves."""
        fits = {link: fit_binary(self.x, self.y, link) for link in LINKS}
        ratio = float((fits["logit"].weights / fits["probit"].weights).median())
        text = (
            "NLL = - sum of y log Phi(w.x) + (1 - y) log(1 - Phi(w.x)); logistic regression has sigma for Phi. As "
            "1 - Phi(a) = Phi(-a), each term is log Phi of plus or minus w.x, computed as one function (log_ndtr): "
            "Phi(-10), computed as (1 + erf) / 2, is 0 already, and the logarithm at -40 is -804.6. Both are convex, "
            f"so that Newton's method finds the one maximum. The logit's weights are {ratio:.2f} times the probit's, "
            "because sigma is that much flatter; both draw almost the same line."
        )
        heads = [f"{link}{what}" for link in LINKS for what in ("", ", standard error")]
        rows = [
            [name, *(float(part[i]) for fit in fits.values() for part in (fit.weights, fit.errors)), TRUE[i]]
            for i, name in enumerate(("x1", "x2", "intercept"))
        ]
        tails = []
        for a in (0.0, -5.0, -10.0, -40.0):
            point = torch.tensor(a, dtype=torch.float64)
            naive = [float(chance(point, link)) for link in LINKS]
            stable = [-float(nll(point[None], torch.ones(1, 1, dtype=torch.float64), torch.ones(1), k)) for k in LINKS]
            tails.append([a, *naive, *stable])
        return Answer(
            text,
            [
                Table("Maximum of the likelihood; the truth is a probit", ["", *heads, "truth"], rows),
                Table("Tails", ["a", "sigma(a)", "Phi(a)", "log sigma(a)", "log Phi(a)"], tails),
            ],
            self.checks(fits),
            {"fits": self.figure(fits)},
        )

    def checks(self, fits: dict) -> list[Check]:
        """Value at 0, gradients by autograd, maxima of scikit-learn and SciPy."""
        from scipy.optimize import minimize
        from scipy.stats import norm
        from sklearn.linear_model import LogisticRegression

        x, y, n = self.with_one, self.y, len(self.y)
        checks = []
        for link in LINKS:
            zero = float(nll(torch.zeros(3, dtype=torch.float64), x, y, link))
            w = torch.tensor(TRUE, dtype=torch.float64, requires_grad=True)
            (reference,) = torch.autograd.grad(nll(w, x, y, link), w)
            ours = x.T @ slopes((x @ w).detach(), y, link)[0]
            flat = x.T @ slopes(x @ fits[link].weights, y, link)[0]
            checks += [
                Check(f"{link}: NLL at w = 0 is n log 2", zero, n * math.log(2), 1e-9 * n),
                Check(f"{link}: gradient, as autograd", float((ours - reference).abs().max()), 0.0, 1e-9 * n),
                Check(f"{link}: gradient at the maximum", float(flat.abs().max()), 0.0, 1e-6 * n),
            ]
        logit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(self.x, y)
        sign = 2 * y.numpy() - 1
        probit = minimize(lambda v: -norm.logcdf(sign * (x.numpy() @ v)).sum(), np.zeros(3), method="BFGS")
        exact = torch.special.log_ndtr(torch.tensor(-40.0, dtype=torch.float64))
        return [
            *checks,
            Check("logit, as scikit-learn", fits["logit"].weights.tolist(),
                  [*logit.coef_[0].tolist(), float(logit.intercept_[0])], 1e-3),
            Check("probit, as SciPy's maximum", fits["probit"].weights.tolist(), probit.x.tolist(), 1e-3),
            Check("log Phi(-40), as SciPy", float(exact), float(norm.logcdf(-40)), 1e-6),
        ]  # fmt: skip

    def figure(self, fits: dict) -> Figure:
        """Points with both decision lines; both curves over the scaled score."""
        figure = Figure(figsize=(9, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        edge = torch.linspace(-2.5, 2.5, 2, dtype=torch.float64)
        a = torch.linspace(-4, 4, 161, dtype=torch.float64)
        for k in (0, 1):
            left.plot(*self.x[self.y == k].T, ".", color=COLORS[2 * k + 2], markersize=3, label=f"class {k}")
        for (link, fit), style in zip(fits.items(), ("-", "--"), strict=True):
            w = fit.weights
            left.plot(edge, -(w[0] * edge + w[2]) / w[1], style, color=COLORS[0], label=f"{link}: P = .5")
            length = float(w[:2].norm() / fits["probit"].weights[:2].norm())
            right.plot(a, chance(length * a, link), style, color=COLORS[0], label=link)
        left.set(xlabel="x1", ylabel="x2", ylim=(-4, 4))
        right.set(xlabel="score, in units of the probit's", ylabel="P(1 | x)")
        for axis in (left, right):
            axis.grid(alpha=0.3)
            axis.legend(fontsize=8)
        return figure
