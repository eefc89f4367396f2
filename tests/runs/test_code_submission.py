"""The zip of a code submission: loads alone, in another process, and predicts what our own networks predict."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from datamodules.sets.blood_cells import resized
from lightning_tasks import BloodCellsTask
from lightning_tasks.measures.recalibration import fit, recalibrate
from lightning_tasks.runs.checkpoint import load_weights
from lightning_tasks.runs.code_submission import Submitted

# -I: neither PYTHONPATH nor the working directory are searched, as on a machine without this project.
ALONE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import numpy as np, torch
from model import Model
X = np.load(sys.argv[2])
model = Model()
labels = model.predict(X)
print(json.dumps({
    "labels": labels.tolist(), "dtype": str(labels.dtype), "one": model.predict(X[:1]).tolist(),
    "none": model.predict(X[:0]).tolist(), "prob": model.net(torch.from_numpy(X)).tolist(),
    "modules": sorted({m.split(".")[0] for m in sys.modules}),
}))
"""


def unpack_and_predict(tmp_path, path, pictures) -> dict:
    with zipfile.ZipFile(path) as file:
        assert sorted(file.namelist()) == ["model.pt2", "model.py"]
        file.extractall(tmp_path / "alone")
    np.save(tmp_path / "X.npy", pictures)
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, tmp_path / "alone", tmp_path / "X.npy"],
        capture_output=True, text=True, check=False, env={"OMP_NUM_THREADS": "1"}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pictures_of_blocks(n: int, side: int = 96) -> np.ndarray:
    """uint8 (n, side, side, 3) that differ at a glance, so that networks give them different classes."""
    colors = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), np.uint8)
    return colors.repeat(side // 4, 1).repeat(side // 4, 2)


@torch.no_grad()
def shaken(task: BloodCellsTask, seed: int) -> BloodCellsTask:
    """As if trained: statistics other than at the start, and a head that gives the pictures different classes."""
    torch.manual_seed(seed)
    task.mean.add_(0.3 * torch.rand(3, 1, 1))
    task.std.mul_(0.5 + torch.rand(3, 1, 1))
    image = torch.from_numpy(pictures_of_blocks(24)).permute(0, 3, 1, 2).float() / 255
    task.train()(image)  # moves the BatchNorm statistics
    task.eval()
    head = task.net.get_classifier()
    std, mean = torch.std_mean(task(image), 0)
    head.bias.copy_(2 * (head.bias - mean) / std)
    head.weight.mul_(2 / std[:, None])
    return task


@torch.no_grad()
def own_prob(members: list, pictures: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    batch = {"id": torch.arange(len(image)), "image": image}
    return torch.stack([m.predict_step(batch)["prob"] for m in members]).mean(0).numpy()


def test_an_ensemble_loads_alone_and_predicts_what_we_predict(tmp_path):
    small = {"net_args": {"width": 8, "stem_stride": 4}}
    members = [
        shaken(BloodCellsTask(**small), 1),
        shaken(BloodCellsTask(**small, tta="flips", normalize="image", channels_last=True), 2),
        shaken(BloodCellsTask(net="timm/convnext_atto", net_args={"depths": [1, 1, 1, 1]}), 3),
        shaken(BloodCellsTask(net="mlp", net_args={"hidden": [8], "image_size": 96}, tta="hflip"), 4),
    ]
    pictures = pictures_of_blocks(70)  # more than a batch of model.py, and a short last one
    expected = own_prob(members, pictures)
    assert len(set(expected.argmax(1).tolist())) > 2
    BloodCellsTask.write_code_submission(members, tmp_path / "submission.zip")
    found = unpack_and_predict(tmp_path, tmp_path / "submission.zip", pictures)
    np.testing.assert_allclose(found["prob"], expected, atol=5e-5)
    assert found["labels"] == expected.argmax(1).tolist() and found["dtype"] == "int64"
    assert found["one"] == found["labels"][:1] and found["none"] == []
    foreign = {"lightning", "lightning_tasks", "datamodules", "torchmetrics", "sklearn", "segmentation_models_pytorch"}
    assert not foreign & set(found["modules"])


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
def test_a_submitted_network_is_calibrated(method):
    member = shaken(BloodCellsTask(net_args={"width": 4}), 0)
    pictures = pictures_of_blocks(24)
    plain = torch.from_numpy(own_prob([member], pictures))
    member.calibration = fit(method, plain, (plain.argmax(1) + torch.arange(24) % 2) % 8) | {
        "tta": "none",
        "run": "runs/a",
    }
    net = Submitted([member]).eval()
    example = torch.zeros(2, 96, 96, 3, dtype=torch.uint8)
    with torch.no_grad():
        exported = torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
        found = exported.module()(torch.from_numpy(pictures))
    np.testing.assert_allclose(found, recalibrate(plain, member.calibration), atol=5e-5)
    assert (found - plain).abs().max() > 0.01


def test_a_network_for_smaller_pictures_brings_them_to_its_size():
    member = shaken(BloodCellsTask(net_args={"width": 4}), 0)
    pictures = pictures_of_blocks(8)
    smaller = resized(pictures.transpose(0, 3, 1, 2), 48).transpose(0, 2, 3, 1)
    with torch.no_grad():
        found = Submitted([member], side=48)(torch.from_numpy(pictures))
    np.testing.assert_allclose(found, own_prob([member], smaller), atol=5e-5)


def test_submit_writes_the_zip_of_a_run(tmp_path, cli, capsys):
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    labels = (np.arange(48) % 8).astype(np.uint8)[:, None]
    np.savez(tmp_path / "data/training_set.npz", images=pictures_of_blocks(48), labels=rng.permutation(labels))
    cli("fit", "--model", "BloodCellsTask", "--data", "BloodCellsDataModule", "--model.net_args", "{width: 4}",
        "--data.batch_size", 8, "--data.resize", 48, "--trainer.max_epochs", 1, "--draws", 0, "--baselines", "false",
        "--trainer.enable_progress_bar", "false")  # fmt: skip
    run = tmp_path / "runs/BloodCellsTask/default"
    cli("submit", "--run", run, "--tta", "--data.augment", "[hflip, vflip]")
    assert "runs/BloodCellsTask/default/submission.zip" in capsys.readouterr().out
    with zipfile.ZipFile(run / "submission.zip") as file:
        net = torch.export.load(file.open("model.pt2")).module()
    task = BloodCellsTask(net_args={"width": 4}, tta="flips").eval()
    load_weights(task, run / "checkpoints/best.ckpt")
    pictures = pictures_of_blocks(5)
    smaller = resized(pictures.transpose(0, 3, 1, 2), 48).transpose(0, 2, 3, 1)
    with torch.no_grad():
        found = net(torch.from_numpy(pictures))
    np.testing.assert_allclose(found, own_prob([task], smaller), atol=5e-5)
