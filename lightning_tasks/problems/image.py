"""What tasks on images share: channel normalisation fitted on the train part, and flip test-time augmentation."""

from collections.abc import Callable

import torch
from torch import Tensor

from lightning_tasks.common.choices import checked_choice

from .gradient import GradientTask

NORMALIZE = ("dataset", "image", "symmetric", "none")
TTA = {
    "none": ((),),
    "hflip": ((), (-1,)),
    "vflip": ((), (-2,)),
    "flips": ((), (-1,), (-2,), (-2, -1)),
}
UNSEEN = (
    "tta={}: means are taken over views that training does not show (flips of --data.augment: {shown}), which costs "
    "accuracy. Set --model.tta {shown}, or augment by hflip and vflip."
)


class ImageTask(GradientTask):
    """A task whose network takes ``batch["image"]``: float32 (B, C, H, W) in [0, 1].

    Args:
        in_channels: C; None takes that of the data, or 3 where the data does not say it.
        normalize: ``dataset`` (mean and standard deviation a channel, over the train part), ``image`` (of each image
            by itself, which removes exposure), ``symmetric`` ([0, 1] to [-1, 1], which networks that come from
            TensorFlow were trained on) or ``none``.
        tta: Views averaged in test and prediction, not in a fit's own validation: ``none``, ``hflip`` (left and right
            changed), ``vflip`` (upside down) or ``flips`` (four). Of a view that training never shows a network knows
            little.
        channels_last: Memory format of network and images; pays for convolutions on CPUs and on tensor cores.
        **kwargs: Arguments of the next class in line.
    """

    def __init__(
        self,
        in_channels: int | None = None,
        normalize: str = "dataset",
        tta: str = "none",
        channels_last: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.in_channels = 3 if in_channels is None else in_channels  # not read from hparams: a subclass may fix it
        checked_choice("normalize", normalize, NORMALIZE)
        checked_choice("tta", tta, tuple(TTA))
        self.register_buffer("mean", torch.zeros(self.in_channels, 1, 1))
        self.register_buffer("std", torch.ones(self.in_channels, 1, 1))

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Store what was fitted on the train part: ``mean`` and ``std`` (C,)."""
        super().fit_statistics(statistics)
        if "mean" in statistics and len(statistics["mean"]) != self.in_channels:
            raise ValueError(
                f"in_channels={self.in_channels}, but pictures have {len(statistics['mean'])} channels. "
                f"Set --model.in_channels {len(statistics['mean'])}."
            )
        if self.hparams.normalize == "dataset" and "mean" in statistics:
            self.mean.copy_(statistics["mean"].view(-1, 1, 1))
            self.std.copy_(statistics["std"].view(-1, 1, 1))

    def setup(self, stage: str) -> None:
        """Also put the network into its memory format, and say where views are averaged that training does not show."""
        super().setup(stage)
        data = self.trainer.datamodule
        if data is not None and not set(TTA[self.hparams.tta]) <= set(TTA[data.flips_shown]):
            data.note(UNSEEN.format(self.hparams.tta, shown=data.flips_shown))
        if stage == "fit" and self.hparams.channels_last:  # DDP, which wraps it next, lays gradients out as weights
            self.to(memory_format=torch.channels_last)

    def normalized(self, image: Tensor) -> Tensor:
        """What the network sees of images (B, C, H, W) in [0, 1]."""
        if self.hparams.normalize == "image":
            std, mean = torch.std_mean(image, dim=(-2, -1), keepdim=True)
            image = (image - mean) / (std + 1e-3)
        elif self.hparams.normalize == "symmetric":
            image = 2 * image - 1
        else:
            image = (image - self.mean) / self.std
        if self.hparams.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        return image

    def forward(self, image: Tensor) -> Tensor:
        """Logits for images (B, C, H, W) in [0, 1]."""
        return self.net(self.normalized(image))

    def average_views(self, image: Tensor, predict: Callable[[Tensor], Tensor], spatial: bool) -> Tensor:
        """Mean of ``predict`` over the flips of ``tta``; flipped back first where the output is ``spatial``.

        During a fit the picture as it is alone: several views cost as many forward passes at every epoch.
        """
        total = 0
        views = TTA["none" if self.is_fitting else self.hparams.tta]
        for dims in views:
            out = predict(image.flip(dims) if dims else image)
            total = total + (out.flip(dims) if dims and spatial else out)
        return total / len(views)
