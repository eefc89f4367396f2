"""Characters per second of ``fit`` against a bare loop: the LSTM of configs/char_lstm.yaml with its carried state.

    python benchmarks/language_model.py                            # simulated text, 2 epochs, 3 rounds
    python benchmarks/language_model.py --config configs/char_transformer.yaml --rounds 5

The bare loop is what a person writes by hand: one long tensor of characters cut into streams, the network, its detached
state, loss, clipping, step. ``fit`` is the whole application with loader, logging and checkpoints, without figures.
Both run in one process and take turns, so that a busy machine slows both; the median of the rounds counts. Other
options go to ``fit``.
"""

import argparse
import statistics
from pathlib import Path

import torch
import torch.nn.functional as F
from throughput import fit_rate, parse

from lightning_tasks.app.cli import TaskCLI
from lightning_tasks.callbacks.stopwatch import Stopwatch
from lightning_tasks.problems.optim import make_optimizer

CONFIG = Path(__file__).parents[1] / "configs/char_lstm.yaml"


def bare_rate(cli: TaskCLI, epochs: int) -> float:
    """Windows per second by hand over the same characters, as streams in one tensor."""
    task, data = cli.model.train(), cli.datamodule
    net, steps, streams = task.net, data.hparams.steps, data.hparams.batch_size
    windows = data.arrays("train")["tokens"]
    text = torch.cat([windows[0, :1], windows[:, 1:].flatten()])
    rows = (len(text) - 1) // (streams * steps) * steps
    text = text[: streams * rows + 1]
    inputs, targets = text[:-1].view(streams, rows), text[1:].view(streams, rows).long()
    optimizer = make_optimizer(net, task.hparams.optimizer, task.hparams.lr, task.hparams.weight_decay)
    clip, count, begin = cli.trainer.gradient_clip_val, 0, Stopwatch.clock()
    for _ in range(epochs):
        memory = None
        for start in range(0, rows, steps):
            logits, memory = net(inputs[:, start : start + steps], memory)
            loss = F.cross_entropy(logits.flatten(0, 1), targets[:, start : start + steps].flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            count += streams
    return count / (Stopwatch.clock() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default=str(CONFIG))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options, extra = parse(parser)
    rounds = []
    for _ in range(options.rounds):
        fit, cli = fit_rate(options.config, options.epochs, extra)
        rounds.append((fit, bare_rate(cli, options.epochs)))
    steps = cli.datamodule.hparams.steps
    fit, bare = (statistics.median(values) * steps for values in zip(*rounds, strict=True))
    ratios = [f / b for f, b in rounds]
    print(f"{torch.get_num_threads()} threads, {options.rounds} rounds of {options.epochs} epochs")
    print(f"{Path(options.config).stem}: fit {fit:,.0f} characters a second, by hand {bare:,.0f}, ratio "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
