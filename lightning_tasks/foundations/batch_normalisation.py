"""Batch normalisation in NumPy, training and testing (G12)."""

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.foundations.arrays import gap
from lightning_tasks.foundations.convolution_arithmetic import parameters
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

STATEMENTS = [
    ["it speeds the training of one batch only", "wrong", "it changes every step, and the network that is tested"],
    ["it normalises the distribution of a layer's outputs", "right", "mean beta and deviation gamma on each batch"],
    ["it makes the weights smaller", "wrong", "that is weight decay; outputs no longer depend on the weights' scale"],
]


def batch_norm(
    z: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    eps: float,
    cache_dict: dict[str, np.ndarray],
    beta_avg: float,
    mode: str,
    unbiased: bool = False,
) -> np.ndarray:
    """Normalised outputs: gamma * (z - mean) / sqrt(variance + eps) + beta (Ioffe and Szegedy 2015, algorithm 1).

    Args:
        z: Outputs of a layer (N, D).
        gamma: Scales (D,), trained.
        beta: Shifts (D,), trained.
        eps: Above 0; keeps a variance of 0 from dividing.
        cache_dict: Running ``mean`` and ``var`` (D,), not trained. Training replaces them, testing reads them.
        beta_avg: Share of the cache that stays at each step, in [0, 1]; torch's ``momentum`` is 1 - beta_avg.
        mode: ``train`` (mean and variance of the batch, over axis 0) or ``test`` (those of the cache).
        unbiased: Cache the variance with N - 1, as torch does; z is divided by the one with N in any case.

    Returns:
        Normalised outputs (N, D).

    Raises:
        ValueError: Another mode, shapes that do not fit, eps or beta_avg out of range, or ``unbiased`` with one row.
    """
    if mode not in ("train", "test"):
        raise ValueError(f"mode={mode!r}: need 'train' or 'test'.")
    if eps <= 0 or not 0 <= beta_avg <= 1:
        raise ValueError(f"eps={eps}, beta_avg={beta_avg}: need eps above 0 and beta_avg in [0, 1].")
    shapes = [a.shape for a in (gamma, beta, cache_dict["mean"], cache_dict["var"])]
    if z.ndim != 2 or not len(z) or any(shape != z.shape[1:] for shape in shapes):
        raise ValueError(f"z {z.shape}, gamma, beta, mean, var {shapes}: need (N, D), not empty, and (D,) four times.")
    mean, var = cache_dict["mean"], cache_dict["var"]
    if mode == "train":
        mean, var = z.mean(0), z.var(0)
        if unbiased and len(z) == 1:
            raise ValueError("One row has no unbiased variance (0 / 0); take a batch of two rows or more.")
        kept = z.var(0, ddof=1) if unbiased else var
        cache_dict["mean"] = beta_avg * cache_dict["mean"] + (1 - beta_avg) * mean
        cache_dict["var"] = beta_avg * cache_dict["var"] + (1 - beta_avg) * kept
    return gamma * (z - mean) / np.sqrt(var + eps) + beta


