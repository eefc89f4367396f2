"""Classification of images: one class for each."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn

from lightning_tasks.baselines.images import image_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.classification import classification_scores, confusion_matrix, rows_by_class
from lightning_tasks.measures.classification_losses import soft_labels, soft_loss
from lightning_tasks.measures.corruptions import NAMES, SEVERITIES, corrupt, random_corruption
from lightning_tasks.measures.segmentation_losses import class_weights_from_counts
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.nets.parameter_groups import check_unfreeze, lr_groups, set_trainable
from lightning_tasks.nets.weights import first_weights
from lightning_tasks.plots.classes import confusion_figure, grid_figure, labelled_figure, severity_figure

from .checks import check_classes, check_input
from .image import ImageTask

CLASS_WEIGHTS = ("none", "inverse", "effective", "sqrt")
CORRUPTED = ("none", "random", "suite")
LOWER_IS_BETTER = ("loss", "nll", "ece", "brier")


class ImageClassifier(ImageTask):
    """Reads ``image`` and ``label`` (B,) int64 of a batch, and ``label2`` and ``lam`` (B,) of a mixed one.

    Logits are (B, K). Scores (see ``classification_metrics``) come from the probabilities of the whole part; with
    ``corrupted`` also ``acc_corrupted``, and for ``suite`` ``acc_suite`` and ``acc_<corruption>``.

    Args:
        net: Network by name, see ``nets.build_classifier``: ``cnn_small`` or ``timm/<name>``.
        net_args: Arguments of the network.
        class_names: Names of the K classes, in the order of the labels.
        weights: ``none``; ``pretrained`` (timm's, downloaded if need be); ``auto``, the same, but from scratch where
            they cannot be had; or a file with a state dict or checkpoint. Read when a fit begins.
        loss: ``ce`` or ``focal``.
        loss_args: ``{gamma: 2}`` for focal.
        label_smoothing: Of the cross entropy.
        class_weights: ``none``, ``inverse``, ``effective`` or ``sqrt`` (from training samples), or K numbers.
        unfreeze: What trains: ``all``, ``head`` or ``last:N`` (the head and N blocks before it). Frozen blocks stay
            in eval mode. Several devices then need ``--trainer.strategy ddp_find_unused_parameters_true``.
        unfreeze_schedule: Epoch -> what trains from then on: ``{3: last:1, 6: all}``.
        backbone_lr: Learning rate of the blocks as a factor of the head's.
        corrupted: Accuracy on corrupted copies: ``none``; ``random``, one copy of every sample, of a kind and
            strength drawn by its id; ``suite``, in evaluations outside a fit also all kinds and strengths.
        suite_severities: Strengths of the suite, of 1 to 5; fewer are quicker.
        monitor: Metric that chooses the checkpoint; None takes ``val/acc_corrupted`` where there is one, else
            ``val/acc``.
        **kwargs: Arguments of ``ImageTask``.

    Raises:
        ValueError: An unknown network, loss, choice or metric, or class weights of the wrong number.
    """

    monitor, mode = "val/acc", "max"
    row_names = file_rows = ("prob", "label")

    def __init__(
        self,
        net: str = "cnn_small",
        net_args: dict[str, Any] | None = None,
        class_names: list[str] | None = None,
        weights: str = "none",
        loss: str = "ce",
        loss_args: dict[str, float] | None = None,
        label_smoothing: float = 0.0,
        class_weights: str | list[float] = "none",
        unfreeze: str = "all",
        unfreeze_schedule: dict[int, str] | None = None,
        backbone_lr: float = 1.0,
        corrupted: str = "none",
        suite_severities: list[int] | None = None,
        monitor: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.class_names = list(class_names or ["negative", "positive"])
        self.num_classes = len(self.class_names)
        if isinstance(class_weights, str):
            checked_choice("class_weights", class_weights, CLASS_WEIGHTS)
        elif len(class_weights) != self.num_classes:
            raise ValueError(f"class_weights has {len(class_weights)} numbers; there are {self.num_classes} classes.")
        # YAML gives numbers as keys, the command line text.
        self.thaw = {0: unfreeze} | {int(epoch): spec for epoch, spec in (unfreeze_schedule or {}).items()}
        for spec in self.thaw.values():
            check_unfreeze(spec)
        self.corrupted = checked_choice("corrupted", corrupted, CORRUPTED)
        self.severities = list(suite_severities or SEVERITIES)
        if bad := sorted(set(self.severities) - set(SEVERITIES)):
            raise ValueError(f"suite_severities holds {bad[0]}; choose of {', '.join(map(str, SEVERITIES))}.")
        self.net = self.build_net()
        smoothing = {"label_smoothing": label_smoothing} if label_smoothing else {}
        self.loss = soft_loss(loss, **(loss_args or {}), **smoothing)
        given = torch.ones(self.num_classes) if isinstance(class_weights, str) else torch.tensor(class_weights)
        self.register_buffer("class_weights", given.float())
        self.weights_origin = "scratch"
        if self.corrupted != "none":
            self.row_names = self.file_rows = ("prob", "label", "corrupted")
        self._choose_monitor(monitor)

    def build_net(self, pretrained: bool = False) -> nn.Module:
        """The network, with timm's weights if ``pretrained``. ``hparams`` hold the arguments of subclasses, too."""
        h = self.hparams
        return build_classifier(h.net, self.in_channels, self.num_classes, pretrained=pretrained, **(h.net_args or {}))

    def image_net(self, net: nn.Module) -> nn.Module:
        """The part of a network that ``weights`` are for."""
        return net

    def _choose_monitor(self, monitor: str | None) -> None:
        prob = torch.eye(self.num_classes)
        first = ["val/acc_corrupted"] if self.corrupted != "none" else []
        known = [*first, "val/loss", *(f"val/{name}" for name in self.score({"prob": prob, "label": prob.argmax(1)}))]
        self.monitor = monitor or (first or [self.monitor])[0]
        if self.monitor not in known:
            near = get_close_matches(self.monitor, known, 1, cutoff=0.3)
            raise ValueError(f"monitor={monitor!r} is no metric of validation. Did you mean {(near or known)[0]!r}?")
        self.mode = "min" if self.monitor.removeprefix("val/") in LOWER_IS_BETTER else "max"

    # ---- weights and blocks -----------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Also see that data and network fit, and read the given weights, when a fit begins that continues none."""
        data = self.trainer.datamodule
        if stage == "fit" and data is not None:
            check_classes(self.class_names, data)
        super().setup(stage)
        if stage == "fit" and data is not None:
            check_input(self, data)
        if stage == "fit" and self.hparams.weights != "none" and not self.trainer.ckpt_path:
            self.load_given_weights(getattr(data, "note", rank_zero_info))

    def load_given_weights(self, note: Callable[[str], None]) -> None:
        """Read ``weights`` and set ``weights_origin``; tell ``note`` what the user should know.

        Raises:
            ValueError: Weights that cannot be had, for ``pretrained``, or that do not fit, for a file.
            FileNotFoundError: No such file.
        """
        h = self.hparams

        def pretrained() -> nn.Module:
            return self.image_net(self.build_net(pretrained=True))

        self.weights_origin, told = first_weights(self.image_net(self.net), h.weights, h.net, pretrained)
        if told and self.weights_origin.startswith("scratch") and "all" not in self.thaw.values():
            told += " Frozen layers stay random."
        if told:
            note(told)

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keep where the first weights came from: a resumed fit does not read them again."""
        checkpoint["weights_origin"] = self.weights_origin

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """Recall where the first weights came from."""
        self.weights_origin = checkpoint.get("weights_origin", self.weights_origin)

    def trains_at(self, epoch: int) -> str:
        """``all``, ``head`` or ``last:N``, by the epoch alone, so that a resumed fit goes on alike."""
        return self.thaw[max(start for start in self.thaw if start <= epoch)]

    def on_train_epoch_start(self) -> None:
        """Freeze what does not train in this epoch."""
        super().on_train_epoch_start()
        if set(self.thaw.values()) != {"all"}:
            set_trainable(self.net, self.trains_at(self.current_epoch))

    def optimized(self) -> Any:
        """All parameters, frozen or not: those without gradient are passed over until they train."""
        h = self.hparams
        return self if h.backbone_lr == 1 else lr_groups(self.net, h.lr, h.backbone_lr, h.weight_decay)

    # ---- steps ------------------------------------------------------------------------------------------------

    def fit_statistics(self, found: dict[str, Tensor]) -> None:
        """Also fit the class weights to the training samples."""
        super().fit_statistics(found)
        mode = self.hparams.class_weights
        if isinstance(mode, str) and mode != "none":
            counts = torch.zeros(self.num_classes)
            counts[: len(found["class_counts"])] = found["class_counts"].float()
            self.class_weights.copy_(class_weights_from_counts(counts, mode))

    def criterion(self, logits: Tensor, batch: dict) -> Tensor:
        """The loss with this task's weights and smoothing, on plain or mixed labels."""
        weights = None if self.hparams.class_weights == "none" else self.class_weights
        return self.loss(logits, soft_labels(batch, self.num_classes), class_weights=weights)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self.criterion(self.logits(batch), batch)
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def logits(self, batch: dict) -> Tensor:
        """Logits (B, K) of a batch: the one door to the network, for training, evaluation and explanations.

        A task whose network reads more than ``image`` overrides it. Gradients reach the batch's tensors.
        """
        return self(batch["image"])

    def prob_of(self, logits: Tensor) -> Tensor:
        """Probabilities float32 (B, K)."""
        return logits.float().softmax(1)

    def probabilities(self, batch: dict) -> Tensor:
        """(B, K), averaged over the views of ``tta``."""

        def of_view(image: Tensor) -> Tensor:
            return self.prob_of(self.logits({**batch, "image": image}))

        return self.average_views(batch["image"], of_view, spatial=False)

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss and probabilities, and the classes given to corrupted copies."""
        rows = self.rows_with(batch, self.probabilities)
        logits = rows["prob"].clamp_min(1e-12).log()  # softmax gives the probabilities back, averaged over views
        self.track(f"{part}/loss", self.criterion(logits, batch), len(batch["id"]))
        self.collect(part, batch, **rows)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Probabilities and the true class."""
        return {"prob": out["prob"], "label": batch["label"]}

    def rows_with(self, batch: dict, predict: Callable[[dict], Tensor]) -> dict[str, Tensor]:
        """Also ``corrupted`` (B, copies): the class given to each corrupted copy, int16."""
        rows = super().rows_with(batch, predict)
        if self.corrupted != "none":
            fitting = self._trainer is not None and self.trainer.state.fn == "fit"
            copies = self.corrupted_copies(batch["image"], batch["id"], self.corrupted == "suite" and not fitting)
            found = [predict({**batch, "image": copy}).argmax(1) for copy in copies]
            rows["corrupted"] = torch.stack(found, 1).to(torch.int16)
        return rows

    def corrupted_copies(self, image: Tensor, ids: Tensor, suite: bool) -> Iterator[Tensor]:
        """A randomly corrupted copy of each image, then with ``suite`` every kind at every chosen strength."""
        yield random_corruption(image, ids)
        if suite:
            for name in NAMES:
                for severity in self.severities:
                    yield corrupt(image, name, severity, ids)

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``prob`` (B, K), averaged over the views of ``tta``."""
        return {"id": batch["id"], "prob": self.probabilities(batch)}

    # ---- scores and figures -----------------------------------------------------------------------------------

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of the set, and accuracies on corrupted copies where rows hold them."""
        scores = classification_scores(rows["prob"], rows["label"], self.class_names)
        if "corrupted" not in rows:
            return scores
        hit = (rows["corrupted"] == rows["label"][:, None]).double().mean(0)  # (1 + kinds * strengths,)
        found = {"acc": scores.pop("acc"), "acc_corrupted": hit[0]}
        if len(hit) > 1:
            suite = hit[1:].view(len(NAMES), -1).mean(1)
            found["acc_suite"] = suite.mean()
            scores |= {f"acc_{name}": value for name, value in zip(NAMES, suite.unbind(), strict=True)}
        return found | scores

    def counted(self, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Recall reads the samples of a class, precision those that are called so."""
        return rows_by_class(rows["prob"], rows["label"], self.class_names)

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Majority class and a linear model on 16x16 pixels."""
        return image_baselines(self, datamodule)

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Images with predicted and true class; the same images corrupted."""
        drawn = {"samples": grid_figure(batch, out["prob"], self.class_names)}
        if self.corrupted != "none":
            copies = {**batch, "image": random_corruption(batch["image"], batch["id"])}
            drawn["corrupted"] = grid_figure(copies, self.probabilities(copies), self.class_names)
        return drawn

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Augmented images with their labels."""
        return {"samples": labelled_figure(batch, self.class_names)} if "image" in batch else {}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Confusion matrix, and accuracy by kind and strength of corruption where the suite was run."""
        pred = rows["prob"].argmax(1)
        matrix = confusion_matrix(pred, rows["label"], self.num_classes)
        drawn = {"confusion": confusion_figure(matrix, self.class_names)}
        if "corrupted" in rows and rows["corrupted"].shape[1] > 1:
            hit = (rows["corrupted"] == rows["label"][:, None]).double().mean(0)
            clean = float((pred == rows["label"]).double().mean())
            drawn["suite"] = severity_figure(hit[1:].view(len(NAMES), -1), NAMES, self.severities, clean)
        return drawn
