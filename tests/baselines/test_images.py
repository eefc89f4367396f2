"""The majority class and the linear model on few pixels."""

from torch import Tensor

from datamodules import ImageFolderDataModule
from lightning_tasks.baselines.images import image_baselines


class Scores:
    """What the baselines ask of a task."""

    num_classes = 4

    def score(self, rows: dict[str, Tensor]) -> dict:
        return {"acc": (rows["prob"].argmax(1) == rows["label"]).float().mean()}


def test_a_policy_of_single_pictures_changes_no_baseline():
    found = []
    for policy in ("none", "strong"):
        data = ImageFolderDataModule(source="simulated", size=32, test_fraction=0.2, policy=policy)
        data.setup()
        found.append(image_baselines(Scores(), data))
    assert found[0] == found[1] and set(found[0]) == {"majority class", "linear model on 16x16"}
