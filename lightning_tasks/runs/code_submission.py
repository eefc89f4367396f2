"""A submission of code: a zip with ``model.py`` and networks that need nothing of this project."""

import shutil
import tempfile
import zipfile
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning import LightningModule
from torch import Tensor, nn

from lightning_tasks.measures.recalibration import calibrated

WEIGHTS = "model.pt2"
BATCH = 64
MODEL = '''"""Names the type of blood cells. Needs torch and numpy; {weights} must lie beside this file."""

from pathlib import Path

import numpy as np
import torch


class Model:
    """{members} network(s), whose probabilities are averaged; made with torch {version}."""

    def __init__(self):
        path = Path(__file__).resolve().parent / "{weights}"
        try:
            self.net = torch.export.load(str(path)).module()
        except Exception as error:
            raise RuntimeError(
                f"{{path.name}} was made with torch {version} and cannot be loaded by torch {{torch.__version__}}."
            ) from error

    def predict(self, X):
        """Class numbers, int64 (n,), of pictures uint8 (n, {height}, {width}, 3)."""
        X = np.asarray(X)
        if X.ndim != 4 or X.shape[1:] != ({height}, {width}, 3):
            raise ValueError(f"X has shape {{X.shape}}; expected (n, {height}, {width}, 3).")
        if X.dtype != np.uint8:
            X = np.clip(np.rint(X), 0, 255).astype(np.uint8)
        labels = [np.zeros(0, np.int64)]
        with torch.inference_mode():
            for start in range(0, len(X), {batch}):
                block = torch.from_numpy(np.ascontiguousarray(X[start : start + {batch}]))
                labels.append(self.net(block).argmax(1).numpy())
        return np.concatenate(labels)
'''


class Submitted(nn.Module):
    """Mean probabilities of several tasks: pictures uint8 (B, H, W, 3) -> float32 (B, K).

    Args:
        members: Trained tasks with ``predict_step``; normalisation, ``tta`` and calibration are theirs.
        side: Pixels a side that pictures are brought to first, as when the training data was read; None for none.
    """

    def __init__(self, members: list[LightningModule], side: int | None = None) -> None:
        super().__init__()
        self.members, self.side = nn.ModuleList(members), side

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        image = pictures.permute(0, 3, 1, 2).float()
        if self.side is not None:
            image = F.interpolate(image, (self.side, self.side), mode="bilinear", antialias=True).round()
        batch = {"id": None, "image": image / 255}  # len() would fix the size of the batch
        return torch.stack([calibrated(task, task.predict_step(batch, 0))["prob"] for task in self.members]).mean(0)


def write_code_submission(
    members: list[LightningModule], path: Path, size: tuple[int, int] = (96, 96), side: int | None = None
) -> None:
    """Write ``model.py`` and ``model.pt2`` as a zip.

    ``model.py`` has a class ``Model`` with a no-argument constructor and ``predict(X)``: X uint8 (n, H, W, 3) ->
    int64 (n,). The networks are exported graphs with their weights, normalisation and views, so that neither their
    code nor timm is needed to load them. They run on the CPU, and need a torch that is not much older than ours.

    Args:
        members: One trained task, or the members of an ensemble; they are moved to the CPU.
        path: Zip to write.
        size: H and W of the pictures that ``predict`` gets.
        side: Side of the pictures the members were trained on, where that is another.

    Source: https://docs.pytorch.org/docs/stable/export.html
    """
    net = Submitted(members, None if side is None or size == (side, side) else side).cpu().eval()
    example = torch.zeros(2, *size, 3, dtype=torch.uint8)
    with torch.no_grad():
        program = torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
    text = MODEL.format(
        weights=WEIGHTS, members=len(members), version=torch.__version__, height=size[0], width=size[1], batch=BATCH
    )
    with tempfile.TemporaryFile() as weights, zipfile.ZipFile(path, "w") as file:  # weights do not shrink: stored
        torch.export.save(program, weights)
        weights.seek(0)
        file.writestr("model.py", text)
        with file.open(WEIGHTS, "w", force_zip64=True) as packed:
            shutil.copyfileobj(weights, packed)
