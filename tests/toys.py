"""Three toy tasks, each as short as a real one should be: the skeleton must carry kinds that Mars does not need."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from datamodules import DataModule
from lightning_tasks.problems import ClosedForm, Task


class ToyDataModule(DataModule):
    """Two clouds in the plane (``point``, ``label``), and token rows whose sum tells the label."""

    title = "toy"
    files = ("toy.npz",)

    def simulate(self):
        rng = np.random.default_rng(self.hparams.seed)
        label = rng.integers(0, 2, 120)
        length = rng.integers(3, 9, 120)
        tokens = np.where(np.arange(8) < length[:, None], rng.integers(1, 5, (120, 8)) + 4 * label[:, None], 0)
        point = rng.normal(size=(120, 2)) + 2 * label[:, None] - 1
        pool = {"point": point.astype(np.float32), "label": label, "tokens": tokens, "length": length}
        return {"train": {k: v[:100] for k, v in pool.items()}, "test": {k: v[100:] for k, v in pool.items()}}


class ToyTrainOnly(ToyDataModule):
    """The same without a test part, so that the validation fold is scored."""

    def simulate(self):
        return {"train": super().simulate()["train"]}


class ToyGan(Task):
    """Manual optimisation with two optimisers."""

    monitor, mode = "val/distance", "min"
    row_names = file_rows = ("point", "fake")

    def __init__(self, latent: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.automatic_optimization = False
        self.generator, self.critic = nn.Linear(latent, 2), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, batch):
        return self.generator(torch.randn(len(batch["id"]), self.hparams.latent, device=self.device))

    def training_step(self, batch, batch_idx):
        fake = self(batch)
        for optimizer, name in zip(self.optimizers(), ("critic", "generator"), strict=True):
            if name == "critic":
                loss = F.softplus(-self.critic(batch["point"])).mean() + F.softplus(self.critic(fake.detach())).mean()
            else:
                loss = F.softplus(-self.critic(fake)).mean()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            self.track(f"train/{name}", loss, len(fake))

    def configure_optimizers(self):
        return [torch.optim.Adam(net.parameters(), self.hparams.lr) for net in (self.critic, self.generator)]

    def evaluate(self, part, batch):
        self.collect(part, batch, point=batch["point"], fake=self(batch))

    def predict_step(self, batch, batch_idx=0):
        return {"id": batch["id"], "pred": self(batch)}

    def score(self, rows):
        return {"distance": (rows["point"].mean(0) - rows["fake"].mean(0)).norm()}


class ToyNearestMean(ClosedForm):
    """Fitted in closed form: the mean of each class."""

    monitor, mode = "val/acc", "max"
    row_names = file_rows = ("prob", "label")
    fitted = ("means",)

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.register_buffer("means", torch.zeros(0, 2))

    def fit_rows(self, rows):
        self.means = torch.stack([rows["point"][rows["label"] == k].mean(0) for k in range(2)])

    def predict_step(self, batch, batch_idx=0):
        return {"id": batch["id"], "prob": (-torch.cdist(batch["point"], self.means)).softmax(1)}

    def evaluate(self, part, batch):
        self.collect(part, batch, **self.rows_of(batch, self.predict_step(batch)))

    def rows_of(self, batch, out):
        return {"prob": out["prob"], "label": batch["label"]}

    def score(self, rows):
        return {"acc": (rows["prob"].argmax(1) == rows["label"]).float().mean()}


class ToySequence(Task):
    """Token batches with lengths: the mean embedding of the real tokens."""

    monitor, mode = "val/acc", "max"
    row_names = file_rows = ("prob", "label")

    def __init__(self, width: int = 8, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.embedding, self.head = nn.Embedding(9, width, padding_idx=0), nn.Linear(width, 2)

    def forward(self, batch):
        return self.head(self.embedding(batch["tokens"]).sum(1) / batch["length"][:, None])

    def training_step(self, batch, batch_idx):
        loss = F.cross_entropy(self(batch), batch["label"])
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def predict_step(self, batch, batch_idx=0):
        return {"id": batch["id"], "prob": self(batch).softmax(1)}

    def evaluate(self, part, batch):
        logits = self(batch)
        self.track(f"{part}/loss", F.cross_entropy(logits, batch["label"]), len(batch["id"]))
        self.collect(part, batch, **self.rows_of(batch, {"prob": logits.softmax(1)}))

    def rows_of(self, batch, out):
        return {"prob": out["prob"], "label": batch["label"]}

    def score(self, rows):
        return {"acc": (rows["prob"].argmax(1) == rows["label"]).float().mean()}
