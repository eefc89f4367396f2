"""``sample``: what a generative run makes, seeded: text on the terminal and in a file, pictures or points as arrays."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lightning_tasks.app.console import print_notes
from lightning_tasks.app.members import Run, load_run
from lightning_tasks.app.places import as_shown
from lightning_tasks.common.atomic import write_atomic, write_atomic_with
from lightning_tasks.common.choices import nearest
from lightning_tasks.plots.pictures import tiles_figure
from lightning_tasks.plots.points import points_figure
from lightning_tasks.plots.tensorboard import publish
from lightning_tasks.runs.tables import savez

BLOCK = 16  # samples that share a stream of random numbers
SHOWN = 64  # pictures of a figure


def run(options: Namespace, overrides: list[str]) -> None:
    """``sample --run R [-n N] [--seed S]``, for text also ``--prompt --temperature --top-p --length``; overrides."""
    loaded = load_run(options.run, overrides)
    kind = loaded.task.generates
    if kind is None:
        raise ValueError(f"sample has no meaning for {type(loaded.task).__name__}: it makes no samples.")
    text_options = ("prompt", "temperature", "top_p", "length")
    if kind != "text" and (wrong := [name for name in text_options if getattr(options, name) is not None]):
        raise ValueError(f"--{wrong[0].replace('_', '-')} is for text; {type(loaded.task).__name__} makes {kind}.")
    if options.label is not None:
        check_class(loaded, options.label)
    written = (texts if kind == "text" else arrays)(loaded, options)
    print_notes([], loaded.data.data_source == "simulated")
    print(f"Wrote {' and '.join(map(as_shown, written))}")
    print(f"Next: sample --run {as_shown(loaded.dir.path)} --seed {options.seed + 1} makes others.")


def check_class(loaded: Run, name: str) -> None:
    """Raise a ValueError where the run makes no samples of a class, or has none of this name."""
    known = loaded.task.sample_classes
    if not known:
        raise ValueError(f"--class {name}: this run was not told classes. Train one with --model.conditional true.")
    if name not in known:
        raise ValueError(f"--class {name} is unknown.{nearest(name, known)} Classes: {', '.join(known)}.")


def streams(n: int, seed: int, device: torch.device) -> list[torch.Generator]:
    """Random numbers of each block of samples.

    Samples are made in whole blocks of 16, of which the last may be cut: the first samples of a seed are the same
    however many are asked for. Other devices have other random numbers.
    """
    return [torch.Generator(device).manual_seed(seed * 1_000_003 + block) for block in range(-(-n // BLOCK))]


def texts(loaded: Run, options: Namespace) -> list[Path]:
    """Print ``n`` texts and write them to ``samples.txt`` of the run."""
    task, data = loaded.task, loaded.data
    prompt = torch.from_numpy(data.prompt(options.prompt))
    settings = {
        "temperature": 1.0 if options.temperature is None else options.temperature,
        "top_p": 1.0 if options.top_p is None else options.top_p,
    }
    length = options.length or 300
    rows = [
        row
        for stream in streams(options.n, options.seed, task.device)
        for row in task.generate(prompt, BLOCK, length, stream, **settings).tolist()
    ][: options.n]
    head = f"temperature {settings['temperature']:g}, top-p {settings['top_p']:g}, seed {options.seed}"
    parts = [f"--- {i}: {head} ---\n{data.text_of(row)}\n" for i, row in enumerate(rows)]
    print("\n".join(parts))
    path = loaded.dir.path / "samples.txt"
    write_atomic(path, "\n".join(parts))
    return [path]


def arrays(loaded: Run, options: Namespace) -> list[Path]:
    """Write ``samples.npz`` of the run, and ``figures/samples.png`` where samples are pictures or points."""
    samples = made(loaded, options)
    path = loaded.dir.path / "samples.npz"
    columns = {"sample": samples.cpu().numpy(), "seed": np.array(options.seed)}
    write_atomic_with(path, lambda temporary: savez(temporary, columns))
    written = [path]
    figure = None
    if samples.ndim == 4:
        figure = tiles_figure(samples[:SHOWN].clamp(0, 1))
    elif samples.ndim == 2 and samples.shape[1] > 1:
        figure = points_figure(samples.cpu())
    if figure is not None:
        written += publish(loaded.dir.path, {"samples": figure})
    return written


@torch.inference_mode()
def made(loaded: Run, options: Namespace) -> Tensor:
    """``n`` samples (n, ...)."""
    task = loaded.task
    blocks, chosen = streams(options.n, options.seed, task.device), {}
    if options.label is not None:
        number = task.sample_classes.index(options.label)
        chosen = {"label": torch.full((BLOCK,), number, device=task.device)}
    return torch.cat([task.sample(BLOCK, stream, **chosen) for stream in blocks])[: options.n]
