"""Speed of text: length buckets, ``fit`` against a bare loop, and reading 160,000 comments.

    python benchmarks/text.py                                  # all, about 6 minutes on 2 quiet cores
    python benchmarks/text.py buckets fit                      # some of them
    python benchmarks/text.py buckets --data.root FOLDER       # reviews of IMDB instead of simulated ones

``buckets`` trains the LSTM of configs/variants/imdb_lstm.yaml on batches of like length, on random batches that are
padded to their own longest text, and on random batches padded to the longest of all, taking turns. ``fit`` is the whole
application but for its figures (loader, metrics, logging, checkpoints) against a loop by hand over the same batches,
which are ready beforehand. ``read`` generates a CSV, reads it in a process of its own and builds vocabulary and
tokens; seconds and peak memory are those of that process, start included. Other options go to ``fit``.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from throughput import fit_rate, parse

from datamodules import ImdbDataModule
from datamodules.core.loader import TensorLoader, to_float
from datamodules.simulate.sentences import SYLLABLES
from lightning_tasks import SentimentTask
from lightning_tasks.callbacks.stopwatch import Stopwatch
from lightning_tasks.problems.optim import make_optimizer

CONFIG = Path(__file__).parents[1] / "configs/variants/imdb_lstm.yaml"
COMMENTS = 160_000


def train(task: SentimentTask, batches: list[dict]) -> float:
    """Samples per second of a loop by hand."""
    optimizer = make_optimizer(task, task.hparams.optimizer, task.hparams.lr, task.hparams.weight_decay)
    task.train()
    task.track = lambda *args: None  # a loop by hand keeps no epoch means
    begin = Stopwatch.clock()
    for batch in batches:
        loss = task.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 2.0)
        optimizer.step()
    return sum(len(batch["id"]) for batch in batches) / (Stopwatch.clock() - begin)


def buckets(rounds: int, samples: int, extra: list[str]) -> None:
    """Batches of like length against random ones."""
    root = extra[extra.index("--data.root") + 1] if "--data.root" in extra else "data"
    data = ImdbDataModule(root=root, longest=400, batch_size=50, test_fraction=0.2, samples_per_epoch=samples)
    data.setup()

    def served(sampler, cut: bool) -> list[dict]:
        lengths = torch.from_numpy(data.pools["train"]["length"]) if cut else None
        return [to_float(b) for b in TensorLoader(data.tensors("train"), sampler, 50, True, lengths)][: samples // 50]

    ways = {
        "buckets": served(data.sampler("train"), True),
        "random, longest of batch": served(data.plain_sampler("train"), True),
        "random, longest of all": served(data.plain_sampler("train"), False),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, batches in ways.items():
            torch.manual_seed(0)
            task = SentimentTask(words=data.hparams.words, width=50, net="lstm", hidden=64, lr=4e-3)
            rates[name].append(train(task, batches))
    first = statistics.median(rates["buckets"])
    print(f"buckets: {data.data_source} reviews, LSTM of 64 units, batches of 50, {rounds} rounds")
    for name, values in rates.items():
        steps = np.mean([b["tokens"].shape[1] for b in ways[name]])
        real = np.mean([float(b["length"].float().mean() / b["tokens"].shape[1]) for b in ways[name]])
        rate = statistics.median(values)
        print(f"  {name:26} {rate:8.1f} samples/s   buckets are {first / rate:.2f} times as fast   "
              f"{steps:.0f} steps a batch, {real:.0%} of them words")  # fmt: skip


def fit(rounds: int, epochs: int, extra: list[str]) -> None:
    """``fit`` against a loop by hand on the same batches."""
    ratios, pairs = [], []
    for _ in range(rounds):
        rate, cli = fit_rate(str(CONFIG), epochs, ["--model.net", "lstm", "--model.bidirectional", "false", *extra])
        data, batches = cli.datamodule, []
        loader = data.train_dataloader()
        for epoch in range(epochs):
            loader.sampler.set_epoch(epoch)
            batches += [to_float(batch) for batch in loader]
        bare = train(cli.model.to("cpu"), batches)
        ratios.append(rate / bare)
        pairs.append((rate, bare))
    rate, bare = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"fit: {rate:.1f} samples/s, bare loop {bare:.1f}, ratio {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f} to {max(ratios):.2f}), {rounds} rounds; to reach 0.90")  # fmt: skip


def write_comments(path: Path, count: int) -> None:
    """A CSV as Jigsaw's: 67 words a comment on average, lognormal, of 150,000 made-up words with Zipf's frequencies."""
    rng = np.random.default_rng(0)
    words = np.array(["".join(rng.choice(SYLLABLES, rng.integers(2, 6))) for _ in range(150_000)], object)
    chance = 1 / (np.arange(len(words)) + 2.7)
    lengths = np.minimum(rng.lognormal(3.6, 1.0, count).astype(int) + 1, 1400)
    drawn = words[rng.choice(len(words), int(lengths.sum()), p=chance / chance.sum())]
    ends = lengths.cumsum()
    toxic = (rng.random(count) < 0.1).astype(int)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "comment_text", "toxic"])
        for i in range(count):
            text = " ".join(drawn[ends[i] - lengths[i] : ends[i]])
            writer.writerow([f"{i:016x}", f"{text}, you said: {i}.\n", toxic[i]])


READ = """
import json, resource, sys, time
begin = time.perf_counter()
from datamodules import ToxicDataModule
data = ToxicDataModule(root=sys.argv[1], words=100_000, longest=200, test_fraction=0.25)
data.setup()
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                  "sizes": data.sizes(), "words": len(data.fitted["words"])}))
"""


def read(count: int) -> None:
    """Read, find copies, split, build the vocabulary, number the words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        write_comments(path, count)
        size = path.stat().st_size / 2**20
        done = subprocess.run([sys.executable, "-c", READ, folder], capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout.splitlines()[-1])
    print(f"read: {count:,} comments, {size:.0f} MiB: {measured['seconds']:.1f} s, peak {measured['peak']:.2f} GiB, "
          f"{measured['words']:,} words, {measured['sizes']}; to reach 30 s and 2 GB")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="buckets, fit, read; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=1000, help="of buckets")
    parser.add_argument("--epochs", type=int, default=3, help="of fit")
    parser.add_argument("--comments", type=int, default=COMMENTS)
    options, extra = parse(parser)
    chosen = options.what or ["buckets", "fit", "read"]
    if unknown := sorted(set(chosen) - {"buckets", "fit", "read"}):
        parser.error(f"{unknown[0]}: choose of buckets, fit, read")
    print(f"{torch.get_num_threads()} threads")
    if "buckets" in chosen:
        buckets(options.rounds, options.samples, extra)
    if "fit" in chosen:
        fit(options.rounds, options.epochs, extra)
    if "read" in chosen:
        read(options.comments)


if __name__ == "__main__":
    main()
