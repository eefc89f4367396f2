"""``predict`` of a k-fold directory."""

from pathlib import Path

from .console import print_notes
from .members import load_members, mean_batches
from .places import as_shown
from .predict import Columns, add, joined, predicted_part, save_predictions


def predict_folds(folder: Path, overrides: list[str]) -> None:
    """``predict --run R`` of a k-fold directory: the mean of its networks, into it.

    Raises:
        FileNotFoundError: Folds are missing.
        ValueError: Predictions that have no mean, or samples that some of the networks were trained on.
    """
    members = load_members(folder, overrides)
    task, data = members[0].task, members[0].data
    if task.averaged is None:
        raise ValueError(f"Predictions of {type(task).__name__} have no mean: give one fold, --run {folder}/fold_0.")
    part = predicted_part(data)
    if part == "test" and data.scores_validation:
        raise ValueError(
            f"{data.title} has no unlabelled part and no test part: most networks of {folder} were trained on what is "
            f"left. {folder}/oof.csv has the prediction of each sample by the network that was not."
        )
    columns: Columns = {}
    for batch in mean_batches(members, part):
        add(columns, task, batch, {key: batch[key] for key in ("id", task.averaged)})
    written = save_predictions(task, data, joined(columns), folder)
    print_notes([], data.data_source == "simulated")
    print(f"Wrote {as_shown(written)}: the mean of {len(members)} networks")
