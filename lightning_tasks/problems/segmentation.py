"""Semantic segmentation: a class for every pixel."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.baselines.pixels import pixel_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.class_weights import CLASS_WEIGHTS, class_weights_from_counts, given_class_weights
from lightning_tasks.measures.segmentation import boundary_counts, confusion_per_image, segmentation_scores
from lightning_tasks.measures.segmentation_losses import combined_loss
from lightning_tasks.nets import build_segmenter
from lightning_tasks.plots.classes import confusion_figure
from lightning_tasks.plots.groups import groups_figure
from lightning_tasks.plots.masks import mask_figure, rarest_first

from .image import ImageTask
from .task import NO_CLASSES, NO_PICTURES

DIVISOR = 32  # of the sides of pictures, for networks that do not tell theirs: those of smp halve five times
MOST_GROUPS = 60  # more are patients rather than sites, and no figure holds them


class Segmentation(ImageTask):
    """Reads ``image`` and ``mask`` (B, H, W) int64 of a batch; logits are (B, K, H, W).

    Scores (see ``metrics.segmentation_scores``) come from one confusion matrix over the whole part.

    Args:
        net: Network by name, see ``nets.build_segmenter``.
        net_args: Arguments of the network.
        class_names: Names of the K classes, in the order of the labels.
        loss: ``ce``, ``focal``, ``dice``, ``focal_tversky``, or weights of several: ``{ce: 1, dice: 0.5}``.
        loss_args: Arguments of single losses: ``{focal: {gamma: 2}}``, ``{ce: {label_smoothing: 0.1}}``.
        class_weights: ``none``, ``inverse``, ``effective`` or ``sqrt`` (from training pixels), or K numbers.
        ignore_class: True class left out of the loss, or None.
        predict_background: False removes class 0 when predicting.
        tta_scales: Sizes, as factors of the picture's own, over which probabilities are averaged in test and
            prediction; None is its own alone. Validation during a fit, which chooses the epoch, takes its own in any
            case: the others would cost each epoch. Source: Chen et al. 2017, "Rethinking atrous convolution for
            semantic image segmentation", section 4.
        **kwargs: Arguments of ``ImageTask``.

    Raises:
        ValueError: An unknown network, loss or choice, class weights of the wrong number, or a scale outside .25 to 4.
    """

    monitor, mode = "val/miou", "max"
    reads = ("image", "mask")
    projects = "features"
    scored_rows = ("confusion", "boundary")
    written_rows = ("pred",)
    averaged = "prob"
    group_names: list[str] = []  # what codes of groups mean: from the data, later the checkpoint
    refuses = {"calibrate": NO_CLASSES, "explain": NO_PICTURES}

    def __init__(
        self,
        net: str = "unet",
        net_args: dict[str, Any] | None = None,
        class_names: list[str] | None = None,
        loss: str | dict[str, float] = "ce",
        loss_args: dict[str, Any] | None = None,
        class_weights: str | list[float] = "none",
        ignore_class: int | None = None,
        predict_background: bool = True,
        tta_scales: list[float] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.class_names = list(class_names or ["background", "foreground"])
        self.num_classes = len(self.class_names)
        if isinstance(class_weights, str):
            checked_choice("class_weights", class_weights, CLASS_WEIGHTS)
        if ignore_class is not None and not 0 <= ignore_class <= 255:
            raise ValueError(f"ignore_class={ignore_class}: need a number of a class, or 255 where masks hold it.")
        if tta_scales is not None and not (tta_scales and all(0.25 <= scale <= 4 for scale in tta_scales)):
            raise ValueError(f"tta_scales={tta_scales}: need one or more factors from 0.25 to 4, such as [1, 1.25].")
        self.net = build_segmenter(net, self.in_channels, self.num_classes, **(net_args or {}))
        self.loss = combined_loss(loss, loss_args)
        given = [1.0] * self.num_classes if isinstance(class_weights, str) else class_weights
        self.register_buffer("class_weights", given_class_weights(given, self.num_classes))
        self.training_pixels = torch.ones(self.num_classes)  # of each class, for the choice of figures: no buffer

    def setup(self, stage: str) -> None:
        """Also take the names of the groups, where they are few."""
        super().setup(stage)
        names = [] if self.trainer.datamodule is None else self.trainer.datamodule.group_names
        self.group_names = names if 1 < len(names) <= MOST_GROUPS else self.group_names

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        """Keep the names of the groups: pooled scores have no data module to ask."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["group_names"] = self.group_names

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        """Recall the names of the groups."""
        super().on_load_checkpoint(checkpoint)
        self.group_names = checkpoint.get("group_names", [])

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Also fit the class weights to the training pixels."""
        super().fit_statistics(statistics)
        h = self.hparams
        counts = torch.zeros(self.num_classes)
        counts[: len(statistics["class_counts"])] = statistics["class_counts"].float()
        self.training_pixels = counts.clone()
        if h.ignore_class is not None and h.ignore_class < self.num_classes:  # 255 stands for no class, in some masks
            self.training_pixels[h.ignore_class] = 0
        if isinstance(h.class_weights, str) and h.class_weights != "none":
            self.class_weights.copy_(class_weights_from_counts(counts, h.class_weights, ignore_index=h.ignore_class))

    def criterion(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The loss with this task's weights and ignored class."""
        weights = None if self.hparams.class_weights == "none" else self.class_weights
        return self.loss(logits, mask, class_weights=weights, ignore_index=self.hparams.ignore_class)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self.criterion(self(batch["image"]), batch["mask"])
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def probabilities(self, logits: Tensor) -> Tensor:
        """(B, K, H, W); class 0 gets 0 where ``predict_background`` is False."""
        logits = logits.float()
        if not self.hparams.predict_background:
            logits = logits.clone()
            logits[:, 0] = -torch.inf
        return logits.softmax(1)

    def evaluate(self, part: str, batch: dict) -> None:
        """Confusion and boundary counts of every image."""
        logits = self(batch["image"])
        # of each picture: Dice of a batch depends on what else is in it
        losses = torch.vmap(lambda z, mask: self.criterion(z[None], mask[None]))(logits, batch["mask"])
        self.track(f"{part}/loss", losses.mean(), len(losses))
        prob = self.mean_probabilities(batch["image"], logits)
        self.collect(part, batch, **self.rows_of(batch, {"prob": prob}))

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Counts of every image, -1 where its probabilities are NaN, and its mask."""
        top, pred = out["prob"].max(1)  # nine times faster than argmax on CPUs
        broken = top.isnan().flatten(1).any(1)[:, None, None]
        return {
            "confusion": confusion_per_image(pred, batch["mask"], self.num_classes).masked_fill(broken, -1),
            "boundary": boundary_counts(pred, batch["mask"], self.num_classes, ignore_index=self.hparams.ignore_class),
            "pred": pred.to(torch.uint8),
        }

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``prob`` (B, K, H, W), averaged over the views of ``tta`` and ``tta_scales``."""
        return {"id": batch["id"], "prob": self.mean_probabilities(batch["image"])}

    def mean_probabilities(self, image: Tensor, logits: Tensor | None = None) -> Tensor:
        """(B, K, H, W), averaged over flips and sizes; ``logits`` of the picture as it is, where they are known."""

        def of_view(view: Tensor) -> Tensor:
            known = logits if view is image else None
            return sum(self.at_scale(view, scale, known) for scale in self.scales) / len(self.scales)

        return self.average_views(image, of_view, spatial=True)

    @property
    def scales(self) -> list[float]:
        """``tta_scales``; during a fit the picture's own size alone."""
        return [1] if self.is_fitting or self.hparams.tta_scales is None else self.hparams.tta_scales

    def at_scale(self, image: Tensor, scale: float, logits: Tensor | None = None) -> Tensor:
        """Probabilities (B, K, H, W) of pictures shown ``scale`` times as large; ``logits`` are those of scale 1.

        Up to a multiple of what the network halves, pictures are mirrored at the right and lower edge, and cut again.

        Raises:
            ValueError: The picture is then too small to be mirrored so far.
        """
        if scale == 1:
            return self.probabilities(self(image) if logits is None else logits)
        own = image.shape[-2:]
        height, width = (round(n * scale) for n in own)
        divisor = getattr(self.net, "divisor", DIVISOR)
        right, below = -width % divisor, -height % divisor
        if right >= width or below >= height:
            raise ValueError(
                f"tta_scales: {scale:g} makes pictures of {height}x{width} (height x width), too small to be mirrored "
                f"up to what the network takes, multiples of {divisor}. Give larger factors."
            )
        image = F.interpolate(image, size=(height, width), mode="bilinear", antialias=scale < 1)
        image = F.pad(image, (0, right, 0, below), mode="reflect")
        prob = self.probabilities(self(image))[..., :height, :width]
        return F.interpolate(prob, size=own, mode="bilinear")

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Masks (B, H, W) uint8: probabilities of every pixel would fill the disk."""
        return {"pred": out["prob"].argmax(1).to(torch.uint8)}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Dataset-level scores from per-image counts; NaN where one image has no prediction."""
        scores = segmentation_scores(rows["confusion"], rows["boundary"], self.class_names)
        broken = (rows["confusion"] < 0).any()
        return {name: value.masked_fill(broken, torch.nan) for name, value in scores.items()}

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Majority class and a linear model on single pixels."""
        return pixel_baselines(self, datamodule)

    def drawn_ids(self, rows: dict[str, Tensor]) -> Tensor:
        """Pictures that hold the classes that are rare in the train part."""
        chosen = rarest_first(rows["confusion"].clamp_min(0).sum(2), self.training_pixels)
        return rows["id"][chosen]

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Image, truth, prediction and error side by side."""
        return {"segmentation": mask_figure(batch, out["prob"].argmax(1), self.class_names, self.hparams.ignore_class)}

    def figures_of_training(self, batch: dict) -> dict[str, Any]:
        """Augmented image and mask side by side, of the batch the pictures with rare classes."""
        pixels = torch.stack([(batch["mask"] == k).sum((1, 2)) for k in range(self.num_classes)], 1)
        chosen = rarest_first(pixels, self.training_pixels)
        batch = {key: batch[key].cpu()[chosen] for key in ("image", "mask")}
        return {"samples": mask_figure(batch, None, self.class_names, self.hparams.ignore_class)}

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Pixel confusion matrix, and the headline of each group (rover site, patient) where they are few."""
        drawn = {"confusion": confusion_figure(rows["confusion"].sum(0), self.class_names, unit="pixels")}
        if groups := self.group_scores(rows):
            drawn["groups"] = groups_figure(groups, self.headline_metric)
        return drawn

    def group_scores(self, rows: dict[str, Tensor]) -> dict[str, tuple[float, int]]:
        """Name -> headline and number of pictures of each group; empty without groups of several pictures."""
        codes = rows["group"].unique().tolist() if "group" in rows and self.group_names else []
        scores = {}
        for code in codes if len(codes) < len(rows["id"]) else ():
            part = {key: value[rows["group"] == code] for key, value in rows.items()}
            scores[self.group_names[code]] = (float(self.score(part)[self.headline_metric]), len(part["id"]))
        return scores
