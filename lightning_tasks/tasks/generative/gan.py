"""Generative adversarial networks on points and pictures (assignments E4, G16)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.adversarial_losses import LOSSES
from lightning_tasks.nets.gan import (
    ConvCritic,
    ConvGenerator,
    DenseCritic,
    DenseGenerator,
    spectrally_normalised,
)
from lightning_tasks.problems import Adversarial
from lightning_tasks.problems.exported import Case, Exported, Port, output_of


class GanTask(Adversarial):
    """Reads ``image`` (B, C, S, S) in [0, 1] with ``net: conv``, or ``point`` (B, D) with ``net: dense``.

    Scores are those of ``Generative``. ``train/critic`` and ``train/generator`` are the players' losses: they tell how
    the players stand to each other, and nothing of how good the samples are (assignment G16).

    Args:
        net: ``conv`` (DCGAN) or ``dense``.
        loss: ``ns`` (non-saturating), ``hinge`` or ``lsgan``.
        latent: Z, numbers of the noise.
        width: Of both networks' layers.
        side: S of the pictures.
        in_channels: C of the pictures; the data states it.
        spectral_norm: Normalise the critic's layers.
        **kwargs: Arguments of ``Adversarial``; ``ema`` averages the generator, which is what samples are taken from.

    Raises:
        ValueError: Another network or loss, or a number out of range.
    """

    panels = {"losses of the players": ("critic", "generator"), "distance to the data": ("energy", "frechet")}

    def __init__(
        self,
        net: str = "conv",
        loss: str = "ns",
        latent: int = 64,
        width: int = 32,
        side: int = 28,
        in_channels: int = 1,
        spectral_norm: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.make_by(net)
        checked_choice("loss", loss, tuple(LOSSES))
        if latent < 1 or width < 1:
            raise ValueError(f"latent={latent}, width={width}: need 1 or more.")
        self.losses = LOSSES[loss]
        self.monitor = "val/frechet" if self.hparams.features else self.monitor
        if net == "conv":
            self.generator = ConvGenerator(latent, in_channels, side, width)
            self.critic = ConvCritic(in_channels, side, width)
        else:
            self.generator = DenseGenerator(latent, self.hparams.dims, width)
            self.critic = DenseCritic(self.hparams.dims, width)
        if spectral_norm:
            spectrally_normalised(self.critic)

    def made(self, n: int, stream: torch.Generator | None = None) -> Tensor:
        """``n`` samples as the generator gives them."""
        return self.generator(torch.randn(n, self.hparams.latent, generator=stream, device=self.device))

    def sample(self, n: int, stream: torch.Generator) -> Tensor:
        """Samples as the data has them."""
        return self.unscaled(self.made(n, stream).float())

    def loss_of(self, player: str, batch: dict) -> Tensor:
        """Loss of the critic or of the generator."""
        real = batch[self.reads[0]]
        if player == "generator":
            return self.losses.generator(self.critic(self.made(len(real))).float())
        with torch.no_grad():  # the critic's move: no gradient reaches the generator
            fake = self.made(len(real))
        return self.losses.critic(self.critic(self.scaled(real)).float(), self.critic(fake).float())

    def exported(self, sample: dict) -> Exported:
        """Noise to samples: the generator."""

        def cases(batch: dict) -> Iterator[Case]:
            self.restart_streams()
            noise = torch.randn(len(batch["id"]), self.hparams.latent, generator=self.stream("predict"),
                                device=self.device)  # fmt: skip
            self.restart_streams()
            yield {"noise": noise}, {"sample": self.predict_step(batch)["sample"]}

        port = Port("noise", "float32", ("batch", self.hparams.latent), "standard normal noise")
        output = output_of("sample", self.predict_step(sample)["sample"], "samples as the data has them")
        return Exported((port,), (output,), lambda noise: (self.unscaled(self.generator(noise).float()),), cases)

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Samples of the same noise at every drawing, so that one sees them change."""
        stream = torch.Generator(self.device).manual_seed(0)
        return super().figures(batch, {**out, "sample": self.sample(64, stream)})
