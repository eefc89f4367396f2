"""Samples per second of ``fit`` against a bare loop: same network, batch, precision and augmentation-free tensors.

    python benchmarks/throughput.py                                      # Mars, blood cells, MNIST CNN, MNIST MLP
    python benchmarks/throughput.py --config configs/mars_unet.yaml --epochs 1 --data.samples_per_epoch 2048

The bare loop is what a person writes by hand: slice ready float tensors, forward, loss, backward, step. ``fit`` is
the whole application: loader, augmentation, metrics, logging and checkpoints, validation left out of both, and figures
too: a fit draws twice, whatever its length, and these fits are short.
The bare loop augments nothing; beside the ratio stands which share of the time of ``fit`` augmentation takes, measured
by itself over as many batches, and the ratio as it would be without. Both run in one process and take turns, so that
a busy machine slows both; the median of the rounds counts. ``--clock cpu`` counts CPU seconds of the process instead of
those of the clock, which other work on the machine hardly changes. Other options go to ``fit``.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from datamodules.core.loader import TensorLoader, to_float
from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.callbacks.stopwatch import Stopwatch
from lightning_tasks.problems import GradientTask
from lightning_tasks.problems.optim import make_optimizer

CONFIGS = Path(__file__).parents[1] / "configs"
DEFAULT = [
    CONFIGS / name for name in ("mars_unet.yaml", "blood_cells.yaml", "mnist_cnn.yaml", "variants/mnist_mlp.yaml")
]

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

Step = Callable[[dict], None]  # trains with one batch


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, list[str]]:
    """The options, with ``--clock`` put into effect, and what else was given: arguments of ``fit``."""
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="seconds of the clock, or of the CPU")
    options, extra = parser.parse_known_args()
    Stopwatch.clock = staticmethod(CLOCKS[options.clock])
    return options, extra


def fit_rate(config: str, epochs: int, extra: list[str]) -> tuple[float, TaskCLI]:
    """Samples per second of the training loop of ``fit``, and the command object for its network and data."""
    with tempfile.TemporaryDirectory() as runs:
        cli = TaskCLI(
            ["fit", "--config", config, "--runs", runs, "--draws", "0", "--baselines", "false"]
            + ["--figures", "none", "--trainer.max_epochs", str(epochs), "--trainer.enable_progress_bar", "false"]
            + ["--trainer.enable_model_summary", "false", "--trainer.limit_val_batches", "1", *extra]
        )
    return cli.stopwatch.samples / cli.stopwatch.seconds, cli


def plain_step(task: GradientTask, cast: torch.autocast) -> Step:
    """One step of the loop by hand, with the optimiser of the task."""
    optimizer = make_optimizer(task, task.hparams.optimizer, task.hparams.lr, task.hparams.weight_decay)

    def step(batch: dict) -> None:
        with cast:
            loss = task.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def bare_rate(cli: TaskCLI, epochs: int, stepper: Callable[..., Step] = plain_step) -> float:
    """Samples per second of a loop by hand over the same rows, as float tensors that are ready."""
    task, data = cli.model.train(), cli.datamodule
    device = cli.trainer.strategy.root_device
    task.to(device)
    ready = {k: v.to(device) for k, v in data.arrays("train").items()}
    step = stepper(task, torch.autocast(device.type, torch.bfloat16, enabled="bf16" in str(cli.trainer.precision)))
    size, n = data.hparams.batch_size, len(ready["id"])
    task.track = lambda *args: None  # the loop by hand keeps no epoch means
    count, begin = 0, Stopwatch.clock()
    for _ in range(epochs):
        order = torch.randperm(n, device=device)
        for start in range(0, n - size + 1, size):
            batch = {k: v[order[start : start + size]] for k, v in ready.items()}
            step(batch)
            count += size
    wait_for(device)
    return count / (Stopwatch.clock() - begin)


def augmentation_seconds(cli: TaskCLI) -> float:
    """Seconds that augmentation takes a sample, over one epoch; 0 where workers do it, beside the training."""
    data, device = cli.datamodule, cli.trainer.strategy.root_device
    loader = data.train_dataloader()
    if not data.hparams.augment or not isinstance(loader, TensorLoader):
        return 0.0
    generator, seconds, count = torch.Generator(device).manual_seed(0), 0.0, 0
    for batch in loader:
        batch = to_float(batch)
        wait_for(device)
        begin = Stopwatch.clock()
        data.augment(batch, generator)
        wait_for(device)
        seconds += Stopwatch.clock() - begin
        count += len(batch["id"])
    return seconds / count


def wait_for(device: torch.device) -> None:
    """Let a GPU finish what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def compare(config: str, options: argparse.Namespace, extra: list[str]) -> str:
    """A row of the table."""
    rounds = []
    for _ in range(options.rounds):
        fit, cli = fit_rate(config, options.epochs, extra)
        rounds.append((fit, bare_rate(cli, options.epochs), augmentation_seconds(cli)))
    fit, bare, augmentation = (statistics.median(values) for values in zip(*rounds, strict=True))
    share = augmentation * fit
    spread = f"{min(f / b for f, b, _ in rounds):.2f} - {max(f / b for f, b, _ in rounds):.2f}"
    return (
        f"{Path(config).stem:14} {cli.datamodule.hparams.batch_size:5} {cli.trainer.precision!s:>10} {fit:10.1f} "
        f"{bare:10.1f} {fit / bare:6.2f}  {spread:>11} {share:13.0%} {fit / bare / (1 - share):10.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", action="append", help="repeatable; default: the four above")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options, extra = parse(parser)
    rows = [compare(str(config), options, extra) for config in options.config or DEFAULT]
    print(f"{torch.get_num_threads()} threads, {options.rounds} rounds of {options.epochs} epochs; samples a second "
          f"({options.clock} clock), the bare loop without augmentation")  # fmt: skip
    print(f"{'config':14} {'batch':>5} {'precision':>10} {'fit':>10} {'bare':>10} {'ratio':>6}  {'rounds':>11} "
          f"{'augmentation':>13} {'without it':>10}")  # fmt: skip
    print("\n".join(rows))


if __name__ == "__main__":
    main()
