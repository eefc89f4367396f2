"""What a task gives to programs outside of this application: tensors to tensors, with names, shapes and meanings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lightning_tasks.measures.recalibration import calibrated

TRUTH = ("label", "mask", "target")  # keys of a batch that a prediction does not need
FREE = ("batch", "time")  # axes of any size
MEANINGS = {
    "image": "pictures, channels first",
    "tokens": "numbers of words: 0 behind a text's end, 1 for any word that is not in the vocabulary",
    "length": "words of each text, 1 or more",
    "point": "numbers of each sample",
    "table": "numbers of each row, NaN where one is missing",
    "inputs": "steps of a series, the newest last",
    "prob": "probability of each class, along axis 1",
    "pred": "what is predicted, in the unit of the target",
    "forecast": "along the last axis the forecast, then its quantiles, in the unit of the target",
}
Case = tuple[dict[str, Tensor], dict[str, Tensor]]  # inputs as a user has them, and what the task says of them


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Args:
        name: As the graph calls it.
        dtype: ``uint8``, ``int64`` or ``float32``.
        axes: Sizes of the axes; ``batch`` and ``time`` may be any.
        meaning: What it holds, in words.
        columns: Names along the last axis, where they are known.
    """

    name: str
    dtype: str
    axes: tuple[str | int, ...]
    meaning: str
    columns: tuple[str, ...] = ()


@dataclass
class Exported:
    """A function of tensors, and samples to check it by.

    Args:
        inputs: In the order in which ``compute`` takes them.
        outputs: In the order in which it gives them.
        compute: Tensors to a tuple of tensors. Axes of any size are read by ``shape``: ``len`` would fix them.
        cases: Of a batch of the data: inputs, and the outputs of the task's own ``predict_step``.
        facts: What a user must know beside it, by name: plain values.
        gain: By how much ``compute`` enlarges the rounding of its own sums, as a division by a small number does.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    compute: Callable[..., tuple[Tensor, ...]]
    cases: Callable[[dict], Iterator[Case]]
    facts: dict[str, Any] = field(default_factory=dict)
    gain: float = 1.0


class Graph(nn.Module):
    """The weighted mean of what several tasks export, or the one.

    Args:
        tasks: Their weights.
        parts: What each exports; all with the same inputs and outputs.
        shares: Weight of each; together 1.
    """

    def __init__(self, tasks: list[nn.Module], parts: list[Exported], shares: list[float]) -> None:
        super().__init__()
        self.tasks = nn.ModuleList(tasks)
        self.parts, self.shares = parts, shares

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs of ``inputs``, both in the order of their ports."""
        if len(self.parts) == 1:
            return self.parts[0].compute(*inputs)
        made = zip(*(part.compute(*inputs) for part in self.parts), strict=True)
        return tuple(sum(share * value for share, value in zip(self.shares, values, strict=True)) for values in made)


def predicting(
    task: Any,
    sample: dict,
    predict: Callable[[dict], dict] | None = None,
    asked: Callable[[dict], dict] = lambda batch: batch,
) -> Exported:
    """The graph of a prediction: what a task ``asks`` of a batch, to what it says on average over members.

    Probabilities are calibrated where the run was, and averaged over the views of ``tta``.

    Args:
        task: A task with ``averaged``.
        sample: A batch of its data.
        predict: As ``predict_step``; another where that one does more than to predict.
        asked: The batch as ``predict_step`` changes it before it predicts.

    Raises:
        ValueError: The task predicts nothing of which there is a mean.
    """
    key = task.averaged
    if key is None:
        raise ValueError(f"export has no meaning for {type(task).__name__}: it predicts nothing for single samples.")
    predict = predict or task.predict_step
    keys = task.asks or [name for name in task.reads if name not in TRUTH]
    inputs = tuple(port_of(name, sample[name]) for name in keys)

    def compute(*values: Tensor) -> tuple[Tensor, ...]:
        batch = {port.name: served(port, value) for port, value in zip(inputs, values, strict=True)}
        batch["id"] = torch.arange(values[0].shape[0], device=values[0].device)
        return (calibrated(task, predict(batch))[key].float(),)

    def cases(batch: dict) -> Iterator[Case]:
        said = calibrated(task, task.predict_step(batch))[key].float()
        yield {port.name: as_given(port, asked(batch)[port.name]) for port in inputs}, {key: said}

    return Exported(inputs, (output_of(key, task.predict_step(sample)[key]),), compute, cases)


# ---- ports ----------------------------------------------------------------------------------------------------


def port_of(name: str, value: Tensor) -> Port:
    """The input that holds a tensor of a batch: pictures as bytes where they are, numbers of tokens as int64."""
    meaning = MEANINGS.get(name, f"{name} of each sample")
    axes: tuple[str | int, ...] = ("batch", *("time" if name == "tokens" else n for n in value.shape[1:]))
    if name != "image":
        return Port(name, "float32" if value.is_floating_point() else "int64", axes, meaning)
    if of_bytes(value):
        return Port(name, "uint8", axes, f"{meaning}, 0 to 255")
    return Port(name, "float32", axes, f"{meaning}, in [0, 1] but for noise")


def of_bytes(image: Tensor) -> bool:
    """Whether pictures in [0, 1] are whole 255ths."""
    whole = (image * 255).round()
    return bool(((image * 255 - whole).abs() < 1e-3).all() and whole.min() >= 0 and whole.max() <= 255)


def output_of(name: str, value: Tensor, meaning: str | None = None) -> Port:
    """The output that holds such a tensor."""
    return Port(name, "float32", ("batch", *value.shape[1:]), meaning or MEANINGS.get(name, f"{name} of each sample"))


def served(port: Port, value: Tensor) -> Tensor:
    """What a user gives, as a batch holds it."""
    return value.float() / 255 if port.dtype == "uint8" else value


def as_given(port: Port, value: Tensor) -> Tensor:
    """What a batch holds, as a user gives it."""
    return (value * 255).round().to(torch.uint8) if port.dtype == "uint8" else value.to(getattr(torch, port.dtype))
