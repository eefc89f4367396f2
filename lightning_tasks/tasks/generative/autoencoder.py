"""Autoencoders with penalties on the code, and denoising ones (assignment E1)."""

import torch
from torch import Tensor

from lightning_tasks.common.choices import checked_choice
from lightning_tasks.nets.autoencoder import conv_autoencoder, dense_autoencoder
from lightning_tasks.nets.dense import ACTIVATIONS
from lightning_tasks.problems import Reconstruction

NETS = {"dense": (dense_autoencoder, [300, 150]), "conv": (conv_autoencoder, [32, 64])}


class AutoencoderTask(Reconstruction):
    """Reads ``image`` (B, C, S, S) in [0, 1]; the code is a vector.

    With ``noise_variance`` the encoder gets pictures with added Gaussian noise, which are not cut, and is scored by the
    clean ones; ``denoising`` says whether it was also trained so (Vincent et al. 2008) or on clean pictures alone: the
    plain autoencoder, a control. The other control, the noisy picture itself, stands beside the scores.

    Args:
        net: ``dense`` or ``conv``.
        size: Numbers of the code.
        hidden: Units (``dense``; default 300, 150) or channels (``conv``; default 32, 64) in front of the code.
        l1: Weight of the sum of the code's absolute values, mean over the batch: the Lasso on the encoder's output.
        l2: Weight of the sum of their squares, likewise.
        contractive: Weight of the squared Frobenius norm of the code's Jacobian by the picture (Rifai et al. 2011,
            equation 2), estimated with one random direction (Hutchinson).
        noise_variance: Variance of the noise, in the unit of pictures in [0, 1].
        denoising: Train on noisy pictures too.
        dropout: In encoder and decoder.
        activation: ``relu`` or ``gelu``.
        in_channels: C; the data states it.
        side: S.
        **kwargs: Arguments of ``Reconstruction``.

    Raises:
        ValueError: A number out of range, or a code that is not smaller than the picture.
    """

    def __init__(
        self,
        net: str = "dense",
        size: int = 30,
        hidden: list[int] | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        contractive: float = 0.0,
        noise_variance: float = 0.0,
        denoising: bool = True,
        dropout: float = 0.0,
        activation: str = "relu",
        in_channels: int = 1,
        side: int = 28,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        build, widths = NETS[checked_choice("net", net, tuple(NETS))]
        numbers = {"l1": l1, "l2": l2, "contractive": contractive, "noise_variance": noise_variance}
        if low := [f"{name}={value}" for name, value in numbers.items() if value < 0]:
            raise ValueError(f"{low[0]}: need 0 or more.")
        if not 1 <= size < in_channels * side**2:
            raise ValueError(
                f"size={size}: need 1 to {in_channels * side**2 - 1}; a code of the picture's own "
                f"{in_channels * side**2} values can copy it and learns nothing."
            )
        checked_choice("activation", activation, tuple(ACTIVATIONS))
        hidden = widths if hidden is None else hidden
        self.encoder, self.decoder = build(size, hidden, in_channels, side, dropout, activation)

    def encode(self, image: Tensor) -> Tensor:
        """Codes (B, size)."""
        return self.encoder(image)

    def decode(self, codes: Tensor) -> Tensor:
        """What ``picture`` makes pictures of, (B, C, S, S)."""
        return self.decoder(codes)

    def seen(self, batch: dict, part: str) -> Tensor:
        """The pictures, noisy where there is noise and the part is to have it."""
        image, variance = batch["image"], self.hparams.noise_variance
        if part == "train" and self.hparams.contractive:
            image = image.detach().requires_grad_()
        if variance == 0 or (part == "train" and not self.hparams.denoising):
            return image
        stream = None if part == "train" else self.stream(part)
        return image + variance**0.5 * torch.randn(image.shape, generator=stream, device=image.device)

    def penalty(self, codes: Tensor, seen: Tensor) -> Tensor | float:
        """Lasso, squares and Jacobian of the code, each with its weight."""
        h, total = self.hparams, 0.0
        if h.l1:
            total += h.l1 * codes.abs().sum(1).mean()
        if h.l2:
            total += h.l2 * codes.square().sum(1).mean()
        if h.contractive:
            total += h.contractive * squared_jacobian(codes, seen)
        return total

    def baseline_pictures(self, train: Tensor, test: Tensor) -> dict[str, Tensor]:
        """With noise: of noisy test pictures, which are what the network is given, and the noisy picture itself."""
        if not self.hparams.noise_variance:
            return super().baseline_pictures(train, test)
        noise = torch.randn(test.shape, generator=torch.Generator().manual_seed(0))
        noisy = test + self.hparams.noise_variance**0.5 * noise
        return super().baseline_pictures(train, noisy) | {"noisy picture": noisy}


def squared_jacobian(codes: Tensor, image: Tensor) -> Tensor:
    """Mean over the batch of the squared Frobenius norm of d codes / d image, estimated with one random direction.

    ``E |v J|^2 = |J|^2`` for v from N(0, I) (Hutchinson 1990).

    Args:
        codes: (B, F), computed from ``image``.
        image: (B, ...), which requires a gradient.
    """
    direction = torch.randn_like(codes)
    (product,) = torch.autograd.grad(codes, image, direction, create_graph=True)
    return product.square().flatten(1).sum(1).mean()
