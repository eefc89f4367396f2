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
    rare = {name: m["positives"] for name, m in drawn.items() if m.get("positives", FEW_POSITIVES) < FEW_POSITIVES}
    if rare:
        sentences.append(
            f"{min(rare.values())} positives: below {FEW_POSITIVES} the intervals of {listed(rare, 4)} are too narrow."
        )
    return sentences
