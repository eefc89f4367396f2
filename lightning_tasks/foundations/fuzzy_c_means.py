"""Fuzzy C-means, and the number of clusters by the partition coefficient (G20)."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.plots.style import PALETTE
from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table

FEWEST = 20  # different points: with one for each of ten clusters the coefficient is 1
FUZZIEST = 50.0  # from there on all shares are alike


def memberships(x: np.ndarray, centres: np.ndarray, fuzzifier: float) -> np.ndarray:
    """Shares (N, C) of points x (N, D) in clusters with ``centres`` (C, D); each row sums to 1.

    u_ic = 1 / sum_k (d_ic / d_ik)^(2 / (m - 1)); Bezdek 1981, equation 11.3. A point on a centre belongs to it alone.
    """
    squared = ((x[:, None] - centres) ** 2).sum(2)
    nearest = squared.min(1, keepdims=True)
    # ratios to the nearest one lie in [0, 1]: no overflow; 0 / 0 where a point is on a centre
    ratio = np.where(squared == nearest, 1.0, nearest / np.where(squared > 0, squared, 1.0))
    powers = ratio ** (1 / (fuzzifier - 1))
    return powers / powers.sum(1, keepdims=True)


def centres_of(x: np.ndarray, shares: np.ndarray, fuzzifier: float) -> np.ndarray:
    """Means (C, D) of points x (N, D), weighted by shares^m (N, C)."""
    weights = shares**fuzzifier
    return weights.T @ x / weights.sum(0)[:, None]


def loss_of(x: np.ndarray, shares: np.ndarray, centres: np.ndarray, fuzzifier: float) -> float:
    """Sum of shares^m times squared distances: what fuzzy C-means makes small."""
    return float((shares**fuzzifier * ((x[:, None] - centres) ** 2).sum(2)).sum())


def partition_coefficient(shares: np.ndarray) -> float:
    """Mean over points of the sum of squared shares (N, C): 1 / C where all are equal, 1 where nothing is shared.

    Raises:
        ValueError: Shares outside [0, 1], or rows that do not sum to one.
    """
    if shares.ndim != 2 or not len(shares) or shares.min() < 0 or not np.allclose(shares.sum(1), 1):
        raise ValueError(f"shares {shares.shape}: need rows of numbers in [0, 1] that sum to one.")
    return float((shares**2).sum(1).mean())


def fuzzy_c_means(
    x: np.ndarray, clusters: int, fuzzifier: float, seed: int, starts: int = 3, steps: int = 1000
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Shares (N, C), centres (C, D) and the loss after each step, of the start with the lowest last loss.

    Args:
        x: Points (N, D).
        clusters: C.
        fuzzifier: m > 1; towards 1 it is k-means.
        seed: Seed of the first shares, which are drawn at random.
        starts: Random starts.
        steps: At most; it ends where no share moves by 1e-8.

    Raises:
        ValueError: A fuzzifier of 1 or less, or fewer than two clusters or more than there are points.
    """
    if fuzzifier <= 1 or not 2 <= clusters <= len(x):
        raise ValueError(
            f"fuzzifier={fuzzifier}, clusters={clusters} of {len(x)} points: need more than 1, and 2 to N."
        )
    rng, runs = np.random.default_rng(seed), []
    for _ in range(starts):
        shares, losses = rng.dirichlet(np.ones(clusters), len(x)), []
        for _ in range(steps):
            centres = centres_of(x, shares, fuzzifier)
            before, shares = shares, memberships(x, centres, fuzzifier)
            losses.append(loss_of(x, shares, centres, fuzzifier))
            if np.abs(shares - before).max() < 1e-8:
                break
        runs.append((shares, centres, losses))
    return min(runs, key=lambda run: run[2][-1])