def batch_norm_gradients(
    z: np.ndarray, gamma: np.ndarray, eps: float, upstream: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients (dz (N, D), dgamma (D,), dbeta (D,)) of ``batch_norm`` in training (Ioffe and Szegedy 2015, section 3).

    With x = (z - mean) / s and s = sqrt(variance + eps): dbeta = sum dO, dgamma = sum dO x, and dz = gamma / s (dO -
    mean dO - x mean(dO x)). The last two terms come from the mean and the variance, which depend on every row. Both are
    means over axis 0, so dz sums to 0 there: to add a number to all rows changes no output.

    Args:
        z: Outputs of a layer (N, D).
        gamma: Scales (D,).
        eps: Above 0.
        upstream: dL/dO (N, D).

    Raises:
        ValueError: Shapes that do not fit, or eps that is not above 0.
    """
    if eps <= 0:
        raise ValueError(f"eps={eps}: need more than 0.")
    if z.ndim != 2 or not len(z) or gamma.shape != z.shape[1:] or upstream.shape != z.shape:
        raise ValueError(
            f"z {z.shape}, gamma {gamma.shape}, upstream {upstream.shape}: need (N, D), not empty, (D,) and (N, D)."
        )
    deviation = np.sqrt(z.var(0) + eps)
    x = (z - z.mean(0)) / deviation
    by_gamma = (upstream * x).sum(0)
    return gamma / deviation * (upstream - upstream.mean(0) - x * by_gamma / len(z)), by_gamma, upstream.sum(0)


def fresh_cache(size: int) -> dict[str, np.ndarray]:
    """Running mean 0 and variance 1, where torch begins too."""
    return {"mean": np.zeros(size), "var": np.ones(size)}


class BatchNormalisation(Exercise):
    """Training steps on random batches, then a test, beside ``torch.nn.BatchNorm1d``.

    Args:
        rows: Rows of a batch, two at least.
        features: Outputs that are normalised.
        steps: Training steps.
        beta_avg: Share of the running statistics that stays at each step.
        eps: Added to the variance.
        seed: Seed of the numbers.

    Raises:
        ValueError: Fewer than two rows, no feature or step, or eps or beta_avg out of range.
    """

    question = (
        "Which of three statements on batch normalisation is right, how does its forward pass go, what is eps for, "
        "what happens with a batch of one, how many trainable parameters has FC 10 -> 20 with it, and what are its "
        "gradients?"
    )

    def __init__(
        self,
        rows: int = 8,
        features: int = 3,
        steps: int = 50,
        beta_avg: float = 0.9,
        eps: float = 1e-5,
        seed: int = 0,
    ) -> None:
        if rows < 2 or features < 1 or steps < 1 or eps <= 0 or not 0 <= beta_avg <= 1:
            raise ValueError(
                f"rows={rows}, features={features}, steps={steps}, eps={eps}, beta_avg={beta_avg}: need 2 rows, a "
                "feature and a step or more, eps above 0, beta_avg in [0, 1]."
            )
        self.beta_avg, self.eps = beta_avg, eps
        rng = np.random.default_rng(seed)
        self.batches = rng.normal(2.0, 3.0, size=(steps, rows, features))
        self.gamma, self.beta = rng.uniform(0.5, 2, size=features), rng.normal(size=features)
        self.upstream = rng.normal(size=(rows, features))  # dL/dO of the last batch

    def run(
        self, unbiased: bool = False
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], list[dict[str, np.ndarray]]]:
        """Outputs of the last training step and of a test on the same rows, and the running statistics: last, each."""
        cache = fresh_cache(len(self.gamma))
        options = self.gamma, self.beta, self.eps, cache, self.beta_avg
        history = []
        for z in self.batches:
            train = batch_norm(z, *options, "train", unbiased)
            history.append(dict(cache))
        return train, batch_norm(self.batches[-1], *options, "test", unbiased), cache, history

    def single(self) -> np.ndarray:
        """Output (1, D) of a training step on one row."""
        return batch_norm(
            self.batches[0, :1], self.gamma, self.beta, self.eps, fresh_cache(len(self.gamma)), 0.9, "train"
        )

    def answer(self) -> Answer:
        """Statements, outputs, running statistics and gradients."""
        train, test, cache, history = self.run()
        by_input, by_gamma, by_beta = batch_norm_gradients(self.batches[-1], self.gamma, self.eps, self.upstream)
        unbiased = self.run(unbiased=True)[2]
        with_bias = parameters(10, 20) + 2 * 20
        rows = self.batches.shape[1]
        text = (
            "The second: it normalises the distribution of a layer's outputs. In training each feature loses the mean "
            "of the batch and is divided by the root of its variance plus eps, then scaled by gamma and shifted by "
            "beta; mean and variance go into running averages, cache = beta_avg * cache + (1 - beta_avg) * batch, and "
            "testing uses those. Eps keeps a variance of 0 from dividing by 0. With a batch of one the row is its own "
            "mean, so the output is beta whatever the input: gamma and the layers before learn nothing from it. "
            "FC 10 -> 20 has 10 x 20 + "
            f"20, gamma and beta 2 x 20: {with_bias} trainable parameters ({with_bias - 20} without the layer's bias, "
            "which beta makes needless); the running statistics are not trained. Torch's momentum is 1 - beta_avg; it "
            "divides by the variance with N and caches the one with N - 1, "
            f"{rows / (rows - 1):.4g} times as large here. Backward: with x the normalised z and s the root, dbeta = "
            "sum dO, dgamma = sum dO x, dz = gamma / s (dO - mean dO - x mean(dO x)). Every row's gradient depends on "
            "all rows, as they share mean and variance, and the gradients of a batch sum to 0."
        )
        features = [f"feature {i + 1}" for i in range(len(self.gamma))]
        tables = [
            Table("Statements", ["statement", "", "because"], STATEMENTS),
            Table("Outputs of the last batch", ["", *features], [
                *([f"train, row {i + 1}", *row] for i, row in enumerate(train.tolist())),
                *([f"test, row {i + 1}", *row] for i, row in enumerate(test.tolist())),
            ]),
            Table(f"After {len(self.batches)} steps on N(2, 9)", ["", *features], [
                ["running mean", *cache["mean"].tolist()],
                ["running variance, with N", *cache["var"].tolist()],
                ["running variance, with N - 1 (torch)", *unbiased["var"].tolist()],
            ]),
            Table("Gradients of the last batch for a random dL/dO", ["", *features], [
                *([f"dz, row {i + 1}", *row] for i, row in enumerate(by_input.tolist())),
                ["dz, sum over the batch", *by_input.sum(0).tolist()],
                ["dgamma", *by_gamma.tolist()],
                ["dbeta", *by_beta.tolist()],
            ]),
        ]  # fmt: skip
        return Answer(text, tables, self.checks(), {"running_statistics": self.figure(history)})

    def figure(self, history: list[dict[str, np.ndarray]]) -> Figure:
        """Running mean and variance over the steps, beside those of the data."""
        figure = Figure(figsize=(7.4, 3.0), layout="constrained")
        for axis, (key, name, true) in zip(
            figure.subplots(1, 2), (("mean", "running mean", 2.0), ("var", "running variance", 9.0)), strict=True
        ):
            lines = axis.plot(range(1, len(history) + 1), [cache[key] for cache in history], lw=1)
            for i, line in enumerate(lines):
                line.set_label(f"feature {i + 1}")
            axis.axhline(true, color="black", ls="--", lw=1, label="of the data")
            if key == "var":  # the variance with N lies below that of the data on average
                n = self.batches.shape[1]
                axis.axhline(true * (n - 1) / n, color="black", ls=":", lw=1, label="times (N - 1) / N")
            axis.set(xlabel="step", ylabel=name)
            axis.grid(alpha=0.3)
        if len(lines) <= 6:
            axis.legend(fontsize=8)
        return figure

    def checks(self) -> list[Check]:
        """Counts of the sheet, one row, and torch's layer through the same batches."""
        import torch

        size = len(self.gamma)
        layer = torch.nn.BatchNorm1d(size, self.eps, momentum=1 - self.beta_avg, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(self.gamma))
            layer.bias.copy_(torch.tensor(self.beta))
            for z in torch.tensor(self.batches):
                out = layer(z)
            tested = layer.eval()(torch.tensor(self.batches[-1]))
        leaf = torch.tensor(self.batches[-1], requires_grad=True)
        leaves = leaf, layer.weight, layer.bias
        # not by the layer, whose running statistics are compared below
        again = torch.nn.functional.batch_norm(leaf, None, None, *leaves[1:], training=True, eps=self.eps)
        auto = torch.autograd.grad(again, leaves, torch.tensor(self.upstream))
        ours = batch_norm_gradients(self.batches[-1], self.gamma, self.eps, self.upstream)
        single = batch_norm_gradients(self.batches[0, :1], self.gamma, self.eps, self.upstream[:1])
        train, test, cache, _ = self.run(unbiased=True)
        biased = self.run()[2]["var"]
        net = torch.nn.Sequential(torch.nn.Linear(10, 20), torch.nn.BatchNorm1d(20))
        constant = batch_norm(np.full((4, size), 7.0), self.gamma, self.beta, self.eps, fresh_cache(size), 0.9, "train")
        grown = self.beta_avg ** len(self.batches)  # what is left of the 1 that the cache began with
        n = self.batches.shape[1]
        return [
            Check("parameters of FC 10 -> 20 with it", parameters(10, 20) + 2 * 20, 260),
            Check("the same without the layer's bias", parameters(10, 20, bias=False) + 2 * 20, 240),
            Check("trainable parameters in torch", sum(p.numel() for p in net.parameters()), 260),
            Check("right statement", [i + 1 for i, s in enumerate(STATEMENTS) if s[1] == "right"], [2]),
            Check("train: largest difference from torch", gap(train, out.numpy()), 0.0, 1e-12),
            Check("test: largest difference from torch", gap(test, tested.numpy()), 0.0, 1e-12),
            Check("running mean: the same", gap(cache["mean"], layer.running_mean.numpy()), 0.0, 1e-12),
            Check("running variance, with N - 1: the same", gap(cache["var"], layer.running_var.numpy()), 0.0, 1e-12),
            Check("with N - 1 less N/(N-1) times with N",
                  gap(cache["var"] - grown, (biased - grown) * n / (n - 1)), 0.0, 1e-12),
            Check("mean of a training batch less beta", gap(train.mean(0), self.beta), 0.0, 1e-12),
            Check("batch of one: output less beta", gap(self.single()[0], self.beta), 0.0, 0.0),
            Check("variance 0: output less beta", gap(constant, self.beta), 0.0, 0.0),
            *(Check(f"d{name}: largest difference from autograd", gap(a, b.numpy()), 0.0, 1e-10)
              for name, a, b in zip(("z", "gamma", "beta"), ours, auto, strict=True)),
            Check("dz: largest sum over the batch", gap(ours[0].sum(0), np.zeros(size)), 0.0, 1e-10),
            Check("batch of one: largest dz", gap(single[0], np.zeros(size)), 0.0, 0.0),
        ]  # fmt: skip
