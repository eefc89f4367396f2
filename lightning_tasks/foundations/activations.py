"""Activation functions: values, derivatives, and how to compute them where ``exp`` overflows (G1)."""

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.foundations.arrays import gap
from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), in [0, 1]; only ``exp`` of numbers below 0 is taken, so nothing overflows."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def tanh(z: np.ndarray) -> np.ndarray:
    """(exp(z) - exp(-z)) / (exp(z) + exp(-z)), in [-1, 1]: by ``expm1`` of numbers below 0, exact near 0 as well."""
    small = np.expm1(-2.0 * np.abs(z))
    return -np.sign(z) * small / (2.0 + small)


def relu(z: np.ndarray) -> np.ndarray:
    """The larger of z and 0."""
    return np.maximum(z, 0.0)


def leaky_relu(z: np.ndarray, slope: float = 0.01) -> np.ndarray:
    """Leaky ReLU: z above 0, ``slope`` * z below."""
    return np.where(z > 0, z, slope * z)


def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(z) / sum exp(z) along ``axis``; the largest entry is taken off first, which changes nothing but overflow."""
    powers = np.exp(z - z.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def naive_sigmoid(z: np.ndarray) -> np.ndarray:
    """As a textbook writes it: ``exp`` overflows to infinity below -709; 1 / infinity is still 0."""
    return 1.0 / (1.0 + np.exp(-z))


def naive_tanh(z: np.ndarray) -> np.ndarray:
    """As a textbook writes it: infinity over infinity, NaN, beyond 709."""
    up, down = np.exp(z), np.exp(-z)
    return (up - down) / (up + down)


def naive_softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    """As a textbook writes it: NaN where an entry is above 709, 0 / 0 where all are below -745."""
    powers = np.exp(z)
    return powers / powers.sum(axis, keepdims=True)


def softmax_jacobian(z: np.ndarray) -> np.ndarray:
    """Jacobian (K, K) of the softmax of z (K,): diag(p) - p p^T."""
    p = softmax(z)
    return np.diag(p) - np.outer(p, p)


# name -> value, derivative, range, use
FUNCTIONS = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z), "(0, 1)", "gates, a probability of two classes"),
    "tanh": (tanh, lambda z: 1 - tanh(z) ** 2, "(-1, 1)", "recurrent states, centred at 0"),
    "ReLU": (relu, lambda z: (z > 0) * 1.0, "[0, inf)", "hidden layers; dead where z < 0"),
    "LeakyReLU": (leaky_relu, lambda z: np.where(z > 0, 1.0, 0.01), "(-inf, inf)", "hidden layers; never dead"),
}
EXTREME = np.array([-1000.0, 0.0, 1000.0])


class Activations(Exercise):
    """Sigmoid, softmax, ReLU, LeakyReLU (.01) and tanh in NumPy.

    Args:
        points: Points in [-10, 10], two at least.

    Raises:
        ValueError: Fewer than two points.
    """

    question = (
        "Why does a network need activation functions, can any non-linearity be one, and how do sigmoid, softmax, "
        "ReLU, LeakyReLU and tanh compare?"
    )

    def __init__(self, points: int = 500) -> None:
        if points < 2:
            raise ValueError(f"points={points}: need two or more.")
        self.z = np.linspace(-10, 10, points)

    def answer(self) -> Answer:
        """Comparison, extreme inputs, and curves of value and derivative."""
        text = (
            "Without activations a stack of layers is one linear map: W2 (W1 x) = (W2 W1) x. Not any non-linearity "
            "serves: it should be differentiable almost everywhere, and its derivative not zero almost everywhere (a "
            "step has nothing to descend on). Sigmoid and tanh saturate: at z = 10 their slopes are "
            f"{FUNCTIONS['sigmoid'][1](np.array(10.0)):.2g} and {FUNCTIONS['tanh'][1](np.array(10.0)):.2g}, so "
            "gradients vanish through many layers; sigmoid is not centred either. ReLU keeps slope 1 above 0 and is "
            "dead below; LeakyReLU keeps .01 there. Softmax turns K scores into probabilities that sum to 1 and "
            "belongs into the last layer. Written as in a textbook, tanh and softmax are NaN at 1000, because exp "
            "overflows above 709: take the largest score off first, or use exp of negative numbers only."
        )
        rows = []
        for name, (value, slope, span, use) in FUNCTIONS.items():
            slopes = slope(np.append(self.z, 0.0))
            rows.append(
                [name, span, float(slopes.max()), float(slope(np.array(-10.0))), float(value(np.array(0.0))), use]
            )
        rows.append(["softmax", "(0, 1), sum 1", 0.25, "-", "1/K", "last layer, probabilities of K classes"])
        columns = ["function", "range", "largest slope", "slope at -10", "value at 0", "used for"]
        tables = [Table("Comparison", columns, rows), self.extremes()]
        return Answer(text, tables, self.checks(), {"activations": self.figure()})

    def extremes(self) -> Table:
        """Values at -1000, 0 and 1000, naive and stable; softmax is of these three scores together."""
        with np.errstate(over="ignore", invalid="ignore"):
            rows = [
                [name, version, *function(EXTREME).tolist()]
                for name, pair in {
                    "sigmoid": (naive_sigmoid, sigmoid),
                    "tanh": (naive_tanh, tanh),
                    "softmax": (naive_softmax, softmax),
                }.items()
                for version, function in zip(("naive", "stable"), pair, strict=True)
            ]
        return Table("At -1000, 0 and 1000 (- is NaN)", ["function", "version", "-1000", "0", "1000"], rows)

    def checks(self) -> list[Check]:
        """Values and derivatives against torch; extreme inputs; the one linear map."""
        import torch

        references = {
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
            "ReLU": torch.relu,
            "LeakyReLU": torch.nn.functional.leaky_relu,
        }
        checks = []
        for name, reference in references.items():
            z = torch.tensor(self.z, requires_grad=True)
            value = reference(z)
            (slope,) = torch.autograd.grad(value.sum(), z)
            ours, derivative = FUNCTIONS[name][:2]
            checks += [
                Check(f"{name}: largest difference from torch", gap(ours(self.z), value.detach().numpy()), 0.0, 1e-14),
                Check(f"{name}: derivative, the same", gap(derivative(self.z), slope.numpy()), 0.0, 1e-14),
            ]
        scores = np.random.default_rng(0).normal(size=(20, 5)) * 10
        jacobian = torch.autograd.functional.jacobian(lambda x: torch.softmax(x, -1), torch.tensor(scores[0]))
        with np.errstate(over="ignore", invalid="ignore"):
            naive = naive_softmax(EXTREME), naive_tanh(EXTREME)
        first, second, x = (np.random.default_rng(1).normal(size=s) for s in ((4, 3), (2, 4), (3, 7)))
        return [
            *checks,
            Check("softmax: largest difference from torch",
                  gap(softmax(scores), torch.softmax(torch.tensor(scores), -1).numpy()), 0.0, 1e-14),
            Check("softmax: Jacobian, the same", gap(softmax_jacobian(scores[0]), jacobian.numpy()), 0.0, 1e-14),
            Check("stable sigmoid at -1000, 0, 1000", sigmoid(EXTREME).tolist(), [0.0, 0.5, 1.0]),
            Check("stable tanh at -1000, 0, 1000", tanh(EXTREME).tolist(), [-1.0, 0.0, 1.0]),
            Check("stable softmax of -1000, 0, 1000", softmax(EXTREME).tolist(), [0.0, 0.0, 1.0]),
            Check("naive softmax and tanh have NaN there", [bool(np.isnan(x).any()) for x in naive], [True, True]),
            Check("two linear layers are one", gap(second @ (first @ x), (second @ first) @ x), 0.0, 1e-13),
        ]  # fmt: skip

    def figure(self) -> Figure:
        """Values on the left, derivatives on the right; softmax as the share of the first of two scores (z, 0)."""
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for color, (name, (value, slope, *_)) in zip(PALETTE, FUNCTIONS.items(), strict=False):
            dash = "--" if name == "LeakyReLU" else "-"  # it lies on ReLU above 0
            left.plot(self.z, value(self.z), dash, color=color, label=name)
            right.plot(self.z, slope(self.z), dash, color=color, label=name)
        pairs = softmax(np.stack([self.z, np.zeros_like(self.z)], 1))[:, 0]
        left.plot(self.z, pairs, ":", color="black", label="softmax of (z, 0)")
        left.set(xlabel="z", ylabel="value", ylim=(-1.2, 3))
        right.set(xlabel="z", ylabel="derivative", ylim=(-0.05, 1.1))
        for axis in (left, right):
            axis.grid(alpha=0.3)
        left.legend(fontsize=8)
        return figure
