"""Computed foundations: a question of a sheet, answered by tables, figures and values beside the expected ones."""

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Args:
        title: What it shows.
        columns: Names of the columns.
        rows: Values, one row each.
    """

    title: str
    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Check:
    """A computed value beside the one the sheet, or an independent computation, gives.

    Args:
        name: What was computed.
        found: The value.
        expected: What it should be.
        tolerance: Largest difference that is rounding; of lists, in each entry.
    """

    name: str
    found: Any
    expected: Any
    tolerance: float = 1e-9

    @property
    def holds(self) -> bool:
        """Whether both agree; numbers, also those in lists, by the tolerance, anything else exactly."""
        return agree(self.found, self.expected, self.tolerance)


def agree(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether numbers, or lists of the same shape, differ by ``tolerance`` at most; others are equal or not."""
    if isinstance(found, list) and isinstance(expected, list):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(agree(a, b, tolerance) for a, b in pairs)
    if isinstance(found, (int, float)) and isinstance(expected, (int, float)):
        return math.isclose(found, expected, rel_tol=0, abs_tol=tolerance)
    return found == expected


@dataclass(frozen=True)
class Scene:
    """Paths in the plane over contours, played step by step on the page of an exercise.

    Args:
        title: What it shows.
        extent: Left, right, bottom and top of the plane that is shown.
        height: (H, W) values whose contours lie below, the first row at the bottom.
        paths: Name -> (T, 2) points.
    """

    title: str
    extent: tuple[float, float, float, float]
    height: Any
    paths: dict[str, Any]


@dataclass
class Answer:
    """What an exercise found.

    Args:
        text: The answer in sentences.
        tables: In their order.
        checks: Values beside the expected ones.
        figures: Name -> Matplotlib figure.
        scenes: Played in ``animation.html``.
    """

    text: str
    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    scenes: list[Scene] = field(default_factory=list)


class Exercise:
    """One question of a sheet. Arguments of a subclass become options of ``exercise NAME``.

    Attributes:
        question: What the sheet asks, in one or two sentences of ours.
        reads: Data module whose train and test part ``read`` gets; None where nothing is read.
    """

    question: str = ""
    reads: str | None = None

    def read(self, train: dict[str, Any], test: dict[str, Any]) -> None:
        """Take the parts, name -> tensor (N, ...), of which ``answer`` makes use.

        Raises:
            ValueError: Parts that do not fit the question.
        """
        raise NotImplementedError(f"{type(self).__name__}.read")

    def answer(self) -> Answer:
        """Compute it.

        Raises:
            ValueError: Options that do not fit the question.
        """
        raise NotImplementedError(f"{type(self).__name__}.answer")
