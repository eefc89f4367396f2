"""Gradients of a recurrent network by hand (G13)."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.foundations.activations import softmax
from lightning_tasks.foundations.arrays import gap
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

# psi and its derivative, as functions of z
PSI = {
    "identity": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
}


@dataclass
class Recurrent:
    """z_t = W_hh h_(t-1) + W_hx x_t, h_t = psi(z_t), o_t = W_yh h_t, yhat_t = softmax(o_t).

    Args:
        w_hx: (H, X).
        w_hh: (H, H).
        w_yh: (Y, H).
        psi: A name of ``PSI``.

    Raises:
        ValueError: Matrices that do not fit each other, or another psi.
    """

    w_hx: np.ndarray
    w_hh: np.ndarray
    w_yh: np.ndarray
    psi: str = "identity"

    def __post_init__(self) -> None:
        size = len(self.w_hh)
        if self.psi not in PSI:
            raise ValueError(f"psi={self.psi!r}: need one of {', '.join(PSI)}.")
        if self.w_hh.shape != (size, size) or len(self.w_hx) != size or self.w_yh.shape[1] != size:
            raise ValueError(
                f"w_hx {self.w_hx.shape}, w_hh {self.w_hh.shape}, w_yh {self.w_yh.shape}: need (H, X), (H, H), (Y, H)."
            )

    def forward(self, x: np.ndarray, h0: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """States h_0 .. h_T (T + 1, H), z (T, H) and yhat (T, Y) of x (T, X)."""
        psi, states, sums = PSI[self.psi][0], [h0], []
        for x_t in x:
            sums.append(self.w_hh @ states[-1] + self.w_hx @ x_t)
            states.append(psi(sums[-1]))
        return np.array(states), np.array(sums), softmax(np.array(states[1:]) @ self.w_yh.T)

    def loss(self, x: np.ndarray, y: np.ndarray, h0: np.ndarray) -> float:
        """J = - sum over t and i of y log yhat, for y (T, Y).

        Raises:
            ValueError: Rows of y that do not sum to one or have entries below 0.
        """
        if y.min() < 0 or not np.allclose(y.sum(1), 1):
            raise ValueError(f"y has rows that sum to {y.sum(1).tolist()}: need probabilities, one row a step.")
        return float(-(y * np.log(self.forward(x, h0)[2])).sum())

    def state_gradients(self, x: np.ndarray, y: np.ndarray, h0: np.ndarray) -> np.ndarray:
        """dJ_t / dh_i (T, T, H) for t, i = 1 .. T; 0 where i > t.

        (W_hh^T)^(t-i) W_yh^T e_t with e_t = yhat_t - y_t; with psi, each W_hh^T stands before diag(psi'(z)).
        """
        _, z, predicted = self.forward(x, h0)
        slope = PSI[self.psi][1](z)
        gradients = np.zeros((len(x), len(x), len(self.w_hh)))
        for t in range(len(x)):
            gradients[t, t] = self.w_yh.T @ (predicted[t] - y[t])
            for i in range(t, 0, -1):
                gradients[t, i - 1] = self.w_hh.T @ (slope[i] * gradients[t, i])
        return gradients

    def gradients(self, x: np.ndarray, y: np.ndarray, h0: np.ndarray) -> dict[str, np.ndarray]:
        """Gradients of J by ``w_hh``, ``w_hx``, ``w_yh`` and ``h0``, and ``w_hh_by_step`` (T, H, H), dJ_t / dW_hh.

        dJ_t / dW_hh = sum over i <= t of psi'(z_i) dJ_t/dh_i h_(i-1)^T: the i = 1 term has h_0.
        """
        states, z, predicted = self.forward(x, h0)
        by_sum = self.state_gradients(x, y, h0) * PSI[self.psi][1](z)  # dJ_t / dz_i (T, T, H)
        by_step = np.einsum("tih,ik->thk", by_sum, states[:-1])
        return {
            "w_hh": by_step.sum(0),
            "w_hx": np.einsum("tih,ix->hx", by_sum, x),
            "w_yh": (predicted - y).T @ states[1:],
            "h0": self.w_hh.T @ by_sum[:, 0].sum(0),
            "w_hh_by_step": by_step,
        }


def orthogonal(size: int, rng: np.random.Generator) -> np.ndarray:
    """A random matrix (size, size) that turns vectors and keeps their length."""
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


class BackpropagationThroughTime(Exercise):
    """The sheet's network (x in R3, h in R4, y in R2) with random weights, in double precision.

    Args:
        psi: Activation of the state.
        steps: Time steps T.
        length: Steps of the figure and the table on vanishing gradients.
        seed: Seed of weights and data.

    Raises:
        ValueError: Another psi, or fewer than one step (two of ``length``).
    """

    question = "What are the gradients of the sheet's recurrent network, above all that to W_hh?"

    def __init__(self, psi: str = "identity", steps: int = 3, length: int = 30, seed: int = 0) -> None:
        if steps < 1 or length < 2:
            raise ValueError(f"steps={steps}, length={length}: need 1 or more, and 2 or more.")
        self.length, rng = length, np.random.default_rng(seed)
        self.net = Recurrent(*(rng.normal(size=s) / 2 for s in ((4, 3), (4, 4), (2, 4))), psi)
        # inputs (T, 3), one-hot targets (T, 2), a first state (4,) that is not 0
        self.data = rng.normal(size=(steps, 3)), np.eye(2)[rng.integers(2, size=steps)], rng.normal(size=4)

    def answer(self) -> Answer:
        """Formulas beside autograd, and what t - i does to the gradient."""
        gradients = self.net.gradients(*self.data)
        auto = autograd(self.net, *self.data)
        norms = self.norms()
        text = (
            "With e_t = yhat_t - y_t and psi the identity: dJ_t/do_t = e_t; dJ_t/dh_i = (W_hh^T)^(t-i) W_yh^T e_t for "
            "i <= t, else 0; dJ_t/dW_hh = sum_(i=1..t) (W_hh^T)^(t-i) W_yh^T e_t h_(i-1)^T; dJ/dW_hh is their sum over "
            "t, taken once. With a psi that is not linear each step back is multiplied by diag(psi'(z)). The term of i "
            "= 1 has h_0: it is there unless h_0 = 0. The power of W_hh^T decides: with W_hh an orthogonal matrix "
            f"times .8, {norms['0.8'][0]:.3g} at t - i = 0 has become {norms['0.8'][-1]:.3g} at {self.length - 1} "
            f"(vanishing), times 1.2 {norms['1.2'][-1]:.3g} (exploding)."
        )
        lags = sorted({0, 1, 2, 5, 10, 20, self.length - 1} & set(range(self.length)))
        return Answer(
            text,
            [
                Table(f"dJ/dW_hh, psi = {self.net.psi}, {len(self.data[0])} steps: by the formula | by autograd",
                      ["1", "2", "3", "4", "|", "1", "2", "3", "4"],
                      [[*a, "|", *b]
                       for a, b in zip(gradients["w_hh"].tolist(), auto["w_hh"].tolist(), strict=True)]),
                Table(f"Norm of dJ_t/dh_i at t = {self.length}, psi = identity, by the scale of W_hh",
                      ["t - i", *norms], [[lag, *(n[lag] for n in norms.values())] for lag in lags]),
            ],
            self.checks(gradients, auto, norms),
            {"norms": self.figure(norms)},
        )  # fmt: skip

    def norms(self) -> dict[str, list[float]]:
        """Scale of W_hh -> norm of dJ_T/dh_i for T - i = 0, 1, ...

        Inputs and h_0 are 0, so that yhat is (.5, .5) and the error e_T the same for every scale.
        """
        turn, h0 = orthogonal(4, np.random.default_rng(1)), np.zeros(4)
        x, y = np.zeros((self.length, 3)), np.eye(2)[np.zeros(self.length, int)]
        found = {}
        for scale in (0.8, 1.0, 1.2):
            net = Recurrent(self.net.w_hx, scale * turn, self.net.w_yh)
            last = net.state_gradients(x, y, h0)[-1]
            found[f"{scale:g}"] = np.linalg.norm(last, axis=1)[::-1].tolist()
        return found

    def checks(
        self, gradients: dict[str, np.ndarray], auto: dict[str, np.ndarray], norms: dict[str, list[float]]
    ) -> list[Check]:
        """Autograd; the sheet's formula with powers, written out; the powers of the scale."""
        x, y, h0 = self.data
        checks = [
            Check(f"dJ/d{name}: largest difference from autograd, as a share of the largest entry",
                  gap(gradients[name], auto[name]) / np.abs(auto[name]).max(), 0.0, 1e-9)
            for name in ("w_hh", "w_hx", "w_yh", "h0")
        ]  # fmt: skip
        linear = Recurrent(self.net.w_hx, self.net.w_hh, self.net.w_yh)
        states, _, predicted = linear.forward(x, h0)
        plain = linear.gradients(x, y, h0)["w_hh_by_step"]
        power = np.linalg.matrix_power
        for t in range(1, len(x) + 1):
            error = self.net.w_yh.T @ (predicted[t - 1] - y[t - 1])
            formula = sum(np.outer(power(self.net.w_hh.T, t - i) @ error, states[i - 1]) for i in range(1, t + 1))
            checks.append(Check(f"dJ_{t}/dW_hh, psi = identity: by powers, the same",
                                gap(plain[t - 1], formula) / (np.abs(formula).max() or 1.0), 0.0, 1e-9))  # fmt: skip
        return [
            *checks,
            Check("dJ_1/dh_i for i > 1", float(np.abs(self.net.state_gradients(*self.data)[0, 1:]).sum()), 0.0, 0.0),
            *(Check(f"norm at scale {scale}: {scale}^(t-i) times the first, worst ratio",
                    max(abs(n / norm[0] / float(scale) ** lag - 1) for lag, n in enumerate(norm)), 0.0, 1e-9)
              for scale, norm in norms.items()),
        ]  # fmt: skip

    def figure(self, norms: dict[str, list[float]]) -> Figure:
        """Norms over t - i."""
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axis = figure.add_subplot()
        for scale, norm in norms.items():
            axis.semilogy(norm, ".-", label=f"{scale} x orthogonal")
        axis.set(xlabel="t - i", ylabel="norm of dJ_t/dh_i")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, title="W_hh", title_fontsize=8)
        return figure


def autograd(net: Recurrent, x: np.ndarray, y: np.ndarray, h0: np.ndarray) -> dict[str, np.ndarray]:
    """Gradients by torch, in double precision."""
    import torch

    psi = {"identity": lambda z: z, "tanh": torch.tanh}[net.psi]
    leaves = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in (("w_hh", net.w_hh), ("w_hx", net.w_hx), ("w_yh", net.w_yh), ("h0", h0))
    }
    h, loss = leaves["h0"], torch.zeros((), dtype=torch.float64)
    for x_t, y_t in zip(torch.tensor(x), torch.tensor(y), strict=True):
        h = psi(leaves["w_hh"] @ h + leaves["w_hx"] @ x_t)
        loss = loss - (y_t * torch.log_softmax(leaves["w_yh"] @ h, 0)).sum()
    found = torch.autograd.grad(loss, list(leaves.values()))
    return {name: gradient.numpy() for name, gradient in zip(leaves, found, strict=True)}
