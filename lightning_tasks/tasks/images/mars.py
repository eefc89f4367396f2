"""Mars terrain segmentation (assignment A1)."""

from lightning_tasks.problems import Segmentation

CLASSES = ["background", "soil", "bedrock", "sand", "big_rock"]


class MarsTask(Segmentation):
    """Five terrain classes for every pixel of a gray 64x128 picture, trained from scratch.

    ``image``: float32 (B, 1, 64, 128) in [0, 1]; ``mask``: int64 (B, 64, 128), 0 background, 1 soil, 2 bedrock,
    3 sand, 4 big rock. The competition leaves pixels whose truth is background out of its metric
    (``miou_course``), so by default background is left out of the loss and never predicted: one predicted 0 among
    the scored pixels brings a fifth class with IoU 0 into the mean. ``miou`` counts what that costs.

    Args:
        ignore_class: True class left out of the loss; None trains on background too.
        predict_background: False removes class 0 when predicting.
        normalize: As in ``ImageTask``; exposure differs between rover sites, hence of each image by itself.
        **kwargs: Arguments of ``Segmentation``.
    """

    monitor, mode = "val/miou_course", "max"
    submits = "table"

    def __init__(
        self,
        ignore_class: int | None = 0,
        predict_background: bool = False,
        normalize: str = "image",
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels=1,
            class_names=CLASSES,
            ignore_class=ignore_class,
            predict_background=predict_background,
            normalize=normalize,
            **kwargs,
        )
        self.save_hyperparameters(logger=False)
