"""Corrupted copies of the evaluated pictures: how much of its accuracy a classifier keeps."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lightning_tasks.measures.calibration import hits
from lightning_tasks.measures.classification import chosen, judged, share_right
from lightning_tasks.measures.corruptions import NAMES, SEVERITIES, corrupt, random_corruption
from lightning_tasks.plots.classes import severity_figure


class CorruptedCopies:
    """What is done to evaluated pictures, and what the classes given to the copies say.

    Args:
        mode: ``none``; ``random``, one copy of every sample, of a kind and strength drawn by its id; ``suite``, in
            evaluations outside a fit also all kinds and strengths; or ``{suite: [1, 3, 5]}``, with these strengths
            of 1 to 5 only.

    Raises:
        ValueError: Another mode or strength.
    """

    def __init__(self, mode: str | dict[str, list[int]]) -> None:
        name, severities = next(iter(mode.items())) if isinstance(mode, dict) and len(mode) == 1 else (mode, SEVERITIES)
        if name not in ("none", "random", "suite") or (isinstance(mode, dict) and name != "suite"):
            raise ValueError(f"corrupted={mode!r}: choose none, random, suite or {{suite: [1, 3, 5]}}.")
        if (bad := sorted(set(severities) - set(SEVERITIES))) or not severities:
            found = bad[0] if bad else "nothing"
            raise ValueError(f"corrupted: suite holds {found}; choose of {', '.join(map(str, SEVERITIES))}.")
        self.active, self.suite, self.severities = name != "none", name == "suite", list(severities)

    def __call__(self, image: Tensor, ids: Tensor, suite: bool) -> Iterator[Tensor]:
        """A randomly corrupted copy of each image, then with ``suite`` every kind at every chosen strength."""
        yield random_corruption(image, ids)
        if suite and self.suite:
            for name in NAMES:
                for severity in self.severities:
                    yield corrupt(image, name, severity, ids)

    def hits(self, rows: dict[str, Tensor]) -> Tensor:
        """Accuracy on each copy, float64 (copies,), from ``corrupted`` (N, copies) and ``label`` (N,)."""
        return share_right(judged(rows["corrupted"], rows["label"][:, None]))

    def scores(self, rows: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Any]]:
        """``acc_corrupted`` and, where rows hold the suite, ``acc_suite``; and ``acc_<corruption>`` of each kind."""
        hit = self.hits(rows)
        if len(hit) == 1:
            return {"acc_corrupted": hit[0]}, {}
        suite = hit[1:].view(len(NAMES), -1).mean(1)
        kinds = {f"acc_{name}": value for name, value in zip(NAMES, suite.unbind(), strict=True)}
        return {"acc_corrupted": hit[0], "acc_suite": suite.mean()}, kinds

    def figures(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Accuracy by kind and strength, where rows hold the suite."""
        hit = self.hits(rows)
        if len(hit) == 1:
            return {}
        clean = float(hits(rows["prob"], rows["label"]).mean())
        return {"suite": severity_figure(hit[1:].view(len(NAMES), -1), NAMES, self.severities, clean)}


def classes_of(probs: list[Tensor]) -> Tensor:
    """The class given to each copy, int16 (B, copies), from probabilities (B, K) of each; -1 where these are NaN."""
    return torch.stack([chosen(prob) for prob in probs], 1).to(torch.int16)
