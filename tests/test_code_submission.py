"""The zip of a code submission: loads alone, in another process, and predicts what our own networks predict."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from lightning_tasks import BloodCellsTask

# -I: neither PYTHONPATH nor the working directory are searched, as on a machine without this project.
ALONE = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
from model import Model
X = np.load(sys.argv[2])
model = Model()
labels = model.predict(X)
one, none = model.predict(X[:1]), model.predict(X[:0])
print(json.dumps({"labels": labels.tolist(), "dtype": str(labels.dtype), "one": one.tolist(), "none": none.tolist(),
                  "modules": sorted({m.split(".")[0] for m in sys.modules})}))
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


def shaken(task: BloodCellsTask, seed: int) -> BloodCellsTask:
    """As if trained: random BatchNorm statistics, channel statistics and a head that tells pictures apart."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in task.named_buffers():
        if value.is_floating_point() and value.numel() > 1:
            value.copy_(torch.rand(value.shape, generator=generator) + (0.5 if "var" in name or "std" in name else 0))
    head = task.net.get_classifier()
    with torch.no_grad():
        head.weight.copy_(20 * torch.randn(head.weight.shape, generator=generator))
    return task.eval()


@torch.no_grad()
def own_prediction(members, pictures) -> np.ndarray:
    image = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    batch = {"id": torch.arange(len(image)), "image": image}
    return torch.stack([m.predict_step(batch)["prob"] for m in members]).mean(0).argmax(1).numpy()


def test_an_ensemble_loads_alone_and_predicts_what_we_predict(tmp_path):
    torch.manual_seed(0)
    small = {"net_args": {"width": 8}}
    members = [
        shaken(BloodCellsTask(**small), 1),
        shaken(BloodCellsTask(**small, tta="hflip", normalize="image", channels_last=True), 2),
        shaken(BloodCellsTask(net="timm/convnext_atto", tta="flips"), 3),
        shaken(BloodCellsTask(net="timm/resnet18", net_args={"head_hidden": [16]}, ema=0.9), 4)
        if False
        else shaken(BloodCellsTask(net="timm/resnet10t"), 4),
    ]
    pictures = np.random.default_rng(0).integers(0, 256, (70, 96, 96, 3), np.uint8)
    expected = own_prediction(members, pictures)
    assert len(set(expected.tolist())) > 2
    BloodCellsTask.write_code_submission(members, tmp_path / "submission.zip")
    found = unpack_and_predict(tmp_path, tmp_path / "submission.zip", pictures)
    assert found["labels"] == expected.tolist() and found["dtype"] == "int64"
    assert found["one"] == expected[:1].tolist() and found["none"] == []
    assert not {"lightning", "lightning_tasks", "datamodules", "torchmetrics", "sklearn"} & set(found["modules"])
