"""Two classes in a table: made by a logistic or probit model that is known, or measured on tumours (assignment G2)."""

from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer

from datamodules.core.base import DataModule
from datamodules.core.made import MadeDataModule
from datamodules.core.source import DEFAULT_ROOT, Arrays

SLOPES = (1.5, -1.0)
INTERCEPT = 0.5


class TwoClassesDataModule(MadeDataModule):
    """Train and test pools of ``point`` float32 (N, 2), standard normal, and ``label`` drawn from the model.

    P(1 | x) = F(1.5 x1 - x2 + .5), with F = sigma or Phi.

    Args:
        truth: ``logit`` or ``probit``: F.
        n_train: Training samples, the validation fold among them.
        n_test: Test samples.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: Another truth.
    """

    title = "two_classes"
    files = ("two_classes.npz",)
    class_names = ["zero", "one"]

    def __init__(self, truth: str = "probit", n_train: int = 2500, n_test: int = 2000, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        if truth not in ("logit", "probit"):
            raise ValueError(f"truth={truth!r}: choose logit or probit.")

    def facts(self) -> dict[str, Any]:
        """Number of features, and the weights that made the labels."""
        return {**super().facts(), "features": len(SLOPES), "truth": [*SLOPES, INTERCEPT]}

    def simulate(self) -> dict[str, Arrays]:
        """Both pools from one stream."""
        h = self.hparams
        rng = np.random.default_rng(h.seed)
        pools = {}
        for part, n in (("train", h.n_train), ("test", h.n_test)):
            point = rng.normal(size=(n, len(SLOPES)))
            a = point @ SLOPES + INTERCEPT
            chance = norm.cdf(a) if h.truth == "probit" else 1 / (1 + np.exp(-a))
            label = (rng.random(n) < chance).astype(np.int64)
            pools[part] = {"point": point.astype(np.float32), "label": label}
        return pools


class TumoursDataModule(DataModule):
    """Breast tumours, 357 benign and 212 malignant: ``point`` float32 (569, D) and ``label`` (1 is malignant).

    The real table comes with scikit-learn (Wolberg, Street & Mangasarian 1995, UCI); nothing is read from ``root``.
    ``source: simulated`` draws both classes from normal distributions with the means and deviations of the real ones.

    Args:
        columns: Names of the measures that are used, such as ``[mean radius, mean texture]``; None takes all 30.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: An unknown column.
    """

    title = "tumours"
    class_names = ["benign", "malignant"]

    def __init__(self, columns: list[str] | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        known = load_breast_cancer().feature_names.tolist()
        self.columns = list(columns or known)
        if wrong := [name for name in self.columns if name not in known]:
            raise ValueError(f"columns: {wrong[0]!r} is unknown. Known: {', '.join(known)}.")

    def facts(self) -> dict[str, Any]:
        """Number and names of the features."""
        return {**super().facts(), "features": len(self.columns), "feature_names": self.columns}

    def column_scales(self) -> dict[str, list[tuple[str, float, float]]]:
        """Those of ``point``, raw."""
        return {"point": [(name, 0.0, 1.0) for name in self.columns]}

    def load(self) -> dict[str, Arrays]:
        """The real table, unless the simulated one was asked for.

        Raises:
            FileNotFoundError: A folder was named: none is read.
        """
        if self.hparams.root != DEFAULT_ROOT and self.hparams.source != "simulated":
            raise FileNotFoundError(
                f"{self.hparams.root} is not read: the real table comes with scikit-learn. Leave --data.root away, or "
                "add --data.source simulated."
            )
        table = load_breast_cancer()
        chosen = [table.feature_names.tolist().index(name) for name in self.columns]
        point, label = table.data[:, chosen], 1 - table.target
        self.data_source = "simulated" if self.hparams.source == "simulated" else "real"
        if self.data_source == "simulated":
            rng = np.random.default_rng(self.hparams.seed)
            for k in (0, 1):
                of_class = point[label == k]
                point[label == k] = rng.normal(of_class.mean(0), of_class.std(0), of_class.shape)
        return {"train": {"point": point.astype(np.float32), "label": label.astype(np.int64)}}
