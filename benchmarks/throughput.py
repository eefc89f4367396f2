"""Samples per second of ``fit`` against a bare loop: same network, batch, precision and augmentation-free tensors.

    python benchmarks/throughput.py --config configs/mars_unet.yaml --epochs 1 --data.samples_per_epoch 2048

The bare loop is what a person writes by hand: slice ready float tensors, forward, loss, backward, step. ``fit`` is
the whole application: loader, augmentation, metrics, logging, figures and checkpoints, validation left out of both.
Both run in one process and take turns, so that a busy machine slows both; the median of the rounds counts.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.problems.optim import make_optimizer


def fit_rate(config: str, epochs: int, extra: list[str]) -> tuple[float, TaskCLI]:
    """Samples per second of the training loop of ``fit``, and the command object for its network and data."""
    with tempfile.TemporaryDirectory() as runs:
        cli = TaskCLI(
            ["fit", "--config", config, "--runs", runs, "--draws", "0", "--baselines", "false"]
            + ["--trainer.max_epochs", str(epochs), "--trainer.enable_progress_bar", "false"]
            + ["--trainer.enable_model_summary", "false", "--trainer.limit_val_batches", "1", *extra]
        )
    return cli.stopwatch.samples / cli.stopwatch.seconds, cli


def bare_rate(cli: TaskCLI, epochs: int) -> float:
    """Samples per second of a loop by hand over the same rows, as float tensors that are ready."""
    task, data = cli.model.train(), cli.datamodule
    device = cli.trainer.strategy.root_device
    task.to(device)
    ready = {k: v.to(device) for k, v in data.arrays("train").items()}
    optimizer = make_optimizer(task, task.hparams.optimizer, task.hparams.lr, task.hparams.weight_decay)
    size, n = data.hparams.batch_size, len(ready["id"])
    bf16 = "bf16" in str(cli.trainer.precision)
    task.track = lambda *args: None  # the loop by hand keeps no epoch means
    count, begin = 0, time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(n, device=device)
        for start in range(0, n - size + 1, size):
            batch = {k: v[order[start : start + size]] for k, v in ready.items()}
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                loss = task.training_step(batch, 0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            count += size
    if device.type == "cuda":
        torch.cuda.synchronize()
    return count / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default=str(Path(__file__).parents[1] / "configs" / "mars_unet.yaml"))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options, extra = parser.parse_known_args()
    fits, bares = [], []
    for _ in range(options.rounds):
        rate, cli = fit_rate(options.config, options.epochs, extra)
        fits.append(rate)
        bares.append(bare_rate(cli, options.epochs))
    fit, bare = statistics.median(fits), statistics.median(bares)
    print(f"fit   {fit:9.1f} samples/s  {[round(f, 1) for f in fits]}")
    print(f"bare  {bare:9.1f} samples/s  {[round(b, 1) for b in bares]}")
    print(f"ratio {fit / bare:9.3f}  {Path(options.config).name}, batch {cli.datamodule.hparams.batch_size}, "
          f"precision {cli.trainer.precision}, {torch.get_num_threads()} threads, {options.rounds} rounds")  # fmt: skip


if __name__ == "__main__":
    main()
