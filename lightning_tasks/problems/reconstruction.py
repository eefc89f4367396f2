"""Reconstruction of pictures from a code: autoencoders of any network."""

from collections.abc import Iterator
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from lightning_tasks.baselines.pca import pca_reconstruction
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.reconstruction import psnr, squared_errors, ssim
from lightning_tasks.plots.pictures import rows_figure

from .checks import check_reads
from .exported import Case, Exported, as_given, output_of, port_of, served
from .gradient import GradientTask
from .task import NO_CLASSES, NO_MEAN, NO_PICTURES

LOSSES = ("mse", "bce")
OUTPUTS = ("linear", "sigmoid")
PCA_SAMPLES = 5000  # pictures that the principal components are taken from: more change no digit that is shown


class Reconstruction(GradientTask):
    """Reads ``image`` (B, C, H, W) in [0, 1] of a batch.

    A subclass builds its network and gives ``encode(image)``, the codes (B, F), and ``decode(codes)``, (B, C, H, W),
    of which ``picture`` makes the picture: itself cut to [0, 1], or its sigmoid. ``penalty`` adds to the loss what is
    asked of the codes; ``seen`` is what the encoder gets in place of the picture, such as a noisy one.

    Scores over the whole part: ``psnr``, the mean over pictures of each picture's PSNR in dB with data range 1,
    ``psnr_of_mean`` from the mean squared error of all, ``mse`` and ``ssim``. Baselines: principal components of the
    size of the code, and the mean picture.

    Args:
        loss: ``mse`` or ``bce``, each the mean over pixels.
        output: ``linear``: the decoder's values are the picture, cut to [0, 1]. The loss counts a value beyond as it is
            where the cut picture is wrong, because the gradient of the cut would vanish there, and as no error where it
            is right. ``sigmoid``: they are logits, which ``bce`` needs.
        **kwargs: Arguments of ``GradientTask``.

    Raises:
        ValueError: Another loss or output, or ``bce`` of a linear output.
    """

    reads = ("image",)
    projects = "codes"
    monitor, mode = "val/psnr", "max"
    scored_rows = ("mse", "ssim")
    written_rows = ("mse", "ssim")
    refuses = {"ensemble": NO_MEAN, "calibrate": NO_CLASSES, "explain": NO_PICTURES, "tta": NO_PICTURES}

    def __init__(self, loss: str = "mse", output: str = "linear", **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("loss", loss, LOSSES)
        checked_choice("output", output, OUTPUTS)
        if loss == "bce" and output != "sigmoid":
            raise ValueError("loss='bce' reads the decoder's values as logits: set --model.output sigmoid with it.")

    def encode(self, image: Tensor) -> Tensor:
        """Codes (B, F) of pictures (B, C, H, W)."""
        raise NotImplementedError(f"{type(self).__name__}.encode")

    def decode(self, codes: Tensor) -> Tensor:
        """What ``picture`` makes pictures of: (B, C, H, W) of codes (B, F)."""
        raise NotImplementedError(f"{type(self).__name__}.decode")

    def seen(self, batch: dict, part: str) -> Tensor:
        """What the encoder gets of a batch of ``train``, ``val``, ``test`` or ``predict``."""
        return batch["image"]

    def penalty(self, codes: Tensor, seen: Tensor) -> Tensor | float:
        """What is added to the loss of a training batch, from its codes and from what was encoded."""
        return 0.0

    def forward(self, image: Tensor) -> Tensor:
        """Reconstructions (B, C, H, W) in [0, 1]."""
        return self.picture(self.decode(self.encode(image)))

    def picture(self, decoded: Tensor) -> Tensor:
        """Pictures in [0, 1] of what ``decode`` gave."""
        decoded = decoded.float()
        return decoded.sigmoid() if self.hparams.output == "sigmoid" else decoded.clamp(0, 1)

    def setup(self, stage: str) -> None:
        """Also see that the data has what is read."""
        super().setup(stage)
        if stage == "fit" and self.trainer.datamodule is not None:
            check_reads(self, self.trainer.datamodule)

    def criterion(self, decoded: Tensor, image: Tensor) -> Tensor:
        """Mean over pixels."""
        decoded = decoded.float()
        if self.hparams.loss == "bce":
            return F.binary_cross_entropy_with_logits(decoded, image)
        shown = self.picture(decoded)
        if self.hparams.output == "sigmoid":
            return F.mse_loss(shown, image)
        return ((decoded - image) * (shown != image)).square().mean()

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch; ``train/loss`` leaves the penalty out."""
        seen = self.seen(batch, "train")
        codes = self.encode(seen)
        loss = self.criterion(self.decode(codes), batch["image"])
        self.track("train/loss", loss, len(batch["id"]))
        return loss + self.penalty(codes, seen)

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss and errors of each picture."""
        decoded = self.decode(self.encode(self.seen(batch, part)))
        self.track(f"{part}/loss", self.criterion(decoded, batch["image"]), len(batch["id"]))
        self.collect(part, batch, **self.rows_of(batch, {"image": self.picture(decoded)}))

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id``; ``seen``, what was encoded; ``image``, the reconstruction; and ``code`` (B, F)."""
        seen = self.seen(batch, "predict")
        code = self.encode(seen)
        return {"id": batch["id"], "seen": seen, "image": self.picture(self.decode(code)), "code": code.float()}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Codes; pictures would fill the disk."""
        return {"code": out["code"]}

    def features(self, batch: dict) -> Tensor:
        """The codes."""
        return self.encode(batch["image"]).float()

    def exported(self, sample: dict) -> Exported:
        """Pictures to their codes and reconstructions. Noise, where a run adds some, is in what a user gives."""
        out = self.predict_step(sample)
        port = port_of("image", out["seen"])

        def compute(image: Tensor) -> tuple[Tensor, ...]:
            code = self.encode(served(port, image))
            return self.picture(self.decode(code)), code.float()

        def cases(batch: dict) -> Iterator[Case]:
            out = self.predict_step(batch)
            yield {"image": as_given(port, out["seen"])}, {"rebuilt": out["image"], "code": out["code"]}

        outputs = output_of("rebuilt", out["image"], "pictures in [0, 1]"), output_of("code", out["code"])
        return Exported((port,), outputs, compute, cases)

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """``mse`` and ``ssim`` of each picture."""
        return {"mse": squared_errors(out["image"], batch["image"]), "ssim": ssim(out["image"], batch["image"])}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores of the set."""
        mse = rows["mse"].double()
        return {
            "psnr": psnr(mse).mean(),
            "psnr_of_mean": psnr(mse.mean()),
            "mse": mse.mean(),
            "ssim": rows["ssim"].mean(),
        }

    def baseline_pictures(self, train: Tensor, test: Tensor) -> dict[str, Tensor]:
        """Name -> what rebuilds the test pictures (N, C, H, W) without a network: components, and the mean picture."""
        size = self.encode(test[:1].to(self.device)).flatten(1).shape[1]
        return {
            f"PCA of {size}": pca_reconstruction(train, test, size),
            "mean picture": train.mean(0).expand_as(test),
        }

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Scores of ``baseline_pictures``."""
        train = datamodule.arrays("train", limit=PCA_SAMPLES)["image"]
        test = datamodule.arrays("test")["image"]
        rebuilt = self.baseline_pictures(train, test)
        rows = {name: self.rows_of({"image": test}, {"image": image}) for name, image in rebuilt.items()}
        return {
            name: {k: float(v) for k, v in self.score(baseline_rows).items()} for name, baseline_rows in rows.items()
        }

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Pictures, what the encoder saw where that is another, and reconstructions."""
        rows = {"original": batch["image"]} | ({} if out["seen"] is batch["image"] else {"seen": out["seen"]})
        return {"reconstructions": rows_figure({**rows, "rebuilt": out["image"]})}
