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


@dataclass
class Answer:
    """What an exercise found.

    Args:
        text: The answer in sentences.
        tables: In their order.
        checks: Values beside the expected ones.
        figures: Name -> Matplotlib figure.
    """

    text: str
    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


class Exercise:
    """One question of a sheet. Arguments of a subclass become options of ``exercise NAME``.

    Attributes:
        question: What the sheet asks, in one or two sentences of ours.
    """

    question: str = ""

    def answer(self) -> Answer:
        """Compute it.

        Raises:
            ValueError: Options that do not fit the question.
        """
        raise NotImplementedError(f"{type(self).__name__}.answer")
