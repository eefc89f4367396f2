"""Networks trained in seconds, for exercises that compare them: one loop, one accuracy, pictures made small."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn

from lightning_tasks.problems.exercise import Exercise

BATCH = 32


class PictureExercise(Exercise):
    """An exercise on pictures with labels, shrunk to ``side`` by means over areas.

    Args:
        samples: Of the train part, drawn anew with each seed; all of the test part are scored, 2,000 at most.
        side: Pixels a side.
        seeds: Each with samples, first weights and order of its own.

    Raises:
        ValueError: Numbers out of range; from ``read``, fewer pictures than ``samples``, or no pictures at all.
    """

    reads = "FashionMNISTDataModule"

    def __init__(self, samples: int, side: int, seeds: tuple[int, ...]) -> None:
        if samples < 50 or side < 4 or not seeds:
            raise ValueError(f"samples={samples}, side={side}, seeds={list(seeds)}: need 50, 4 and one or more.")
        self.samples, self.side, self.seeds = samples, side, tuple(seeds)

    def read(self, train: dict[str, Tensor], test: dict[str, Tensor]) -> None:
        """Take ``image`` (N, C, H, W) and ``label`` (N,) of both parts."""
        if "image" not in train:
            raise ValueError("the data has no pictures: choose another --data, such as MNISTDataModule.")
        if self.samples > len(train["label"]):
            raise ValueError(f"samples={self.samples}: the train part has {len(train['label'])}. Ask for fewer.")
        shrink = nn.AdaptiveAvgPool2d(self.side)
        self.pool = shrink(train["image"]), train["label"]
        self.test = shrink(test["image"][:2000]), test["label"][:2000]
        mean, std = self.pool[0].mean((0, 2, 3), keepdim=True), self.pool[0].std((0, 2, 3), keepdim=True)
        self.pool = (self.pool[0] - mean) / std, self.pool[1]
        self.test = (self.test[0] - mean) / std, self.test[1]
        self.channels, self.classes = self.pool[0].shape[1], int(self.pool[1].max()) + 1

    def drawn(self, seed: int, samples: int | None = None) -> tuple[Tensor, Tensor]:
        """Pictures and labels of the train part; a smaller draw of a seed is the beginning of a larger one."""
        count = self.samples if samples is None else samples
        order = np.random.default_rng(seed).permutation(len(self.pool[1]))[:count]
        return self.pool[0][order], self.pool[1][order]


def tumour_table(seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The 569 tumours of 30 measures that come with scikit-learn: 400 to train, 169 to test, scaled by the former."""
    table = load_breast_cancer()
    order = np.random.default_rng(seed).permutation(len(table.target))
    train, test = order[:400], order[400:]
    x = (table.data - table.data[train].mean(0)) / table.data[train].std(0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(table.target)
    return (x[train], y[train]), (x[test], y[test])


def train(net: nn.Module, x: Tensor, y: Tensor, steps: int, seed: int, lr: float = 2e-3) -> nn.Module:
    """Cross entropy by AdamW on shuffled batches of 32, the rate falling to 0 by a cosine; returns ``net`` in eval."""
    optimizer = torch.optim.AdamW(net.parameters(), lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rng = np.random.default_rng(seed)
    net.train()
    order = np.zeros(0, int)
    for _ in range(steps):
        if len(order) < min(BATCH, len(y)):
            order = np.concatenate([order, rng.permutation(len(y))])
        rows, order = order[:BATCH], order[BATCH:]
        optimizer.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of samples whose largest logit is that of their class."""
    return float((net(x).argmax(1) == y).float().mean())


def parameters(net: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in net.parameters())


def picture_cnn(channels: int, side: int, classes: int, width: int = 12) -> nn.Sequential:
    """Two 3x3 convolutions, each with ReLU and pooling by 2, then two dense layers."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2 * width * (side // 4) ** 2, 64), nn.ReLU(), nn.Linear(64, classes),
    )  # fmt: skip


def table_cnn(columns: int, classes: int, width: int = 8) -> nn.Sequential:
    """The same along the columns of a table: their order becomes neighbourhood."""
    return nn.Sequential(
        nn.Unflatten(1, (1, columns)),
        nn.Conv1d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2),
        nn.Flatten(), nn.Linear(2 * width * (columns // 4), 32), nn.ReLU(), nn.Linear(32, classes),
    )  # fmt: skip


def mlp(inputs: int, classes: int, budget: int) -> nn.Sequential:
    """One hidden layer, as wide as ``budget`` parameters allow, to the nearest unit."""
    hidden = max(1, round((budget - classes) / (inputs + classes + 1)))
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def mean_sd(values: list[float]) -> str:
    """``.873 (sd .004)``; without sd for a single value."""
    spread = f" (sd {np.std(values, ddof=1):.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
