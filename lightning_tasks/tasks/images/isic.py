"""Skin lesions (assignment C1): how likely is a lesion malignant, from its picture, its table row, or both."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lightning_tasks.baselines.binary import binary_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.binary import BINARY_SCORES, auroc, binary_scores, roc
from lightning_tasks.measures.calibration import reliability_bins
from lightning_tasks.measures.recalibration import prior_shift
from lightning_tasks.measures.strata import strata_of
from lightning_tasks.measures.subclasses import class_logits, within_class_loss
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.nets.fused import FusedNet, TableNet, lazy_layers, materialize
from lightning_tasks.plots.binary import precision_recall_figure, roc_figure, scores_figure, strata_figure
from lightning_tasks.plots.calibration import reliability_figure
from lightning_tasks.plots.classes import grid_figure
from lightning_tasks.problems import ImageClassifier
from lightning_tasks.problems.features import last_features
from lightning_tasks.problems.task import NO_PICTURES

CLASSES = ["benign", "malignant"]
PLAIN = [(0, ""), (1, "")]  # an output for each class
BRANCHES = {"image": ("image",), "metadata": ("table",), "fused": ("image", "table")}  # what each reads
INPUTS = {"image": "images", "mean": "images", "table": "a table", "table_mean": "a table"}


class IsicTask(ImageClassifier):
    """Probability that a lesion is malignant, class 1 of ``CLASSES``.

    Reads ``image`` (B, 3, H, W) in [0, 1], ``table`` float32 (B, T) with NaN for missing numbers, both as ``branch``
    needs them, ``label`` (B,), and for strata ``sex`` and ``site`` (B,) int64 codes (-1 unknown) and ``age`` (B,)
    float32 in years, perhaps NaN.

    Malignant lesions are rare, so training draws them more often (``drawn_share`` of the datamodule's statistics) or
    weighs them more (``class_weights``), and logits learn odds that are too high by a known factor. Probabilities are
    put right: logit_k + log(prior_k) - log(drawn_k w_k), with the class shares of the train part as prior. That is
    exact for cross entropy on hard labels; focal loss, label smoothing, CutMix and MixUp bend probabilities in ways
    no constant undoes (``calibrate`` helps). The ranking, and with it AUROC, does not depend on it.

    Where the data tells the ``diagnosis`` (B,) of training samples, the network has one output for each (D of them), a
    class is the sum of its diagnoses, and training also asks which one of its class a sample has: nevi and keratoses
    look unlike each other, and a network that tells them apart has learnt more of each picture than one bit.

    Scores: those of ``binary_metrics``; ``auroc_without_table`` of a fused network told nothing of the table, so
    that leaning on a shortcut of it shows; and ``auroc_sex_<name>``, ``auroc_site_<name>``, ``auroc_age_<band>`` where
    the rows hold 20 samples of each class of a stratum; a bootstrap draw with fewer does not enter that interval.

    Args:
        branch: ``image``; ``metadata``, a network on ``table`` alone; or ``fused``, both.
        net: Image network by name, as in ``ImageClassifier``; ``weights`` are for it.
        features: Width of what each branch gives to the fused head.
        table_hidden: Hidden layers of the network on ``table``.
        dropout: Of the network on ``table`` and of the fused head.
        diagnosis_weight: Of the cross entropy of the diagnosis given the class, beside the loss of the class; at 1 and
            with plain cross entropy both together are that of D classes.
        drop_branch: Probability that a training sample has one branch only, picture or table; of a fused network.
        **kwargs: Arguments of ``ImageClassifier``.

    Raises:
        ValueError: An unknown branch, or weights of an image network for ``metadata``.

    Sources: Elkan 2001, "The foundations of cost-sensitive learning", theorem 2; Dal Pozzolo et al. 2015, "Calibrating
    probability with undersampling for unbalanced classification", equation 4.
    """

    monitor, mode = "val/auroc", "max"
    scored_rows = ("prob", "label", "sex", "site", "age", "prob_without_table")
    written_rows = ("prob", "label")
    submits = "table"
    diagnoses = PLAIN  # label and name of each output
    strata_names: dict[str, list[str]] = {}  # what codes of sex and site mean: from the data, later the checkpoint

    def __init__(
        self,
        branch: str = "fused",
        net: str = "cnn_small",
        features: int = 64,
        table_hidden: list[int] | None = None,
        dropout: float = 0.2,
        drop_branch: float = 0.0,
        diagnosis_weight: float = 1.0,
        **kwargs,
    ) -> None:
        checked_choice("branch", branch, tuple(BRANCHES))
        if branch == "metadata":
            self.refuses = IsicTask.refuses | {"tta": "branch metadata reads no pictures", "explain": NO_PICTURES}
            self.reads = ("table", "label")
        self.asks = BRANCHES[branch]
        super().__init__(net=net, in_channels=3, class_names=CLASSES, corrupted="none", **kwargs)
        self.save_hyperparameters(logger=False)
        for name in ("weights", "tta") if branch == "metadata" else ():
            if (value := self.hparams[name]) != "none":
                raise ValueError(f"{name}={value!r}: branch metadata reads no pictures. Set --model.{name} none.")
        self.register_buffer("prior_shift", torch.zeros(self.num_classes))
        self.register_buffer("table_mean", torch.zeros(0))  # (T,) once the data is known
        self.register_buffer("table_scale", torch.zeros(0))
        self.register_buffer("table_blank", torch.zeros(0))  # a row of which nothing is known

    # ---- network ----------------------------------------------------------------------------------------------

    def build_net(self, pretrained: bool = False) -> nn.Module:
        """The network of the branch."""
        h = self.hparams
        hidden = [64, 32] if h.table_hidden is None else h.table_hidden
        outputs = len(self.diagnoses)
        if h.branch == "image":
            return build_classifier(h.net, self.in_channels, outputs, pretrained=pretrained, **(h.net_args or {}))
        if h.branch == "metadata":
            return TableNet(outputs, hidden, h.dropout)
        return FusedNet(
            self.in_channels, outputs, h.net, h.net_args, h.features, hidden, h.dropout, h.drop_branch, pretrained
        )

    def features(self, batch: dict) -> Tensor:
        """What the last layer of the network sees, float32 (B, F)."""
        return last_features(self, batch, len(self.diagnoses))

    def image_net(self, net: nn.Module) -> nn.Module:
        """The image branch."""
        return net.image if self.hparams.branch == "fused" else net

    def logits(self, batch: dict) -> Tensor:
        """Logits (B, 2) as trained, from what the branch reads of the batch; without the prior correction.

        Raises:
            ValueError: The batch lacks it.
        """
        return self.class_logits(self.outputs(batch))

    def class_logits(self, outputs: Tensor) -> Tensor:
        """(B, 2) from what the network gives, (B, D)."""
        return class_logits(outputs, [k for k, _ in self.diagnoses], self.num_classes)

    def outputs(self, batch: dict) -> Tensor:
        """What the network gives: (B, D)."""
        branch = self.hparams.branch
        values = [self.needed(batch, key) for key in BRANCHES[branch]]
        ready = {"image": self.normalized, "table": self.scaled}
        return self.net(*(ready[key](value) for key, value in zip(BRANCHES[branch], values, strict=True)))

    def scaled(self, table: Tensor) -> Tensor:
        """What the network sees of a table: by mean and scale of the train part, 0 where a number is missing."""
        return ((table - self.table_mean) * self.table_scale).nan_to_num(0)

    def make_room(self, features: int) -> None:
        """Give what reads a table of T = ``features`` its size."""
        for name in ("table_mean", "table_scale", "table_blank"):
            setattr(self, name, self.prior_shift.new_zeros(features))
        materialize(self.net, features)

    def needed(self, values: dict, key: str) -> Any:
        """``values[key]``, or an error that says which setting gives it."""
        if key in values:
            return values[key]
        remedy = {"image": "Set --data.images true", "mean": "Set --data.images true"}.get(key, "Use IsicDataModule")
        raise ValueError(
            f"branch={self.hparams.branch!r} needs {INPUTS[key]}, and the data gives none. "
            f"{remedy}, or choose another --model.branch."
        )

    def training_loss(self, batch: dict) -> Tensor:
        """Also that of the diagnosis within its class where it is known: not of what is mixed."""
        if "diagnosis" not in batch:
            return super().training_loss(batch)
        outputs = self.outputs(batch)
        logits, place = self.class_logits(outputs), self.output_of.to(outputs.device)[batch["diagnosis"]]
        if "lam" in batch:
            place = place.masked_fill(batch["lam"] < 1, -1)
        within = within_class_loss(outputs, logits, batch["label"], place)
        return self.criterion(logits, batch) + self.hparams.diagnosis_weight * within

    # ---- what the fit learns of the data ----------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """When a fit begins, take diagnoses and give layers their size; also take the names of the strata.

        Raises:
            ValueError: The data has no table.
        """
        data = self.trainer.datamodule
        if stage == "fit":
            found = getattr(data, "diagnoses", [])
            if not self.trainer.ckpt_path and self.weights_origin == "scratch":  # else it begins at others' outputs
                self.give_outputs(found or PLAIN)
            places = [self.diagnoses.index(pair) if pair in self.diagnoses else -1 for pair in found]
            self.output_of = torch.tensor([*places, -1])  # the last: no diagnosis, code -1
            if lazy_layers(self.net):
                self.make_room(len(self.needed(data.statistics(), "table_mean")))
        super().setup(stage)
        self.strata_names = getattr(data, "strata_names", self.strata_names)

    def give_outputs(self, diagnoses: list[tuple[int, str]]) -> None:
        """Make the network anew where it gets another number of outputs."""
        self.diagnoses, before = diagnoses, len(self.diagnoses)
        if len(diagnoses) != before:
            self.net = self.build_net().to(self.device)

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Also take the prior and the odds that training draws."""
        super().fit_statistics(statistics)
        if self.hparams.branch != "metadata":
            self.needed(statistics, "mean")
        for name in ("table_mean", "table_scale", "table_blank") if len(self.table_mean) else ():
            getattr(self, name).copy_(statistics[name])
        weights = None if self.hparams.class_weights == "none" else self.class_weights.cpu()
        self.prior_shift.copy_(prior_shift(statistics["class_counts"], statistics["drawn_share"], weights))

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keep the names of strata and outputs: an ensemble or a pooled score has no fitted datamodule to ask."""
        super().on_save_checkpoint(checkpoint)
        checkpoint |= {"strata_names": self.strata_names, "diagnoses": self.diagnoses}

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """Make room for outputs and table that the checkpoint knows, and recall the names of the strata."""
        super().on_load_checkpoint(checkpoint)
        self.give_outputs(checkpoint.get("diagnoses", PLAIN))
        self.strata_names = checkpoint.get("strata_names", {})
        if lazy_layers(self.net):
            # A checkpoint of another branch: any size will do, and loading names what does not fit.
            self.make_room(len(checkpoint["state_dict"].get("table_mean", ())) or 1)

    # ---- probabilities and scores -----------------------------------------------------------------------------

    def prob_of(self, logits: Tensor) -> Tensor:
        """Probabilities (B, 2) under the prior of the train part."""
        return super().prob_of(logits.float() + self.prior_shift)

    def probabilities(self, batch: dict) -> Tensor:
        """(B, 2), averaged over the views of ``tta``, where there is a picture."""
        if self.hparams.branch == "metadata":
            return self.prob_of(self.logits(batch))
        return super().probabilities(batch)

    def metric_names(self) -> list[str]:
        """Those of ``measures.binary``; strata depend on the data."""
        return ["loss", *BINARY_SCORES, *(["auroc_without_table"] if self.hparams.branch == "fused" else [])]

    def rows_with(self, batch: dict, predict: Callable[[dict], Tensor]) -> dict[str, Tensor]:
        """Also what a fused network says without the table."""
        rows = super().rows_with(batch, predict)
        if self.hparams.branch == "fused":
            blank = self.table_blank.expand_as(batch["table"])
            rows["prob_without_table"] = predict({**batch, "table": blank})
        return rows

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Also what strata are made of."""
        return super().rows_of(batch, out) | {key: batch[key] for key in ("sex", "site", "age")}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of the set and of its strata."""
        scores = binary_scores(rows["prob"], rows["label"])
        if "prob_without_table" in rows:
            scores["auroc_without_table"] = auroc(roc(rows["prob_without_table"][:, 1], rows["label"]))
        for name, mask in self.strata(rows).items():
            scores[f"auroc_{name}"] = auroc(roc(rows["prob"][mask, 1], rows["label"][mask]))
        return scores

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """The score of a stratum reads the rows of the stratum."""
        return {f"auroc_{name}": mask for name, mask in self.strata(rows).items()}

    def strata(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Those of the rows that have samples enough, by the names that the data gave them."""
        return strata_of(rows, self.strata_names)

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Prevalence, logistic regression on the table, and a linear model on 16x16 pixels."""
        return binary_baselines(self, datamodule)

    # ---- figures ----------------------------------------------------------------------------------------------

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Pictures with predicted and true class."""
        return {"samples": grid_figure(batch, out["prob"], self.class_names)} if "image" in batch else {}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """ROC, precision over recall, scores of both classes, reliability, AUROC of the strata."""
        prob, label = rows["prob"][:, 1], rows["label"]
        drawn = {"scores": scores_figure(prob, label, self.class_names)}
        drawn["reliability"] = reliability_figure(reliability_bins(rows["prob"], label), titles=("all", ""), chance=0.5)
        if 0 < int(label.sum()) < len(label):
            curve = roc(prob, label)
            drawn |= {"roc": roc_figure(curve), "precision_recall": precision_recall_figure(curve)}
        if strata := {name: (prob[mask], label[mask]) for name, mask in self.strata(rows).items()}:
            drawn["strata"] = strata_figure({"all": (prob, label), **strata})
        return drawn
