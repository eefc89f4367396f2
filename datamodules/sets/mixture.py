"""A Gaussian mixture whose components are known (assignments E3, E4, E5): made, never read."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.core.made import MadeDataModule
from datamodules.core.source import Arrays
from datamodules.simulate.mixture import mixture_parameters, mixture_samples


class MixtureDataModule(MadeDataModule):
    """Train and test pools of ``point`` float32 (N, D), standardised by the train part, and ``label``, the component.

    Args:
        shape: ``cube``: anywhere in a cube, unequal weights and covariances; ``ring``: on a circle in the plane.
        components: K.
        dims: D.
        n_train: Training points.
        n_test: Test points.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: Another shape, or numbers out of range.
    """

    title = "mixture"
    files = ("mixture.npz",)

    def __init__(
        self,
        shape: str = "cube",
        components: int = 10,
        dims: int = 3,
        n_train: int = 10_000,
        n_test: int = 2000,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.parameters_of_mixture()  # wrong numbers are told before anything else happens

    def facts(self) -> dict[str, Any]:
        """Number of components and of dimensions."""
        return {**super().facts(), "components": self.hparams.components, "dims": self.hparams.dims}

    def parameters_of_mixture(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights, means and covariances in the units in which the points were made."""
        h = self.hparams
        return mixture_parameters(h.shape, h.components, h.dims, h.seed)

    def simulate(self) -> dict[str, Arrays]:
        """Both pools from one stream."""
        h = self.hparams
        rng = np.random.default_rng(h.seed)
        pools = {}
        for part, n in (("train", h.n_train), ("test", h.n_test)):
            point, label = mixture_samples(rng, n, *self.parameters_of_mixture())
            pools[part] = {"point": point, "label": label}
        return pools

    def fit(self, train: Arrays) -> dict[str, Any]:
        """Mean and standard deviation of each dimension."""
        return {"mean": train["point"].mean(0).tolist(), "std": train["point"].std(0).tolist()}

    def encode(self, pool: Arrays) -> Arrays:
        """Standardised points."""
        mean, std = (np.array(self.fitted[key], np.float32) for key in ("mean", "std"))
        return {**pool, "point": (pool["point"] - mean) / std}

    def statistics(self) -> dict[str, Tensor]:
        """Also ``mode_weight`` (K,), ``mode_mean`` (K, D) and ``mode_cov`` (K, D, D) of the standardised points."""
        weight, mean, cov = self.parameters_of_mixture()
        shift, scale = np.array(self.fitted["mean"]), np.array(self.fitted["std"])
        modes = {
            "mode_weight": weight,
            "mode_mean": (mean - shift) / scale,
            "mode_cov": cov / (scale[:, None] * scale),
        }
        return super().statistics() | {name: torch.tensor(value, dtype=torch.float32) for name, value in modes.items()}
