"""Classification of images: one class for each."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from lightning_tasks.baselines.images import image_baselines
from lightning_tasks.callbacks import Unfreeze
from lightning_tasks.measures.corruptions import random_corruption
from lightning_tasks.nets.classifier import build_classifier
from lightning_tasks.nets.parameter_groups import lr_groups
from lightning_tasks.nets.weights import first_weights
from lightning_tasks.plots.classes import grid_figure, labelled_figure

from .classifier import Classifier
from .corrupted import CorruptedCopies, classes_of
from .image import ImageTask
from .optim import LARGEST


class ImageClassifier(ImageTask, Classifier):
    """Reads ``image`` (B, C, H, W) in [0, 1] beside what ``Classifier`` reads; logits are (B, K).

    With ``corrupted`` there are also the scores ``acc_corrupted``, and for ``suite`` ``acc_suite`` and
    ``acc_<corruption>``.

    Args:
        net: Network by name, see ``nets.build_classifier``: ``cnn_small`` or ``timm/<name>``.
        net_args: Arguments of the network.
        weights: ``none``; ``pretrained`` (of timm's hub, else of an installed package, see ``nets.packaged``);
            ``auto``, the same, but from scratch where they cannot be had; a file with a state dict or checkpoint; or
            the directory of a run, which ``needs`` may give (then leave it at null here). Read when a fit begins.
        unfreeze: What trains: ``all``, ``head`` or ``last:N`` (the head and N blocks before it), or epoch -> what
            trains from then on: ``{0: head, 3: last:1, 6: all}``. See ``callbacks.Unfreeze``.
        backbone_lr: Learning rate of the blocks as a factor of the head's.
        corrupted: Accuracy on corrupted copies: ``none``, ``random``, ``suite`` or ``{suite: [1, 3, 5]}``; see
            ``CorruptedCopies``. Where there are copies ``val/acc_corrupted`` chooses the checkpoint.
        **kwargs: Arguments of ``ImageTask`` and ``Classifier``.

    Raises:
        ValueError: An unknown network or choice.
    """

    reads = ("image", "label")
    refuses = {}

    def __init__(
        self,
        net: str = "cnn_small",
        net_args: dict[str, Any] | None = None,
        weights: str | None = "none",
        unfreeze: str | dict[int, str] = "all",
        backbone_lr: float = 1.0,
        corrupted: str | dict[str, list[int]] = "none",
        **kwargs,
    ) -> None:
        self.copies = CorruptedCopies(corrupted)  # before the base asks for the names of the metrics
        if self.copies.active:
            self.monitor = "val/acc_corrupted"
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if not 0 <= backbone_lr <= LARGEST:
            raise ValueError(f"backbone_lr={backbone_lr}: need a factor from 0 to {LARGEST:g}.")
        self.unfreezing = Unfreeze(unfreeze)
        self.idles = self.unfreezing.freezes
        self.net = self.build_net()
        if self.copies.active:
            self.scored_rows = self.written_rows = (*self.scored_rows, "corrupted")

    def metric_names(self) -> list[str]:
        """Also the accuracy on corrupted copies."""
        return [*super().metric_names(), *(["acc_corrupted"] if self.copies.active else [])]

    def build_net(self, pretrained: bool = False) -> nn.Module:
        """The network, with timm's weights if ``pretrained``. ``hparams`` hold the arguments of subclasses, too."""
        h = self.hparams
        return build_classifier(h.net, self.in_channels, self.num_classes, pretrained=pretrained, **(h.net_args or {}))

    def image_net(self, net: nn.Module) -> nn.Module:
        """The part of a network that ``weights`` are for."""
        return net

    # ---- weights and blocks -----------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Also read the given weights, when a fit begins that neither continues one nor begins at another's weights."""
        super().setup(stage)
        begins = stage == "fit" and not self.trainer.ckpt_path and self.weights_origin == "scratch"
        if begins and self.hparams.weights not in (None, "none"):
            self.load_given_weights(self.trainer.datamodule.note)

    def load_given_weights(self, note: Callable[[str], None]) -> None:
        """Read ``weights`` and set ``weights_origin``; tell ``note`` what the user should know.

        Raises:
            ValueError: Weights that cannot be had, for ``pretrained``, or that do not fit, for a file.
            FileNotFoundError: No such file.
        """
        h = self.hparams

        def pretrained() -> nn.Module:
            return self.image_net(self.build_net(pretrained=True))

        self.weights_origin, message = first_weights(self.image_net(self.net), h.weights, h.net, pretrained)
        if message and self.weights_origin.startswith("scratch") and "all" not in self.unfreezing.schedule.values():
            message += " Frozen layers stay random."
        if message:
            note(message)

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keep where the first weights came from: a resumed fit does not read them again."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["weights_origin"] = self.weights_origin

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """Recall where the first weights came from."""
        super().on_load_checkpoint(checkpoint)
        self.weights_origin = checkpoint.get("weights_origin", self.weights_origin)

    def configure_callbacks(self) -> list:
        """Also what freezes blocks, where some are frozen."""
        return [*super().configure_callbacks(), *([self.unfreezing] if self.unfreezing.freezes else [])]

    def optimized(self) -> Any:
        """All parameters, frozen or not: those without gradient are passed over until they train."""
        h = self.hparams
        return self if h.backbone_lr == 1 else lr_groups(self.net, h.lr, h.backbone_lr, h.weight_decay)

    # ---- steps ------------------------------------------------------------------------------------------------

    def logits(self, batch: dict) -> Tensor:
        """Logits (B, K) of ``batch["image"]``. A task whose network reads more overrides it."""
        return self(batch["image"])

    def probabilities(self, batch: dict) -> Tensor:
        """(B, K), averaged over the views of ``tta``."""

        def of_view(image: Tensor) -> Tensor:
            return self.prob_of(self.logits({**batch, "image": image}))

        return self.average_views(batch["image"], of_view, spatial=False)

    def rows_with(self, batch: dict, predict: Callable[[dict], Tensor]) -> dict[str, Tensor]:
        """Also ``corrupted`` (B, copies): the class given to each corrupted copy."""
        rows = super().rows_with(batch, predict)
        if self.copies.active:
            copies = self.copies(batch["image"], batch["id"], suite=not self.is_fitting)
            rows["corrupted"] = classes_of([predict({**batch, "image": copy}) for copy in copies])
        return rows

    # ---- scores and figures -----------------------------------------------------------------------------------

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of the set, and accuracies on corrupted copies where rows hold them."""
        scores = super().score(rows)
        if "corrupted" not in rows:
            return scores
        main, kinds = self.copies.scores(rows)
        return {"acc": scores.pop("acc"), **main, **scores, **kinds}

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Majority class and a linear model on 16x16 pixels."""
        return image_baselines(self, datamodule)

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Images with predicted and true class; the same images corrupted."""
        drawn = {"samples": grid_figure(batch, out["prob"], self.class_names)}
        if self.copies.active:
            copies = {**batch, "image": random_corruption(batch["image"], batch["id"])}
            drawn["corrupted"] = grid_figure(copies, self.probabilities(copies), self.class_names)
        return drawn

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Augmented images with their labels."""
        return {"samples": labelled_figure(batch, self.class_names)} if "image" in batch else {}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Confusion matrix, and accuracy by kind and strength of corruption where the suite was run."""
        return super().figures_of_rows(rows) | (self.copies.figures(rows) if "corrupted" in rows else {})
