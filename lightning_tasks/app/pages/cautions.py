"""What to know about intervals that come from little."""

from typing import Any

from datamodules.readers.wording import listed
from lightning_tasks.common.units import FEW_POSITIVES, FEW_UNITS


def cautions(scores: dict[str, dict[str, Any]]) -> list[str]:
    """What to know about the intervals of ``scores_of``, in plain sentences; none where there are units enough."""
    drawn = {name: m for name, m in scores.items() if "low" in m and m.get("interval") != "exact"}
    few = {name: m["units"] for name, m in drawn.items() if m["units"] < FEW_UNITS}
    sentences = []
    if few:
        sentences.append(
            f"The intervals of {listed(few, 4)} come from few independent units (the least: {min(few.values())}): "
            f"below {FEW_UNITS} they are rough, and may miss the truth more often than in 5 % of cases."
        )
    rare = {
        name: few
        for name, m in drawn.items()
        if "positives" in m and (few := min(m["positives"], m["n"] - m["positives"])) < FEW_POSITIVES
    }
    if rare:
        sentences.append(
            f"Few samples of the rarer class (the least: {min(rare.values())}): below {FEW_POSITIVES} the intervals of "
            f"{listed(rare, 4)} are rough, too."
        )
    return sentences
