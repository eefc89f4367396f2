"""Points of many dimensions for TensorBoard's projector, with their labels and pictures."""

import io
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from torch import Tensor

from lightning_tasks.common.atomic import write_atomic, write_atomic_with

MOST = 64  # dimensions; of more the first principal components are kept, which the projector would do too
SIDE = 32  # pixels of a picture


def write_projector(
    folder: Path, title: str, points: Tensor, columns: dict[str, list[str]], pictures: Tensor | None = None
) -> None:
    """Write ``projector_config.pbtxt`` and, in ``projector``, what it names.

    Args:
        folder: Where TensorBoard finds a run's events.
        title: Of the points, such as ``codes``.
        points: (N, F).
        columns: Name -> N texts, such as the label of each point.
        pictures: (N, 1 or 3, H, W) in [0, 1].
    """
    lines = ["\t".join(f"{value:.5g}" for value in row) for row in reduced(points).tolist()]
    write_atomic(folder / "projector" / f"{title}.tsv", "\n".join(lines) + "\n")
    rows = zip(*([clean(text) for text in texts] for texts in columns.values()), strict=True)
    head = ["\t".join(columns)] if len(columns) > 1 else []  # one column alone has no head
    write_atomic(folder / "projector" / f"{title}_labels.tsv", "\n".join([*head, *map("\t".join, rows)]) + "\n")
    config = ProjectorConfig()
    entry = config.embeddings.add()
    entry.tensor_name = title
    entry.tensor_path, entry.metadata_path = f"projector/{title}.tsv", f"projector/{title}_labels.tsv"
    if pictures is not None:
        png = sheet(pictures)
        write_atomic_with(folder / "projector" / f"{title}.png", lambda temporary: temporary.write_bytes(png))
        entry.sprite.image_path = f"projector/{title}.png"
        entry.sprite.single_image_dim.extend([SIDE, SIDE])
    write_atomic(folder / "projector_config.pbtxt", str(config))  # a message as text


def reduced(points: Tensor) -> Tensor:
    """At most ``MOST`` principal components, (N, min(F, MOST))."""
    points = points.double().cpu()
    if points.shape[1] <= MOST:
        return points
    left, size, _ = torch.linalg.svd(points - points.mean(0), full_matrices=False)
    return (left * size)[:, :MOST]


def clean(text: str) -> str:
    """A cell of a table with tabs between."""
    return " ".join(text.split())


def sheet(pictures: Tensor) -> bytes:
    """PNG of all pictures row by row in a square, as the projector reads it."""
    small = F.interpolate(pictures.float().cpu(), size=(SIDE, SIDE), mode="area").clamp(0, 1)
    small = small.expand(-1, 3, -1, -1)
    side = math.ceil(math.sqrt(len(small)))
    blank = small.new_ones(side * side - len(small), 3, SIDE, SIDE)
    tiles = torch.cat([small, blank]).view(side, side, 3, SIDE, SIDE).permute(0, 3, 1, 4, 2)
    pixels = (tiles.reshape(side * SIDE, side * SIDE, 3) * 255).round().to(torch.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(file, "png")
    return file.getvalue()
