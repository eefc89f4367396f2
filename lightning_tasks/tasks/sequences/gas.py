"""Forecasts of hourly gas consumption with intervals (assignment F7)."""

from typing import Any

import torch
from torch import Tensor

from lightning_tasks.baselines.forecast import forecast_baselines
from lightning_tasks.common.choices import checked_choice
from lightning_tasks.measures.forecast import forecast_scores, interval_scores, masked_mean, pinball
from lightning_tasks.nets.forecast import NETS, FeaturesAsTime, Forecaster, in_order
from lightning_tasks.plots.forecast import days_figure, hours_figure, levels_figure
from lightning_tasks.problems import Regression

STEPS = 24  # hours of a day


class GasTask(Regression):
    """Reads ``inputs`` (B, T, F), whose last 24 steps are the day that is forecast, and ``target`` (B, 24) in m3.

    Each hour has a point forecast, trained with ``loss``, and quantiles, trained with the pinball loss; they never
    cross. A target of NaN is a missing hour, neither learnt from nor scored. A row of the scores is a day, so that
    intervals resample days.

    Args:
        net: ``lstm``, ``gru`` or ``tcn`` over the window; ``faulty``: the assignment's network, which reads the
            features of one hour as a series.
        hidden: Units of each layer; the assignment's network has 50.
        layers: Layers; None takes 1, 7 of a ``tcn`` (which reads 509 steps), 3 of ``faulty``.
        dropout: Between layers and in front of the head; ``faulty`` has none.
        quantiles: Levels in (0, 1), an odd number in order, symmetric about one half; [] for a point forecast alone.
        features: F; None takes what the data states.
        **kwargs: Arguments of ``Regression``, without ``outputs``.

    Raises:
        ValueError: Another net, or quantiles that are not as described.
    """

    reads = ("inputs", "target")
    scored_rows = ("forecast", "target", "naive_mae")
    written_rows = ("pred", "low", "high", "target")
    averaged = "forecast"

    def __init__(
        self,
        net: str = "lstm",
        hidden: int = 64,
        layers: int | None = None,
        dropout: float = 0.1,
        quantiles: list[float] | None = None,
        features: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(outputs=STEPS, **kwargs)
        self.save_hyperparameters(logger=False)
        checked_choice("net", net, NETS)
        self.levels = [0.05, 0.25, 0.5, 0.75, 0.95] if quantiles is None else quantiles
        mirrored = [round(1 - q, 9) for q in reversed(self.levels)]
        in_range = all(0 < q < 1 for q in self.levels) and sorted(set(self.levels)) == self.levels
        if not in_range or mirrored != [round(q, 9) for q in self.levels] or (self.levels and 0.5 not in self.levels):
            raise ValueError(
                f"quantiles={quantiles}: need an odd number of levels between 0 and 1, in order and symmetric, such as "
                "[0.05, 0.5, 0.95], or [] for none."
            )
        outputs = 1 + len(self.levels)
        if net == "faulty":
            self.network = FeaturesAsTime(features, outputs, STEPS, hidden, layers or 3)
        else:
            layers = layers or (7 if net == "tcn" else 1)
            self.network = Forecaster(net, features, outputs, STEPS, hidden, layers, dropout)
        self.register_buffer("naive_mae", torch.ones(()))

    def fit_statistics(self, statistics: dict[str, Tensor]) -> None:
        """Also take the error of the seasonal naive forecast on the train part."""
        super().fit_statistics(statistics)
        self.naive_mae.copy_(statistics["naive_mae"])

    def outputs(self, batch: dict) -> Tensor:
        """(B, 24, 1 + Q) in units of the standardised target: the point forecast, then the quantiles in order."""
        out = self.network(batch["inputs"])
        return torch.cat([out[..., :1], in_order(out[..., 1:])], -1) if self.levels else out

    def losses(self, forecast: Tensor, target: Tensor) -> Tensor:
        """Loss of the point and, where there are quantiles, their pinball loss; of standardised (B, 24, 1 + Q)."""
        known = ~target.isnan()
        loss = self.loss(forecast[..., 0][known], target[known])
        return loss + pinball(forecast[..., 1:], target, self.levels) if self.levels else loss

    def training_step(self, batch: dict, batch_idx: int) -> Tensor:
        """Loss of one batch."""
        loss = self.losses(self.outputs(batch).float(), self.scaled(batch["target"]))
        self.track("train/loss", loss, len(batch["id"]))
        return loss

    def evaluate(self, part: str, batch: dict) -> None:
        """Loss and rows."""
        out, known = self.outputs(batch).float(), ~batch["target"].isnan()
        self.track(f"{part}/loss", self.losses(out, self.scaled(batch["target"])), known.sum())
        self.collect(part, batch, **self.rows_of(batch, {"forecast": self.in_units(out)}))

    def in_units(self, out: Tensor) -> Tensor:
        """Outputs (B, 24, 1 + Q) in m3; none is below 0, as no consumption is."""
        return (out * self.target_std[:, None] + self.target_mean[:, None]).clamp(min=0)

    def predict_step(self, batch: dict, batch_idx: int = 0) -> dict[str, Any]:
        """``id`` and ``forecast`` (B, 24, 1 + Q) in m3: the point, then the quantiles."""
        return {"id": batch["id"], "forecast": self.in_units(self.outputs(batch).float())}

    def file_columns(self, out: dict) -> dict[str, Tensor]:
        """Point forecast and the ends of the widest interval, (B, 24) each."""
        forecast = out["forecast"]
        ends = {"low": forecast[..., 1], "high": forecast[..., -1]} if self.levels else {}
        return {"pred": forecast[..., 0], **ends}

    def rows_of(self, batch: dict, out: dict) -> dict[str, Tensor]:
        """Forecast, target, scale of MASE, and what files hold."""
        rows = {"forecast": out["forecast"], "target": batch["target"], **self.file_columns(out)}
        rows["naive_mae"] = self.naive_mae.expand(len(batch["target"]))
        nothing = torch.full_like(batch["target"], torch.nan)
        return {"low": nothing, "high": nothing, **rows}

    def score(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Scores over all known hours, and how often the intervals hold the truth."""
        forecast, target = rows["forecast"], rows["target"]
        scores = forecast_scores(forecast[..., 0], target, rows["naive_mae"])
        return scores | (interval_scores(forecast[..., 1:], target, self.levels) if self.levels else {})

    def baselines(self, datamodule: Any) -> dict[str, dict[str, float]]:
        """Persistence, naive, linear and ridge; with simulated data the best forecast there is."""
        return forecast_baselines(datamodule, datamodule.statistics()["naive_mae"])

    def figures_of_rows(self, rows: dict[str, Tensor]) -> dict[str, Any]:
        """Two weeks of forecasts with intervals, the error by hour of the day, and nominal against true coverage."""
        order = rows["id"].argsort()
        forecast, target = (rows[key][order].float().cpu() for key in ("forecast", "target"))
        figures = {"days": days_figure(forecast, target, self.levels), "hours": hours_figure(forecast[..., 0], target)}
        if self.levels:
            below = [masked_mean((target <= q).double(), target) for q in forecast[..., 1:].unbind(-1)]
            figures["levels"] = levels_figure(self.levels, [float(share) for share in below])
        return figures
