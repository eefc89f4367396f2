"""``submit``: the assignment's own submission file from a run, or from all folds of a k-fold directory."""

from argparse import Namespace
from collections.abc import Iterator

import torch
from torch import Tensor

from lightning_tasks.app.console import print_notes
from lightning_tasks.app.members import Run, batches_of, load_members, mean_batches, predictions, require
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.atomic import write_atomic_with


def run(options: Namespace, overrides: list[str]) -> None:
    """``submit --run R [--tta] [--average prob|rank] [--out F] [--allow-simulated]`` and dotted overrides."""
    if options.average not in ("prob", "rank"):
        raise ValueError(f"--average {options.average!r}: choose prob or rank.")

    members = load_members(options.run, overrides)
    tasks, data = [member.task for member in members], members[0].data
    if tasks[0].submits is None or (tasks[0].submits == "table" and data.submission is None):
        owner = tasks[0] if tasks[0].submits is None else data
        raise ValueError(f"{type(owner).__name__} has no submission format: its assignment asks for none.")
    if data.hparams.predict is not None:
        raise ValueError(
            "--data.predict: a submission is of the test part that the data has. Leave it away (or null, where the run "
            "was trained with it); predict writes what is said of samples of your own."
        )
    if data.data_source == "simulated" and not options.allow_simulated:
        raise ValueError(
            f"{options.run} was trained on simulated data; a submission of it says nothing. "
            "Set --data.root to the real data, or add --allow-simulated to try the format."
        )
    if options.tta:
        for member in members:
            require(member.task, "tta")
            if member.data.flips_shown == "none":
                raise ValueError(
                    "--tta: training showed no mirrored pictures (no hflip or vflip in --data.augment), so that a mean "
                    "over flips would ask the network what it never saw. Leave --tta away."
                )
            member.task.hparams.tta = member.data.flips_shown
    print_notes([], data.data_source == "simulated")
    folder = options.run.resolve()
    source = f"the mean of {len(tasks)} members" if len(tasks) > 1 else "one member"
    if count := sum(task.calibration is not None for task in tasks):
        source += " (recalibrated)" if count == len(tasks) else f" ({count} of them recalibrated)"
    if tasks[0].submits == "code":
        if options.average == "rank":
            raise ValueError(NO_RANKS.format(type(tasks[0]).__name__))
        out = options.out or folder / "submission.zip"
        side = data.pools["train"]["image"].shape[-1]  # pictures may have been resized when they were read
        write_atomic_with(out, lambda temporary: tasks[0].write_code_submission(tasks, temporary, side))
        print(f"Wrote {as_shown(out)}: code and weights of {source}")
        return
    if "predict" not in data.parts:
        raise ValueError(
            f"The data of {data.title} in {data.hparams.root} has no unlabelled test part, so there is nothing to "
            "predict for a submission. docs/data.md names the file that holds it."
        )
    out = options.out or folder / "submission.csv"
    counts = []
    average = ranked if options.average == "rank" else mean_batches
    write_atomic_with(
        out, lambda temporary: counts.append(data.write_submission(temporary, average(members, "predict")))
    )
    averaging = ", averaged by rank" if options.average == "rank" else ""
    print(f"Wrote {counts[0]} predictions of {source}{averaging} to {as_shown(out)}")


NO_RANKS = (
    "--average rank orders samples by the probability of the second of two classes, and the submission of {} "
    "needs classes. Leave --average away."
)


def ranked(members: list[Run], part: str) -> Iterator[dict]:
    """A whole part as one batch of ``id`` and ``prob`` (N, 2), in which ``prob[:, 1]`` is the mean rank of the members.

    Each member's probabilities become their ranks divided by N first: a member that is surer than the others does not
    count for more. What is left is an order; it says nothing about how likely a sample is positive.

    Raises:
        ValueError: The members do not tell two classes apart.
    """
    ids: list[Tensor] = []
    probs: list[list[Tensor]] = [[] for _ in members]
    for batches in batches_of(members, part):
        ids.append(batches[0]["id"].cpu())
        for member_probs, prob in zip(probs, predictions(members, batches), strict=True):
            if prob.ndim != 2 or prob.shape[1] != 2:
                raise ValueError(NO_RANKS.format(type(members[0].task).__name__))
            member_probs.append(prob[:, 1].cpu())
    rank = sum(rank_share(torch.cat(member_probs)) for member_probs in probs) / len(members)
    yield {"id": torch.cat(ids), "prob": torch.stack([1 - rank, rank], 1)}


def rank_share(value: Tensor) -> Tensor:
    """Rank / N of each of N values, float64 (N,): 1 / N for the lowest, 1 for the highest, equal ones their mean."""
    _, place, count = value.unique(return_inverse=True, return_counts=True)
    return (count.cumsum(0).double() - (count - 1) / 2)[place] / len(value)
