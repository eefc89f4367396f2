"""``layers``: the network of a configuration as a table: sizes, receptive fields, parameters, multiply-adds."""

from argparse import Namespace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.nets.layers import Layer, layer_table
from lightning_tasks.problems import Classifier

COLUMNS = ("layer", "kind", "output", "field", "parameters", "multiply-adds")


def run(options: Namespace, fit_args: list[str]) -> None:
    """``layers --config C [--size N] [fit options]``."""
    cli = TaskCLI(fit_args, run=False)
    task, data = cli.model, cli.datamodule
    data.setup("fit")
    batch = {key: value[:1] for key, value in data.arrays("train", limit=1).items()}
    image = batch.get("image")
    if options.size is not None:
        if image is None:
            raise ValueError(
                f"--size {options.size} is for pictures; {type(task).__name__} reads {', '.join(task.reads)}."
            )
        batch["image"] = F.interpolate(image, (options.size, options.size), mode="bilinear", antialias=True)
    rows = layer_table(task.eval(), forward_of, batch, None if image is None else "image")
    print("\n".join(lines_of(rows, batch)))


def forward_of(task: Any, batch: dict[str, Tensor]) -> Any:
    """The pass of a task that shows its network: of a classifier ``logits``, else ``predict_step``."""
    return task.logits(batch) if isinstance(task, Classifier) else task.predict_step(batch, 0)


def lines_of(layers: list[Layer], batch: dict[str, Tensor]) -> list[str]:
    """The table as aligned text, and sums."""
    cells = [COLUMNS, *(row_of(layer) for layer in layers)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(COLUMNS))]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), *map(str.rjust, row[3:], widths[3:])]) for row in cells]
    shapes = ", ".join(f"{key} {by(value.shape[1:])}" for key, value in batch.items() if value.ndim > 1)
    total = sum(layer.multiply_adds for layer in layers)
    return [
        f"Input: {shapes}",
        *lines,
        f"{total:,} multiply-adds a sample in layers; what is computed between them is not counted.",
    ]


def row_of(layer: Layer) -> tuple[str, ...]:
    """Cells of one layer."""
    field = "" if layer.field is None else by(layer.field)
    return (layer.name, layer.kind, by(layer.size), field, f"{layer.parameters:,}", f"{layer.multiply_adds:,}")


def by(sizes: Any) -> str:
    """``32 x 14 x 14``."""
    return " x ".join(map(str, sizes))
