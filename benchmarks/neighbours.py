"""Queries per second of the exact nearest-neighbour search against scikit-learn, and whether both agree.

    python benchmarks/neighbours.py [--root data] [--queries 2000] [--k 5] [--threads 2]

Both answer the same MNIST test pictures from the same train pictures (simulated ones where ``root`` has none), take
turns in one process, and the median of the rounds counts. scikit-learn is timed twice: on float64 pixels, which is
what most people give it, and on float32.
"""

import argparse
import os
import statistics
import time

import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--root", default="data")
parser.add_argument("--queries", type=int, default=2000)
parser.add_argument("--k", type=int, default=5)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))


def main() -> None:
    import torch
    from sklearn.neighbors import KNeighborsClassifier

    from datamodules import MNISTDataModule
    from lightning_tasks.measures.nearest import Bank, vote

    torch.set_num_threads(options.threads)
    data = MNISTDataModule(root=options.root)
    data.setup()
    pool, test = data.pools["train"], data.pools["test"]
    x, y = torch.from_numpy(pool["image"]).flatten(1), torch.from_numpy(pool["label"])
    q = torch.from_numpy(test["image"][: options.queries]).flatten(1)
    bank = Bank(x)

    def ours() -> np.ndarray:
        near = torch.cat([bank.search(part, options.k)[0] for part in q.split(500)])
        return vote(y[near], 10, [options.k])[:, 0].argmax(1).numpy()

    def theirs(dtype: str):
        model = KNeighborsClassifier(options.k, algorithm="brute").fit(x.numpy().astype(dtype), y.numpy())
        queries = q.numpy().astype(dtype)
        return lambda: model.predict(queries)

    runs = {"this": ours, "scikit-learn float64": theirs("float64"), "scikit-learn float32": theirs("float32")}
    rates: dict[str, list[float]] = {name: [] for name in runs}
    answers = {}
    for _ in range(options.rounds):
        for name, predict in runs.items():
            begin = time.perf_counter()
            answers[name] = predict()
            rates[name].append(len(q) / (time.perf_counter() - begin))
    median = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in median.items():
        same = float((answers[name] == answers["this"]).mean())
        print(f"{name:22} {value:9.1f} queries/s  ratio {median['this'] / value:5.2f}  same predictions {same:.4f}")
    print(f"{data.data_source} MNIST, {len(x)} stored, {len(q)} queries, k {options.k}, {options.threads} threads, "
          f"{options.rounds} rounds, {bank.fallbacks} queries searched again in float64")  # fmt: skip


if __name__ == "__main__":
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)  # before the imports
    main()
