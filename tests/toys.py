"""One toy task for each kind of problem, as short as a real one should be."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from datamodules import DataModule
from lightning_tasks.problems import (
    Adversarial,
    Classifier,
    ClosedForm,
    GradientTask,
    Reconstruction,
    Regression,
)
from lightning_tasks.problems.task import NO_PICTURES


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
        image = (rng.random((120, 1, 12, 12)) * 40 + 100 * label[:, None, None, None] + 50).astype(np.uint8)
        pool = {"point": point.astype(np.float32), "label": label, "tokens": tokens, "length": length, "image": image}
        pool["target"] = np.linalg.norm(pool["point"], axis=1)
        return {"train": {k: v[:100] for k, v in pool.items()}, "test": {k: v[100:] for k, v in pool.items()}}


class ToyTrainOnly(ToyDataModule):
    """The same without a test part, so that the validation fold is scored."""

    def simulate(self):
        return {"train": super().simulate()["train"]}


class ToyGan(Adversarial):
    """Two players with an optimiser each; samples are points of the plane."""

    reads = ("point",)

    def __init__(self, latent: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.generator, self.critic = nn.Linear(latent, 2), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))

    def sample(self, n, stream):
        noise = torch.randn(n, self.hparams.latent, generator=stream, device=self.device)
        return self.generator(noise)

    def loss_of(self, player, batch):
        fake = self.generator(torch.randn(len(batch["id"]), self.hparams.latent, device=self.device))
        if player == "generator":
            return F.softplus(-self.critic(fake)).mean()
        return F.softplus(-self.critic(batch["point"])).mean() + F.softplus(self.critic(fake.detach())).mean()


class ToyNearestMean(ClosedForm):
    """Fitted in closed form: the mean of each class."""

    monitor, mode = "val/acc", "max"
    reads = ("point", "label")
    scored_rows = written_rows = ("prob", "label")
    averaged = "prob"
    refuses = {"explain": NO_PICTURES, "tta": NO_PICTURES}
    submits = "table"
    fitted = ("means",)

    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.register_buffer("means", torch.zeros(0, 2))

    def fit_rows(self, rows):
        self.means = torch.stack([rows["point"][rows["label"] == k].mean(0) for k in range(2)])

    def predict_step(self, batch, batch_idx=0):
        return {"id": batch["id"], "prob": (-torch.cdist(batch["point"], self.means)).softmax(1)}

    def rows_of(self, batch, out):
        return {"prob": out["prob"], "label": batch["label"]}

    def score(self, rows):
        return {"acc": (rows["prob"].argmax(1) == rows["label"]).float().mean()}


class ToySequence(Classifier):
    """Token batches with lengths: the mean embedding of the real tokens."""

    reads = ("tokens", "length", "label")

    def __init__(self, width: int = 8, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.embedding, self.head = nn.Embedding(9, width, padding_idx=0), nn.Linear(width, self.num_classes)

    def logits(self, batch):
        return self.head(self.embedding(batch["tokens"]).sum(1) / batch["length"][:, None])


class ToyBroken(ToySequence):
    """Breaks in the last step of the second epoch: ``loss``, ``gradient`` or ``weights``; in its ``validation`` loss
    or in one of its ``predictions``.
    """

    def __init__(self, breaks: str = "loss", **kwargs):
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)

    def now(self, what):
        last = self.trainer.fit_loop.epoch_loop.batch_idx + 1 == self.trainer.num_training_batches
        return self.hparams.breaks == what and self.current_epoch == 1 and last and not self.trainer.sanity_checking

    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx) * (torch.nan if self.now("loss") else 1)

    def on_before_optimizer_step(self, optimizer):
        if self.now("gradient"):
            self.embedding.weight.grad.fill_(torch.inf)

    def on_train_batch_end(self, *args):
        if self.now("weights"):
            self.embedding.weight.data.fill_(torch.nan)

    def collect(self, part, batch, **tensors):
        if self.now("predictions"):
            tensors["prob"] = tensors["prob"].masked_fill((batch["id"] == batch["id"][0])[:, None], torch.nan)
        super().collect(part, batch, **tensors)

    def evaluate(self, part, batch):
        super().evaluate(part, batch)
        if self.now("validation"):
            self.track(f"{part}/loss", torch.tensor(torch.nan), 1)


class ToyRegression(Regression):
    """The length of a point from a small network."""

    reads = ("point", "target")

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))

    def outputs(self, batch):
        return self.net(batch["point"]).squeeze(1)


class ToyAutoencoder(Reconstruction):
    """Pictures of 12x12 from two numbers."""

    def __init__(self, size: int = 2, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.encoder, self.decoder = nn.Linear(144, size), nn.Linear(size, 144)

    def encode(self, image):
        return self.encoder(image.flatten(1))

    def decode(self, codes):
        return self.decoder(codes).view(-1, 1, 12, 12)


class ToyNothing(GradientTask):
    """Keeps no rows and scores nothing but its loss."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.net = nn.Linear(2, 1)

    def training_step(self, batch, batch_idx):
        loss = self.net(batch["point"]).square().mean()
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def evaluate(self, part, batch):
        self.track(f"{part}/loss", self.net(batch["point"]).square().mean(), len(batch["id"]))

    def predict_step(self, batch, batch_idx=0):
        return {"id": batch["id"], "pred": self.net(batch["point"])}