def simulated(clusters: int, points: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) of Gaussian clusters whose centres lie on a circle of radius 3, and their clusters (N,)."""
    rng = np.random.default_rng(seed)
    label = np.arange(points) % clusters
    angle = 2 * np.pi * label / clusters
    return 3 * np.stack([np.cos(angle), np.sin(angle)], 1) + spread * rng.normal(size=(points, 2)), label


class FuzzyCMeans(Exercise):
    """C = 2 .. 10 on points of the plane; C is chosen by the partition coefficient.

    Args:
        csv: A file with columns X and Y (others are ignored); none: simulated clusters.
        true: Simulated clusters.
        points: Simulated points.
        spread: Standard deviation of a simulated cluster; centres lie on a circle of radius 3.
        fuzzifier: m of the shares; the sheet does not tell it, 2 is usual.
        seed: Seed of points and starts.

    Raises:
        ValueError: A file without the columns or with too few points, or options out of range.
    """

    question = "How many clusters does the partition coefficient of fuzzy C-means choose, among 2 to 10?"

    def __init__(
        self,
        csv: Path | None = None,
        true: int = 3,
        points: int = 300,
        spread: float = 0.7,
        fuzzifier: float = 2.0,
        seed: int = 0,
    ) -> None:
        if not 2 <= true <= 10 or points < FEWEST or spread <= 0 or not 1 < fuzzifier <= FUZZIEST:
            raise ValueError(
                f"true={true}, points={points}, spread={spread}, fuzzifier={fuzzifier}: need 2 to 10 clusters, "
                f"{FEWEST} points or more, spread above 0, and a fuzzifier above 1, up to {FUZZIEST:g}."
            )
        self.x, self.label = (read(csv), None) if csv else simulated(true, points, spread, seed)
        self.fuzzifier, self.seed = fuzzifier, seed

    def answer(self) -> Answer:
        """The coefficient over C, and points by their cluster at the best C."""
        fits = {c: fuzzy_c_means(self.x, c, self.fuzzifier, self.seed) for c in range(2, 11)}
        coefficients = {c: partition_coefficient(shares) for c, (shares, _, _) in fits.items()}
        best = max(coefficients, key=coefficients.get)
        origin = "simulated clusters" if self.label is not None else "points of the file"
        text = (
            f"On {len(self.x)} {origin} (m = {self.fuzzifier:g}) the coefficient is largest at C = {best}: "
            f"{coefficients[best]:.4f}. "
            + ("" if self.label is None else f"There are {self.label.max() + 1}. ")
            + "It is 1 / C where nothing is known and 1 where nothing is shared, and it leans towards few clusters, "
            "because 1 / C falls with C: its rescaled form (Dave 1996), (C V - 1) / (C - 1), stands beside it. The "
            "sheet reports C = 2 with .8686 and .7066 on two files that are not available, so those values are not "
            "checked; `--csv FILE` reads such a file. Clusters are those of the best C, not of the "
            "last one that was computed."
        )
        rows = [
            [c, v, (c * v - 1) / (c - 1), losses[-1], len(losses)]
            for (c, v), (_, _, losses) in zip(coefficients.items(), fits.values(), strict=True)
        ]
        table = Table("Partition coefficient", ["C", "V", "(C V - 1) / (C - 1)", "loss", "steps"], rows)
        return Answer(
            text, [table], self.checks(fits, coefficients, best), {"clusters": self.figure(fits, coefficients, best)}
        )

    def checks(self, fits: dict, coefficients: dict[int, float], best: int) -> list[Check]:
        """Shares, losses, a fixed point; k-means at a fuzzifier near 1, on the simulated clusters."""
        from sklearn.cluster import KMeans
        from sklearn.metrics import adjusted_rand_score

        shares, centres, _ = fits[best]
        rises = max(max(np.diff(run[2]), default=0.0) / run[2][0] for run in fits.values())
        moved = np.abs(centres_of(self.x, shares, self.fuzzifier) - centres).max() / self.x.std()
        x, _ = simulated(3, 300, 0.7, 0)
        hard = fuzzy_c_means(x, 3, 1.05, 0)[0].argmax(1)
        same = adjusted_rand_score(hard, KMeans(3, n_init=10, random_state=0).fit(x).labels_)
        return [
            Check("shares of a point sum to 1", float(np.abs(shares.sum(1) - 1).max()), 0.0, 1e-12),
            Check("loss never rises", max(float(rises), 0.0), 0.0, 1e-12),
            Check("centres less weighted means, in deviations of the points", float(moved), 0.0, 1e-4),
            Check("coefficients lie in [1 / C, 1]", all(1 / c <= v <= 1 for c, v in coefficients.items()), True),
            Check("m = 1.05 and k-means on three clusters: adjusted Rand index", float(same), 1.0, 0.02),
        ]

    def figure(self, fits: dict, coefficients: dict[int, float], best: int) -> Figure:
        """Coefficient over C; points by their largest share at the best C, fainter where it is small."""
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(list(coefficients), list(coefficients.values()), ".-")
        left.plot(best, coefficients[best], "o", color="#D55E00")
        left.set(xlabel="C", ylabel="partition coefficient")
        left.grid(alpha=0.3)
        shares, centres, _ = fits[best]
        right.scatter(*self.x.T, s=12, c=[PALETTE[i] for i in shares.argmax(1)], alpha=shares.max(1))
        right.plot(*centres.T, "k+", ms=12, mew=2)
        right.set(xlabel="X", ylabel="Y", title=f"C = {best}", aspect="equal")
        return figure


def read(csv: Path) -> np.ndarray:
    """Columns X and Y (N, 2) of a file.

    Raises:
        ValueError: No such file, columns that are not there, cells that are no numbers, or too few different points.
    """
    import pandas as pd

    if not csv.is_file():
        raise ValueError(f"{csv} is no file; name a CSV file with columns X and Y.")
    try:
        table = pd.read_csv(csv)
    except ValueError as error:  # pandas' own errors are of this kind
        raise ValueError(f"{csv} is no table ({' '.join(str(error).split())}).") from None
    if missing := [name for name in ("X", "Y") if name not in table]:
        raise ValueError(f"{csv} has no column {missing[0]}. Columns: {', '.join(map(str, table))}.")
    x = table[["X", "Y"]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    different = len(np.unique(x, axis=0))
    if not np.isfinite(x).all() or different < FEWEST:
        raise ValueError(
            f"{csv}: {different} different points, {int((~np.isfinite(x)).sum())} cells that are no number; need "
            f"{FEWEST} or more, all of numbers."
        )
    return x
