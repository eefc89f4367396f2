"""Variational autoencoders on pictures and points (assignments E2, E3)."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lightning_tasks.measures.modes import coverage, log_density
from lightning_tasks.measures.variational import (
    active_units,
    diagonal_log_density,
    gaussian_kl,
    gaussian_log_likelihood,
    importance_bound,
    interpolated,
    standard_normal_log_density,
)
from lightning_tasks.nets.vae import ConvVae, DenseVae, gaussian
from lightning_tasks.plots.codes import guessed_components, labelled_codes_figure, picture_codes_figure
from lightning_tasks.plots.pictures import rows_figure, tiles_figure
from lightning_tasks.problems import Generative
from lightning_tasks.problems.exported import Case, Exported, Port, output_of

MAPPED = 400  # test pictures whose codes are mapped
CODES = 1000  # codes that are mapped or counted: more take minutes


class VaeTask(Generative):
    """Reads ``image`` (B, C, 64, 64) in [0, 1] with ``net: conv``, or ``point`` (B, D) with ``net: dense``.

    q(z|x) is Gaussian with a diagonal variance, p(z) standard normal, p(x|z) = N(decoder(z), variance I). Pictures are
    put into [-1, 1] first; bound and likelihood are those of that scale. Scores, in nats, means over samples: ``elbo``
    = ``reconstruction`` - ``kl`` with one z a sample, ``elbo_per_dim``, divided by the values of a sample, and
    ``iwae``, the importance weighted bound; also ``active_units``, and the distances of ``Generative``.

    The loss is beta x KL - reconstruction, both summed over a sample and averaged over the batch. A mean over pixels
    beside a summed KL would weigh the KL thousands of times too much, and the code would carry nothing.

    Args:
        net: ``conv`` or ``dense``.
        size: Z, numbers of the code.
        hidden: Units of the hidden layers of ``dense``.
        variance: Of p(x|z); 0 learns one number (Rybkin et al. 2021, "Simple and effective VAE training with
            calibrated decoders").
        beta: Weight of the KL (Higgins et al. 2017); 1 is the ELBO.
        observation_noise: Samples are drawn from p(x|z); False takes its mean, as one does for pictures.
        importance: Draws of the importance weighted bound.
        in_channels: C of pictures; the data states it.
        **kwargs: Arguments of ``Generative``.

    Raises:
        ValueError: Another network, or a number out of range.
    """

    monitor, mode = "val/elbo", "max"
    resampled_rows = ("reconstruction", "kl", "iwae")
    projects = "codes"
    panels = {"bound": ("loss", "reconstruction", "kl", "elbo")}

    def __init__(
        self,
        net: str = "conv",
        size: int = 50,
        hidden: list[int] | None = None,
        variance: float = 0.1,
        beta: float = 1.0,
        observation_noise: bool = False,
        importance: int = 16,
        in_channels: int = 3,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.make_by(net)
        if size < 1 or importance < 1 or variance < 0 or beta < 0:
            raise ValueError(
                f"size={size}, importance={importance}, variance={variance}, beta={beta}: "
                "need 1 or more of the first two, and 0 or more of the others."
            )
        self.scored_rows = (*self.scored_rows, "reconstruction", "kl", "iwae", "code", "code_variance")
        if net == "conv":
            self.net: nn.Module = ConvVae(size, in_channels)
            self.values = in_channels * ConvVae.SIDE**2
        else:
            self.net, self.values = DenseVae(size, self.hparams.dims, hidden), self.hparams.dims
        self.log_variance = nn.Parameter(torch.zeros(()), requires_grad=variance == 0)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Put the variance where it begins.

        It begins small: beside a large one the KL costs more than a code can gain, and all of it collapses.
        """
        self.log_variance.data.fill_(-4.0)

    # ---- the model --------------------------------------------------------------------------------------------

    @property
    def variance(self) -> Tensor:
        """Of p(x|z), 0-dim."""
        return self.log_variance.exp() if self.hparams.variance == 0 else self.log_variance * 0 + self.hparams.variance

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (B, Z) of q(z|x)."""
        return gaussian(self.net.encoder(x).float())

    def decode(self, z: Tensor) -> Tensor:
        """Mean of p(x|z)."""
        return self.net.decoder(z).float()

    def terms(self, x: Tensor, stream: torch.Generator | None = None) -> dict[str, Tensor]:
        """``reconstruction`` and ``kl`` (B,), with one z a sample; ``mean`` and ``variance`` (B, Z) of the code."""
        mean, variance = self.encode(x)
        z = drawn(mean, variance, stream)
        reconstruction = gaussian_log_likelihood(x, self.decode(z), self.variance)
        return {"reconstruction": reconstruction, "kl": gaussian_kl(mean, variance), "mean": mean, "variance": variance}

    def sample(self, n: int, stream: torch.Generator) -> Tensor:
        """From the prior through the decoder."""
        x = self.decode(torch.randn(n, self.hparams.size, generator=stream, device=self.device))
        if self.hparams.observation_noise:
            x = drawn(x, self.variance, stream)
        return self.unscaled(x)

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Beta x KL - reconstruction."""
        terms = self.terms(self.scaled(batch[self.reads[0]]))
        reconstruction, kl = terms["reconstruction"].mean(), terms["kl"].mean()
        loss = self.hparams.beta * kl - reconstruction
        for name, value in (("loss", loss), ("reconstruction", reconstruction), ("kl", kl)):
            self.track(f"train/{name}", value, len(batch["id"]))
        return loss

    def setup(self, stage: str) -> None:
        """Also say where a code can hold a copy of what it encodes."""
        super().setup(stage)
        data = self.trainer.datamodule
        if stage == "fit" and data is not None and self.hparams.size > self.values:
            data.note(
                f"size={self.hparams.size}: the code has more numbers than the {self.values} of a sample. "
                "Those that are not needed stay at the prior: compare active_units, or choose a smaller --model.size."
            )

    # ---- evaluation -------------------------------------------------------------------------------------------

    def measured(self, part: str, batch: dict) -> dict[str, Tensor]:
        """The terms of the bound, and mean and variance of the code."""
        x, stream = self.scaled(batch[self.reads[0]]), self.stream(part)
        terms = self.terms(x, stream)
        rows = {"reconstruction": terms["reconstruction"], "kl": terms["kl"], "code": terms["mean"]}
        return rows | {"code_variance": terms["variance"], "iwae": self.importance_weighted(x, terms, stream)}

    def importance_weighted(self, x: Tensor, terms: dict[str, Tensor], stream: torch.Generator) -> Tensor:
        """The bound of ``importance`` draws (B,)."""
        mean, variance = terms["mean"], terms["variance"]
        weights = []
        for _ in range(self.hparams.importance):
            z = drawn(mean, variance, stream)
            likelihood = gaussian_log_likelihood(x, self.decode(z), self.variance)
            weights.append(likelihood + standard_normal_log_density(z) - diagonal_log_density(z, mean, variance))
        return importance_bound(torch.stack(weights))

    def resampled(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """The bound and its terms."""
        reconstruction, kl, iwae = (rows[name].double().mean() for name in ("reconstruction", "kl", "iwae"))
        elbo = reconstruction - kl
        return {"elbo": elbo, "elbo_per_dim": elbo / self.values, "reconstruction": reconstruction, "kl": kl,
                "iwae": iwae}  # fmt: skip

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Bound, active units, and the distances of the two sets."""
        return self.resampled(rows) | {"active_units": active_units(rows["code"])} | super().score(rows)

    def features(self, batch: dict) -> Tensor:
        """Means of the codes, (B, Z)."""
        return self.encode(self.scaled(batch[self.reads[0]]))[0].float()

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id``; the ``code``'s mean and ``code_variance`` (B, Z); ``rebuilt``, from the mean; and samples."""
        mean, variance = self.encode(self.scaled(batch[self.reads[0]]))
        out = super().predict_step(batch)
        return out | {"code": mean, "code_variance": variance, "rebuilt": self.unscaled(self.decode(mean))}

    def exported(self, sample: dict) -> Exported:
        """Codes to samples, the means of p(x|z): the decoder."""

        def cases(batch: dict) -> Iterator[Case]:
            out = self.predict_step(batch)
            yield {"code": out["code"]}, {"sample": out["rebuilt"]}

        port = Port("code", "float32", ("batch", self.hparams.size), "codes; those of samples are standard normal")
        output = output_of("sample", self.predict_step(sample)["rebuilt"], "means of p(x|z), as the data has them")
        facts = {"variance of p(x|z), in the scale of the network": float(self.variance)}
        return Exported((port,), (output,), lambda code: (self.unscaled(self.decode(code)),), cases, facts)

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Codes; pictures would fill the disk."""
        return {name: out[name] for name in ("code", "code_variance")}

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Also, where the data knows its components, their own likelihood: the bound that no model passes."""
        scores = super().baselines(datamodule)
        if self.mixture is not None:
            points = datamodule.arrays("test")[self.reads[0]]
            best = float(log_density(points, self.mixture).mean())
            scores["true mixture"] = {"elbo": best, "elbo_per_dim": best / self.values, "iwae": best}
        return scores

    # ---- figures ----------------------------------------------------------------------------------------------

    def figures(self, batch: dict, out: dict) -> dict[str, Any]:
        """Pictures beside their reconstructions, and the way from one code to another."""
        figures = super().figures(batch, out)
        if self.pictures:
            figures["reconstructions"] = rows_figure({"original": batch["image"], "rebuilt": out["rebuilt"]})
            count = min(4, len(out["code"]) // 2)
            ways = [interpolated(out["code"][i], out["code"][i + count], 10) for i in range(count)]
            if ways:
                figures["interpolation"] = tiles_figure(self.unscaled(self.decode(torch.cat(ways))), columns=10)
        return figures

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Also, of the test, a map of the codes: with pictures, or coloured by component."""
        figures, data = super().figures_of_rows(rows), self.trainer.datamodule
        if self.trainer.state.fn != "test" or data is None:
            return figures
        if self.pictures:
            order = rows["id"].argsort()[:MAPPED].cpu()
            images = data.batch_of("test", rows["id"].cpu()[order])["image"]
            figures["codes"] = picture_codes_figure(rows["code"][order.to(rows["code"].device)], images)
        elif "label" in (arrays := data.arrays("test")):
            known = dict(zip(arrays["id"].tolist(), arrays["label"].tolist(), strict=True))
            label = torch.tensor([known[i] for i in rows["id"][:CODES].tolist()])
            figures["codes"] = labelled_codes_figure(rows["code"][:CODES], label, "codes by true component")
        return figures

    def texts(self, batch: dict, out: dict) -> dict[str, str]:
        """Also, of the test, the codes; where the data knows its components, these, and how many one would guess."""
        texts = super().texts(batch, out)
        if self.trainer.state.fn != "test" or not self.last_rows:
            return texts
        texts["code"] = code_table(self.last_rows["code"], self.last_rows["code_variance"])
        if self.mixture is None:
            return texts
        covered = coverage(self.last_rows["fake"], self.mixture)
        lines = ["| component | true weight | share of samples | captured |", "|---|---|---|---|"]
        for k, (weight, share, captured) in enumerate(
            zip(self.mode_weight, covered.share, covered.captured, strict=True)
        ):
            lines.append(f"| {k} | {weight:.3f} | {share:.3f} | {'yes' if captured else 'no'} |")
        guess = guessed_components(self.last_rows["code"][:CODES])
        captured = f"{int(covered.captured.sum())} of {len(covered.captured)} captured"
        lines += ["", f"{captured}; {1 - covered.inside:.1%} of the samples belong to none. "
                      f"Gaussians that describe the codes best (BIC): {guess}."]  # fmt: skip
        return texts | {"components": "\n".join(lines)}


def code_table(mean: Tensor, variance: Tensor, most: int = 16) -> str:
    """Mean and variance of q(z|x) over samples, by the number of the code, as Markdown.

    A number that is not used has means of 0 with no variance, and variances of 1: it stays at the prior.

    Args:
        mean: (N, Z).
        variance: (N, Z).
        most: Numbers of the code that get a row; the first ones.
    """
    mean, variance = mean.double(), variance.double()
    columns = (mean.mean(0), mean.var(0, correction=0), variance.mean(0))
    lines = ["| number of the code | mean of the means | variance of the means | mean variance |", "|---|---|---|---|"]
    for place, values in enumerate(torch.stack(columns, 1)[:most].tolist()):
        lines.append(f"| {place + 1} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
    left = mean.shape[1] - most
    return "\n".join(lines + ([f"\n{left} more are in the file that `predict` writes."] if left > 0 else []))


def drawn(mean: Tensor, variance: Tensor, stream: torch.Generator | None) -> Tensor:
    """A draw from N(mean, variance), with gradients to both."""
    return mean + variance.sqrt() * torch.randn(mean.shape, generator=stream, device=mean.device)
