"""Whether a network is under- or overfitted, told from its scores on both parts."""

UNDERFITTED, OVERFITTED, NEITHER = "underfitted", "overfitted", "neither"


def generalisation(train: float, held_out: float, reachable: float, largest_gap: float = 0.05) -> str:
    """``underfitted``, ``overfitted`` or ``neither``, by two limits (Goodfellow et al. 2016, section 5.2).

    Underfitted is a score on the train part below what can be reached there: the network cannot say enough, was trained
    too shortly or is held back too much. Else overfitted is a train score more than ``largest_gap`` above the held-out
    one. The first goes before the second: what has not learnt the train part needs more capacity or training first,
    whatever its gap. Both limits are a choice that depends on the data; both scores must be measured in evaluation mode
    and without augmentation.

    Args:
        train: Score on the train part, larger is better, such as accuracy.
        held_out: The same score on data that was not trained on.
        reachable: Train score that a network large enough reaches, or a person, or another model.
        largest_gap: Difference of both that is still accepted, 0 or more.

    Raises:
        ValueError: Scores that are not finite, or a negative gap.
    """
    if not all(abs(score) < float("inf") for score in (train, held_out, reachable)) or not largest_gap >= 0:
        raise ValueError(
            f"train={train}, held_out={held_out}, reachable={reachable}, largest_gap={largest_gap}: need finite scores "
            "and a gap of 0 or more."
        )
    if train < reachable:
        return UNDERFITTED
    return OVERFITTED if train - held_out > largest_gap else NEITHER
