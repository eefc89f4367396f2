"""k nearest neighbours (assignment D13): the number of neighbours, bias and variance."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.measures.classification import chosen, judged, share_right
from lightning_tasks.measures.nearest import Bank, vote
from lightning_tasks.plots.neighbours import decision_figure, error_figure
from lightning_tasks.problems import ClassScores, ClosedForm
from lightning_tasks.problems.checks import check_classes, check_forward
from lightning_tasks.problems.task import NO_PICTURES
from lightning_tasks.runs.data_record import other_data
from lightning_tasks.runs.frozen import load_frozen, without_head

CURVES = ("train_error", "loo_error", "bias2", "variance")


class NeighboursTask(ClassScores, ClosedForm):
    """Reads ``image`` (B, C, H, W) in [0, 1], or ``point`` (B, D), and ``label`` (B,) int64.

    A sample's probability of a class is the share of that class among its k nearest training samples (Euclidean).
    Where ``k`` is a list, the k with the smallest leave-one-out error on the train part is used, the largest of
    equals. Train and leave-one-out error, bias^2 and variance of each k come with it.

    Bias^2 and variance split the expected squared error of the probabilities over train sets: with p_r of train set r,
    ``E_r |p_r - y|^2 = |mean p - y|^2 + E_r |p_r - mean p|^2``. Each train set is a random half of the train part,
    without the samples that are asked about.

    Args:
        k: Neighbours, or a list to choose from, of which numbers above that of the samples stand for all samples.
        class_names: Names of the K classes.
        features: What distances are measured on: ``pixels``, ``point``, or the directory of a finished run, whose
            network without its last layer gives them (null where ``needs`` gives it). That run must stay where it is.
        standardize: Divide each feature by its standard deviation over the train part.
        cv_samples: Samples of the train part that are asked about to choose k.
        resamples: Train sets for bias^2 and variance; 0 leaves them out.

    Raises:
        ValueError: A k below 1, or (when fitted) above the number of samples.
    """

    monitor, mode = "val/acc", "max"
    scored_rows = ("prob", "label", "votes")
    refuses = {
        "explain": NO_PICTURES,
        "tta": NO_PICTURES,
        "export": "its model is the training samples themselves, which are searched exactly; predict does that",
    }
    fitted = ("bank", "bank_label", "scale", "k", "curves")

    def __init__(
        self,
        k: int | list[int] = 5,
        class_names: list[str] | None = None,
        features: str | None = "pixels",
        standardize: bool = False,
        cv_samples: int = 2000,
        resamples: int = 10,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        if cv_samples < 1 or resamples < 0:
            raise ValueError(f"cv_samples={cv_samples}, resamples={resamples}: need 1 or more, and 0 or more.")
        self.ks = sorted(set([k] if isinstance(k, int) else k))
        if features is None:
            raise ValueError("features: null, and no run under needs. Choose pixels, point or the directory of a run.")
        if not self.ks or self.ks[0] < 1:
            raise ValueError(f"k={k}: need 1 neighbour or more.")
        self.class_names = list(class_names or ["negative", "positive"])
        self.net = None if features in ("pixels", "point") else without_head(load_frozen(features))
        self.register_buffer("bank", torch.zeros(0, 1))
        self.register_buffer("bank_label", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("k", torch.tensor(self.ks[0]))
        self.register_buffer("curves", torch.zeros(len(self.ks), len(CURVES)))
        self._index: Bank | None = None

    def setup(self, stage: str) -> None:
        """See that classes and features fit the data, and say what a trained network has seen."""
        data = self.trainer.datamodule
        if stage == "fit" and data is not None:
            check_classes(self.class_names, data)
        super().setup(stage)
        if stage != "fit" or data is None:
            return
        sample, key = data.arrays("train", limit=1), "point" if self.hparams.features == "point" else "image"
        if key not in sample:
            raise ValueError(f"features={self.hparams.features!r} needs {key!r}; the data has {', '.join(sample)}.")
        check_forward(lambda: self.features_of(sample), sample, f"features={self.hparams.features!r}")
        if self.net is not None and (message := other_data(self.hparams.features, data)):
            data.note(f"features: {message}")

    # ---- features ---------------------------------------------------------------------------------------------

    @torch.no_grad()
    def features_of(self, batch: dict) -> Tensor:
        """(B, D): uint8 for pixels that are not standardised, else float32."""
        if self.hparams.features == "point":
            features = batch["point"]
        elif self.net is not None:
            features = self.net(batch["image"])
        else:
            features = (batch["image"] * 255).round_().to(torch.uint8)  # a quarter of the memory, and exact distances
        return features.flatten(1)

    def scaled(self, features: Tensor) -> Tensor:
        """In the units distances are measured in."""
        return features.float() / self.scale if self.hparams.standardize else features

    @property
    def index(self) -> Bank:
        """The stored samples, ready to be searched."""
        if self._index is None or self._index.samples is not self.bank:
            self._index = Bank(self.bank)
        return self._index

    # ---- fit --------------------------------------------------------------------------------------------------

    def training_step(self, batch: dict, batch_idx: int) -> None:
        """Keep the features of the batch."""
        super().training_step(
            {"id": batch["id"], "features": self.features_of(batch), "label": batch["label"]}, batch_idx
        )

    def fit_rows(self, rows: dict[str, Tensor]) -> None:
        """Store all samples in the order of their ids, and choose k."""
        order = rows["id"].argsort()
        features, self.bank_label = rows["features"][order], rows["label"][order]
        if self.ks[0] > len(features) - (len(self.ks) > 1):
            raise ValueError(f"k={self.ks[0]}: the train part has {len(features)} samples. Use fewer neighbours.")
        if self.hparams.standardize:
            std = features.float().std(0)
            self.scale = torch.where(std > 0, std, torch.ones_like(std))
        self.bank = self.scaled(features)
        ids = rows["id"][order]
        once = torch.cat([ids.new_ones(1), ids.diff()]).nonzero().squeeze(1)
        # A bag draws samples several times, and a copy is as much the sample itself as it is a neighbour.
        index = self.index if len(once) == len(ids) else Bank(self.bank[once])
        label, queries = self.bank_label[once], self._queries(len(once))
        self.curves = torch.full((len(self.ks), len(CURVES)), torch.nan, device=self.device)
        if len(self.ks) > 1:
            self._errors(index, label, queries)
            self.k = self._best()
        if self.hparams.resamples:
            self._bias_and_variance(index.samples, label, queries)
        place = self.ks.index(int(self.k))
        self.track("train/k", self.k.float(), 1)
        for name, value in zip(CURVES, self.curves[place], strict=True):
            if not value.isnan():
                self.track(f"train/{name}", value, 1)

    def _queries(self, size: int) -> Tensor:
        """Rows of a bank of that size that are looked up to measure the errors, the same in every run."""
        generator = torch.Generator().manual_seed(0)
        return torch.randperm(size, generator=generator)[: self.hparams.cv_samples].to(self.device)

    def _errors(self, index: Bank, label: Tensor, queries: Tensor) -> None:
        """Error with each query among the stored ones, and without it."""
        for column in (0, 1):
            ks = [k for k in self.ks if k <= len(index) - column]
            wrong = []
            for rows in queries.split(512):
                neighbours, _ = index.search(index.samples[rows], ks[-1], rows if column else None)
                shares = vote(label[neighbours], self.num_classes, ks)
                wrong.append(shares.argmax(2) != label[rows, None])
            self.curves[: len(ks), column] = torch.cat(wrong).float().mean(0)

    def _best(self) -> Tensor:
        errors = self.curves[:, CURVES.index("loo_error")]
        least = errors[~errors.isnan()].min()
        best = int((errors <= least).nonzero().max())  # of equals the largest k: less variance
        return torch.tensor(self.ks[best], device=self.device)

    def _bias_and_variance(self, bank: Tensor, label: Tensor, queries: Tensor) -> None:
        """Over random halves of the train part that hold none of the queries."""
        queries = queries[: max(1, len(bank) // 4)][:500]
        free = torch.ones(len(bank), dtype=torch.bool, device=self.device)
        free[queries] = False
        free = free.nonzero().squeeze(1)
        size = len(free) // 2
        ks = [k for k in self.ks if k <= size]
        if not ks:
            return
        generator = torch.Generator().manual_seed(1)
        probs = []
        for _ in range(self.hparams.resamples):
            chosen = free[torch.randperm(len(free), generator=generator)[:size].to(free.device)]
            neighbours, _ = Bank(bank[chosen]).search(bank[queries], ks[-1])
            probs.append(vote(label[chosen][neighbours], self.num_classes, ks))
        bias2, variance = bias_variance(torch.stack(probs), label[queries])
        self.curves[: len(ks), 2], self.curves[: len(ks), 3] = bias2, variance

    # ---- predict ----------------------------------------------------------------------------------------------

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id``, ``prob`` (B, K) of the chosen k, and ``votes`` (B, len(ks)), the class that each k chooses."""
        most = min(self.ks[-1], len(self.bank))
        neighbours, _ = self.index.search(self.scaled(self.features_of(batch)), most)
        shares = vote(self.bank_label[neighbours], self.num_classes, self.ks)
        return {"id": batch["id"], "prob": shares[:, self.ks.index(int(self.k))], "votes": chosen(shares)}

    def evaluate(self, part: str, batch: dict) -> None:
        """Probabilities of the chosen k and the class of each k."""
        self.collect(part, batch, **self.rows_of(batch, self.predict_step(batch)))

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities and the true class; votes of single k, which averaged probabilities do not have."""
        votes = {"votes": out["votes"].to(torch.int16)} if "votes" in out else {}
        return super().rows_of(batch, out) | votes

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of the chosen k, and ``acc_k<k>`` of each."""
        scores = super().score(rows)
        if "votes" not in rows:  # baselines and means have none
            return scores
        hits = share_right(judged(rows["votes"], rows["label"][:, None]))
        return scores | {f"acc_k{k}": value for k, value in zip(self.ks, hits, strict=True)}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Probabilities."""
        return {"prob": out["prob"]}

    # ---- figures ----------------------------------------------------------------------------------------------

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Errors, bias^2 and variance over k; for two features also decision maps."""
        if "votes" not in rows:
            return {}
        wrong = (rows["votes"] != rows["label"][:, None]).float().mean(0)
        names = ("train error", "leave-one-out error", "bias^2", "variance")
        figures = {
            "error_over_k": error_figure(self.ks, dict(zip(names, self.curves.T, strict=True)), wrong, int(self.k))
        }
        if self.bank.shape[1] == 2:
            figures["decision_maps"] = decision_figure(self)
        return figures


def bias_variance(probs: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Bias^2 and variance of probabilities over train sets, means over samples.

    Args:
        probs: float (R, Q, k, K), of R train sets.
        label: int64 (Q,).

    Returns:
        float (k,) each; their sum is the mean squared error sum_c (p_c - y_c)^2 over train sets and samples.
    """
    truth = torch.nn.functional.one_hot(label, probs.shape[-1]).float()[:, None]  # (Q, 1, K)
    mean = probs.mean(0)
    return (mean - truth).square().sum(-1).mean(0), (probs - mean).square().sum(-1).mean(0).mean(0)
