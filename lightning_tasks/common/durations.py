"""Times for people, and how much of one is left."""

import time


def duration(seconds: float) -> str:
    """``45 s``, ``3 min`` or ``1 h 20 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Remaining:
    """How long the rest of several equal pieces of work takes, by those that are done.

    Args:
        total: Pieces.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done, self._begun = total, 0, time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self.done += 1

    def words(self) -> str:
        """``about 3 min left``; nothing before the first is done and after the last."""
        left = self.total - self.done
        if not self.done or left <= 0:
            return ""
        return f"about {duration((time.monotonic() - self._begun) / self.done * left)} left"
