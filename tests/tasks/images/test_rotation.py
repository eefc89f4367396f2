"""Rotation as a pretext: exact turns, no labels, and a probe on what it learnt."""

from pathlib import Path

import pandas as pd
import torch

from lightning_tasks import RotationTask
from tests.conftest import ROOT, results

QUIET = ("--data.source", "simulated", "--data.limit", 80, "--draws", 0, "--trainer.enable_progress_bar", "false",
         "--trainer.max_epochs", 1, "--baselines", "false", "--figures", "last")  # fmt: skip


def test_pictures_are_turned_exactly_and_by_their_number():
    task = RotationTask(net="cnn_small", in_channels=1)
    image = torch.arange(4 * 9.0).view(4, 1, 3, 3)
    batch = task.asked({"id": torch.tensor([4, 5, 6, 7]), "image": image, "label": torch.tensor([9, 9, 9, 9])})
    assert batch["label"].tolist() == [0, 1, 2, 3]
    for k in range(4):
        assert torch.equal(batch["image"][k], torch.rot90(image[k], k, (1, 2)))
    assert torch.equal(image, torch.arange(4 * 9.0).view(4, 1, 3, 3)), "the batch itself stays"


def test_the_probe_trains_the_pretext_first_and_moves_the_head_alone(cli):
    config = ROOT / "configs/variants/rotation_probe.yaml"
    cli("fit", "--config", config, *QUIET, "--data.train_size", 20)
    (pretext,) = Path("runs/rotation").glob("needed_*")
    state = torch.load(pretext / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    probe = torch.load("runs/rotation_probe/default/checkpoints/best.ckpt", weights_only=True)["state_dict"]
    body = [name for name in state if name.startswith("net.") and ".head." not in name]
    assert body and all(torch.equal(state[name], probe[name]) for name in body)
    assert state["net.head.weight"].shape[0] == 4 and probe["net.head.weight"].shape[0] == 10
    assert set(results(pretext)["metrics"]) >= {"test/recall_90", "test/acc"}
    table = pd.read_csv(pretext / "predictions.csv")
    assert (table["label"].to_numpy(int) == 90 * (table["id"].to_numpy() % 4)).all()
    assert results(pretext)["sizes"]["train"] == 72, "it learns from all pictures, not from the labelled ones"
    assert f"file {pretext}" in results(Path("runs/rotation_probe/default"))["weights"]

    cli("fit", "--config", ROOT / "configs/variants/rotation_knn.yaml", *QUIET, "--data.train_size", 20)
    assert len(list(Path("runs/rotation").glob("needed_*"))) == 1, "both probes share the pretext"
