"""True and false positives and negatives, and the metrics made of them (G14)."""

import math
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from lightning_tasks.problems.exercise import Answer, Check, Exercise, Table


def confusion_counts(truth: np.ndarray, predicted: np.ndarray) -> dict[str, int]:
    """``tp``, ``fp``, ``tn`` and ``fn`` of boolean arrays (N,): was positive, was called positive.

    Raises:
        ValueError: Arrays of different shapes, or empty ones.
    """
    truth, predicted = np.asarray(truth, bool), np.asarray(predicted, bool)
    if truth.shape != predicted.shape or truth.ndim != 1 or not len(truth):
        raise ValueError(
            f"truth {truth.shape} and predicted {predicted.shape}: need two lists of the same length, not empty."
        )
    return {
        "tp": int((truth & predicted).sum()),
        "fp": int((~truth & predicted).sum()),
        "tn": int((~truth & ~predicted).sum()),
        "fn": int((truth & ~predicted).sum()),
    }


def metrics_of(counts: dict[str, int]) -> dict[str, float]:
    """``accuracy``, ``precision``, ``recall``, ``specificity`` and ``f1``; NaN for a share of nothing."""
    tp, fp, tn, fn = (counts[key] for key in ("tp", "fp", "tn", "fn"))

    def share(part: float, whole: float) -> float:
        return part / whole if whole else float("nan")

    return {
        "accuracy": share(tp + tn, tp + fp + tn + fn),
        "precision": share(tp, tp + fp),
        "recall": share(tp, tp + fn),
        "specificity": share(tn, tn + fp),
        "f1": share(2 * tp, 2 * tp + fp + fn),
    }


class EvaluationMetrics(Exercise):
    """Suspects of a hack, with a score each: which threshold accuses whom.

    Args:
        suspects: People with a score.
        guilty: How many of them did it.
        accused_cost: Cost of one accused innocent, in units of one culprit that goes free.
        seed: Seed of the scores: guilty ones are drawn from N(1.5, 1), others from N(0, 1).

    Raises:
        ValueError: No guilty or no innocent people, or a negative cost.
    """

    question = (
        "What are true and false positives and negatives, and which metric suits the search for the people behind a "
        "hack, where accusing innocents and letting culprits go are both bad?"
    )

    def __init__(self, suspects: int = 1000, guilty: int = 30, accused_cost: float = 0.1, seed: int = 0) -> None:
        if not 0 < guilty < suspects:
            raise ValueError(f"guilty={guilty} of suspects={suspects}: need one guilty and one innocent at least.")
        if accused_cost < 0:
            raise ValueError(f"accused_cost={accused_cost}: need 0 or more.")
        rng = np.random.default_rng(seed)
        self.truth = np.arange(suspects) < guilty
        self.score = rng.normal(size=suspects) + 1.5 * self.truth
        self.cost = accused_cost

    def answer(self) -> Answer:
        """Table over thresholds, the curve, and the sheet's decision."""
        thresholds = np.linspace(-1, 3, 17)
        counts = [confusion_counts(self.truth, self.score >= t) for t in thresholds]
        metrics = [metrics_of(c) for c in counts]
        cost = [c["fn"] + self.cost * c["fp"] for c in counts]
        rows = [
            [float(t), *c.values(), *m.values(), k]
            for t, c, m, k in zip(thresholds, counts, metrics, cost, strict=True)
        ]
        best = int(np.nanargmax([m["f1"] for m in metrics]))
        nobody = metrics_of(confusion_counts(self.truth, np.zeros_like(self.truth)))
        text = (
            "Precision guards the innocents (of those accused, how many did it), recall guards the public (of those "
            "who did it, how many are found); F1, their harmonic mean, is high only where both are. Accuracy does not "
            f"help: to accuse nobody is right in {nobody['accuracy']:.1%} of the cases and finds nobody. F1 is largest "
            f"at threshold {thresholds[best]:.2f}: precision {metrics[best]['precision']:.3f}, recall "
            f"{metrics[best]['recall']:.3f}; the cost with {self.cost:g} for each accused innocent is least at "
            f"{thresholds[int(np.argmin(cost))]:.2f}"
            + (
                ", where accuracy is highest: at equal prices the cost counts all errors alike."
                if self.cost == 1
                else "."
            )
        )
        return Answer(
            text,
            [Table("Counts and metrics over the threshold", ["threshold", *counts[0], *metrics[0], "cost"], rows)],
            self.checks(thresholds[best]),
            {"threshold": self.figure(thresholds, metrics, cost)},
        )

    def checks(self, threshold: float) -> list[Check]:
        """Against scikit-learn's definitions on the people accused at ``threshold``, and the empty cases."""
        from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

        accused = self.score >= threshold
        metrics = metrics_of(confusion_counts(self.truth, accused))
        references = {
            "accuracy": accuracy_score,
            "precision": precision_score,
            "recall": recall_score,
            "specificity": partial(recall_score, pos_label=False),
            "f1": f1_score,
        }
        nobody = metrics_of(confusion_counts(self.truth, np.zeros_like(self.truth)))
        return [
            *(Check(name, metrics[name], float(score(self.truth, accused))) for name, score in references.items()),
            Check("precision where nobody is accused is no number", math.isnan(nobody["precision"]), True),
        ]

    def figure(self, thresholds: np.ndarray, metrics: list[dict[str, float]], cost: list[float]) -> Figure:
        """Precision, recall and F1 over the threshold; the cost beside them."""
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for name in ("precision", "recall", "f1", "accuracy"):
            left.plot(thresholds, [m[name] for m in metrics], ".-", label=name)
        left.set(xlabel="threshold", ylabel="share", ylim=(0, 1.03))
        left.legend(fontsize=8)
        right.plot(thresholds, cost, ".-", color="#D55E00")
        right.set(xlabel="threshold", ylabel=f"culprits free + {self.cost:g} x innocents accused")
        for axis in (left, right):
            axis.grid(alpha=0.3)
        return figure
