"""Raw columns in place of scaled ones: what a data module scales before a batch is made, a file scales itself."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from lightning_tasks.problems.exported import Case, Exported


def of_raw_columns(part: Exported, scales: dict[str, list[tuple[str, float, float]]]) -> Exported:
    """The same graph on values as they were measured.

    Args:
        part: What a task exports; its inputs are as batches hold them.
        scales: Input -> name, mean and scale of each column along its last axis (``DataModule.column_scales``).
    """
    known = {port.name: scales[port.name] for port in part.inputs if port.name in scales}
    moments = {
        name: torch.tensor([[mean, scale] for _, mean, scale in columns], dtype=torch.float32).T
        for name, columns in known.items()
        if any((mean, scale) != (0, 1) for _, mean, scale in columns)
    }
    names = [port.name for port in part.inputs]

    def compute(*values: Tensor) -> tuple[Tensor, ...]:
        scaled = [
            (value - moments[name][0]) / moments[name][1] if name in moments else value
            for name, value in zip(names, values, strict=True)
        ]
        return part.compute(*scaled)

    def cases(batch: dict) -> Iterator[Case]:
        for inputs, said in part.cases(batch):
            raw = {
                name: value.double() * moments[name][1] + moments[name][0] if name in moments else value
                for name, value in inputs.items()
            }
            yield {name: value.to(inputs[name].dtype) for name, value in raw.items()}, said

    ports = tuple(
        replace(port, columns=tuple(name for name, _, _ in known[port.name])) if port.name in known else port
        for port in part.inputs
    )
    return replace(part, inputs=ports, compute=compute, cases=cases)
