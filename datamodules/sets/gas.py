"""Hourly gas consumption of a building with weather (assignment F7): each day with the hours in front of it."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.core.base import DataModule
from datamodules.core.series import CALENDAR, HOURS, calendar, day_windows, from_earlier_days, interpolated, lagged
from datamodules.core.source import Arrays, find_folder
from datamodules.core.splits_in_order import chronological_indices
from datamodules.readers.holidays import dutch_holidays
from datamodules.readers.hourly_tables import read_hourly
from datamodules.simulate import make_gas

CSV, XLSX = "gas_hourly.csv", "final version of data.xlsx"
WEATHER = {"wind": "wind_tenth_ms", "radiation": "radiation_jcm2", "humidity": "humidity_pct"}
SHEET = ("year", "month", "day", "holiday", "time", "temperature")
WIDTHS = {"temperature": 1, "weather": 3, "calendar": len(CALENDAR), "sheet": 6}  # lags: as many as there are
FILL_DAYS = 7


class GasDataModule(DataModule):
    """A sample is a day: ``inputs`` float32 (W + 24, F), ``target`` float32 (24,), NaN where the hour is missing.

    Step s of ``inputs`` holds what is known for forecasting hour s: consumption of hours that are ``lags`` hours
    older, 24 or more, and that hour's own temperature and calendar. The last 24 steps are the day that is forecast, the
    W steps before it are the past, read in the same way. The consumption of a forecast hour, or of the 23 before it, is
    in no window of its own day.

    Reads the first of ``gas_hourly.csv`` (date, hour, temperature_c, wind_tenth_ms, radiation_jcm2, humidity_pct,
    gas_m3) and the sheet's ``final version of data.xlsx`` (date, time, cons, holiday, T air(C)). The split is
    chronological: fold i validates on block i + 1 of ``folds + 1``, trains on all before it, and leaves out as many
    days in front of each held-out block as a window reaches back.

    Args:
        window: W, hours of past in front of the forecast day.
        lags: Ages in hours of the consumption at each step; 24 or more.
        features: Groups at each step, in this order: ``lags``, ``temperature``, ``weather`` (wind, radiation and
            humidity of 24 hours before), ``calendar``, and ``sheet``: the six columns of the assignment (year, month,
            day of the week from Saturday = 1, holiday, hour 1..24, temperature).
        leave_out: Names of columns of ``sheet`` to leave out, such as ``year``.
        scale: Bring consumption, temperature, weather and the sheet's columns to mean 0 and standard deviation 1 of the
            train part.
        test_from: First day of the test part, as 2012-01-01; None takes ``test_fraction`` of the days.
        start: First day that is read; None takes the first there is.
        hours: Hours from there on; None takes all.
        noise: Standard deviation of the simulated set's noise, in m3.
        file: Name of the file to read.
        **kwargs: Arguments of ``DataModule``.

    Raises:
        ValueError: A lag below 24, an unknown group of features, a bag: bags would train on the future.
    """

    title = "gas"
    files = (CSV,)
    how_to_get = f"Put {CSV} or the course's {XLSX} there (docs/data.md describes both)."
    reserved = ("day", "gas", "holiday", "temperature", *WEATHER, "best")
    acts_later = ("window", "lags", "features", "leave_out", "scale", "test_from")

    def __init__(
        self,
        window: int = 168,
        lags: list[int] | None = None,
        features: list[str] | None = None,
        leave_out: list[str] | None = None,
        scale: bool = True,
        test_from: str | None = None,
        start: str | None = None,
        hours: int | None = None,
        noise: float = 6.0,
        file: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.save_hyperparameters(logger=False)
        self.lags = [24, 48, 168] if lags is None else lags
        self.groups = ["lags", "temperature", "calendar"] if features is None else features
        if min(self.lags, default=HOURS) < HOURS or window < 0:
            raise ValueError(f"lags={self.lags}, window={window}: need lags of 24 hours or more, and a window from 0.")
        unknown = [name for name in self.groups if name not in ("lags", *WIDTHS)]
        unknown += [name for name in leave_out or [] if name not in SHEET]
        if unknown or not self.groups:
            raise ValueError(f"features={self.groups}, leave_out={leave_out}: choose of lags, {', '.join(WIDTHS)}, "
                             f"and of the sheet's {', '.join(SHEET)}.")  # fmt: skip
        if self.hparams.bag is not None:
            raise ValueError("--data.bag (kfold --bootstrap): a bag of days trains on the future. Leave it away.")
        self.columns = [i for i, name in enumerate(SHEET) if name not in (leave_out or [])]

    def facts(self) -> dict[str, Any]:
        """F, the width of a step."""
        widths = WIDTHS | {"lags": len(self.lags), "sheet": len(self.columns)}
        return {"features": sum(widths[name] for name in self.groups)}

    @property
    def reach(self) -> int:
        """Days in front of a day that its window reads."""
        return -(-(self.hparams.window + max(self.lags, default=0)) // HOURS)

    # ---- reading ----------------------------------------------------------------------------------------------

    def load(self) -> dict[str, Arrays]:
        """Choose the file, then read or simulate."""
        h = self.hparams
        names = [h.file] if h.file else [CSV, XLSX]
        self.files = (next((name for name in names if find_folder(h.root, self.title, (name,), "")), names[0]),)
        return super().load()

    def read(self, folder: Path) -> dict[str, Arrays]:
        """Read and check the table, and cut it to ``start`` and ``hours``."""
        path = folder / self.files[0]
        if path.suffix.lower() == ".xlsx":
            names = {"gas": "cons", "temperature": "T air(C)"}
            table = read_hourly(path, "date", "time", list(names.values()), ("holiday",))
        else:
            names = {"gas": "gas_m3", "temperature": "temperature_c", **WEATHER}
            needed = [names["gas"], names["temperature"]]
            table = read_hourly(path, "date", "hour", needed, (*WEATHER.values(), "holiday"))
        for text in table.notes:
            self.note(text)
        pool = {name: table.values[column] for name, column in names.items() if column in table.values}
        if (below := pool["gas"] < 0).any():
            self.note(f"{below.sum()} hours have a consumption below 0: they are read as missing.")
            pool["gas"] = np.where(below, np.nan, pool["gas"])
        pool["day"] = table.days.astype(np.int64)
        if "holiday" in table.values:
            holiday = (np.nan_to_num(table.values["holiday"]) > 0).any(1).astype(float)
        else:
            holiday = np.array([float(d in dutch_holidays(d.year)) for d in table.days.tolist()])
        pool["holiday"] = np.repeat(holiday[:, None], HOURS, 1)
        return {"train": self.cut(pool, path)}

    def cut(self, pool: Arrays, path: Path) -> Arrays:
        """The days from ``start`` on, and of these the first ``hours``."""
        h = self.hparams
        first = pool["day"][0] if h.start is None else day_number("start", h.start)
        days = len(pool["day"]) if h.hours is None else -(-h.hours // HOURS)
        keep = (pool["day"] >= first) & (pool["day"] < first + days)
        if not keep.any():
            dates = pool["day"][[0, -1]].astype("datetime64[D]")
            raise ValueError(f"{path} goes from {dates[0]} to {dates[1]}; start={h.start}, hours={h.hours} is outside.")
        pool = {name: values[keep] for name, values in pool.items()}
        if h.hours is not None and len(pool["day"]) == days and h.hours % HOURS:
            pool["gas"] = pool["gas"].copy()
            pool["gas"][-1, h.hours % HOURS :] = np.nan
        return pool

    def simulate(self) -> dict[str, Arrays]:
        """Five years, as the real set has, of a process whose best forecast is known."""
        h = self.hparams
        return {"train": make_gas(h.start or "2008-01-01", h.hours or 1827 * HOURS, h.noise, h.seed, dutch_holidays)}

    # ---- which days -------------------------------------------------------------------------------------------

    def kept(self, name: str, pool: Arrays) -> np.ndarray | None:
        """With ``limit`` the days around the start of the test part, but as many as the split needs."""
        h = self.hparams
        if h.limit is None:
            return None
        least = (h.folds + 1) * (self.reach + 8) + 2 * self.reach
        share = h.test_fraction if h.test_from is None else 0.25
        size = min(len(pool["day"]), max(h.limit, math.ceil(least / (1 - share))))
        if size > h.limit:
            self.note(f"limit={h.limit}: {size} days are kept, because windows and the gaps of the split need as many.")
        until = len(pool["day"]) if h.test_from is None else self.test_row(pool) + size // 4
        last = min(len(pool["day"]), max(size, until))
        return np.arange(last - size, last)

    def test_row(self, pool: Arrays) -> int:
        """Row of the first day of the test part.

        Raises:
            ValueError: ``test_from`` is not inside of the data.
        """
        row = day_number("test_from", self.hparams.test_from) - int(pool["day"][0])
        if not 0 < row < len(pool["day"]):
            dates = pool["day"][[0, -1]].astype("datetime64[D]")
            raise ValueError(
                f"test_from={self.hparams.test_from} is not inside of the data ({dates[0]} to {dates[1]}). Set "
                "--data.test_from to a day in it, or to null and --data.test_fraction."
            )
        return row

    def outliers(self, pool: Arrays) -> np.ndarray:
        """Days whose window is not known as a whole, or of which no hour is known."""
        if "weather" in self.groups and not set(WEATHER) <= set(pool):
            raise ValueError(f"features: the table has no weather; it needs {', '.join(WEATHER.values())}.")
        total, gone = pool["gas"].size, int(np.isnan(pool["gas"]).sum())
        if gone:
            self.note(
                f"{gone} of {total} hours ({gone / total:.1%}) have no gas: not scored; as inputs they take the same "
                f"hour of the newest earlier day, up to {FILL_DAYS} days back."
            )
        known = np.isfinite(self.windows(pool, scaled=False)).all((1, 2))
        bad = np.flatnonzero(~known | np.isnan(pool["gas"]).all(1))
        if (bad >= self.reach).any():
            self.note(f"{(bad >= self.reach).sum()} days are left out: their gas or their past is missing.")
        if len(bad) == len(known):
            raise ValueError(
                f"No day of {len(known)} has a whole window: it reads {self.reach} days back. Use a smaller "
                "--data.window, or look for gaps in the series."
            )
        return bad

    def split(self, pool: Arrays, rows: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
        """Rolling origin, with a gap as long as a window's past."""
        h = self.hparams
        share = h.test_fraction if h.test_from is None else float((rows >= self.test_row(pool)).mean())
        parts = chronological_indices(len(rows), h.fold, h.folds, self.reach, share)
        return {part: rows[chosen] for part, chosen in parts.items()}

    # ---- features ---------------------------------------------------------------------------------------------

    def fit(self, train: Arrays) -> dict[str, Any]:
        """Mean and standard deviation over the hours of the train part."""
        columns = {name: train[name] for name in ("gas", "temperature", *WEATHER) if name in train}
        columns |= dict(zip(SHEET, np.moveaxis(sheet(train), -1, 0), strict=True))
        moments = {name: (float(np.nanmean(v)), float(np.nanstd(v))) for name, v in columns.items()}
        return {name: [mean, std if std > 0 else 1.0] for name, (mean, std) in moments.items()}

    def encode(self, pool: Arrays) -> Arrays:
        """Windows and targets."""
        windows = self.windows(pool, self.hparams.scale).astype(np.float32)
        return {**pool, "inputs": windows, "target": pool["gas"].astype(np.float32)}

    def windows(self, pool: Arrays, scaled: bool) -> np.ndarray:
        """``inputs`` (N, W + 24, F) of all days, NaN where something is not known."""

        def scale(name: str, values: np.ndarray) -> np.ndarray:
            mean, std = self.fitted[name] if scaled else (0.0, 1.0)
            return (values - mean) / std

        gas = scale("gas", from_earlier_days(pool["gas"].reshape(-1), FILL_DAYS))
        made = {
            "lags": lambda: [lagged(gas, lag) for lag in self.lags],
            "temperature": lambda: [scale("temperature", interpolated(pool["temperature"].reshape(-1), HOURS))],
            "weather": lambda: [
                lagged(scale(name, from_earlier_days(pool[name].reshape(-1), FILL_DAYS)), HOURS) for name in WEATHER
            ],
            "calendar": lambda: [calendar(pool["day"], pool["holiday"])],
            "sheet": lambda: [scale(SHEET[i], sheet(pool)[..., i].reshape(-1)) for i in self.columns],
        }
        columns = [column for name in self.groups for column in made[name]()]
        return day_windows(np.column_stack(columns), self.hparams.window)

    def column_scales(self) -> dict[str, list[tuple[str, float, float]]]:
        """Those of ``inputs``."""
        named = {
            "lags": [("gas", f"gas {lag} hours before, m3") for lag in self.lags],
            "temperature": [("temperature", "temperature, degrees Celsius")],
            "weather": [(name, f"{column}, a day before") for name, column in WEATHER.items()],
            "calendar": [("", name) for name in CALENDAR],
            "sheet": [(SHEET[i], SHEET[i]) for i in self.columns],
        }
        scales = self.fitted if self.hparams.scale else {}
        return {"inputs": [(title, *scales.get(name, (0.0, 1.0))) for group in self.groups
                           for name, title in named[group]]}  # fmt: skip

    def statistics(self) -> dict[str, Tensor]:
        """``target_mean`` and ``target_std`` (24,), equal for all hours, and ``naive_mae`` of the train part (m3)."""
        gas, rows = self.pools["train"]["gas"], self.parts["train"]
        mean, std = np.nanmean(gas[rows]), np.nanstd(gas[rows])
        later = rows[rows > 0]  # the first day has none before it
        naive = np.nanmean(np.abs(gas[later] - gas[later - 1]))
        return {
            "target_mean": torch.full((HOURS,), float(mean)),
            "target_std": torch.full((HOURS,), float(std)),
            "naive_mae": torch.tensor(float(naive)),
        }

    def names(self, pool: str, ids: np.ndarray) -> list[str]:
        """Dates."""
        raw = self.pools[pool]
        return [str(day) for day in (raw["day"][0] + ids - raw["id"][0]).astype("datetime64[D]")]


def sheet(pool: Arrays) -> np.ndarray:
    """The assignment's six columns, float64 (N, 24, 6), in the order of ``SHEET``."""
    dates = pool["day"].astype("datetime64[D]")
    year = dates.astype("datetime64[Y]").astype(int) + 1970
    month = dates.astype("datetime64[M]").astype(int) % 12 + 1
    weekday = (pool["day"] + 5) % 7 + 1  # Saturday is 1
    by_day = (np.repeat(values[:, None], HOURS, 1) for values in (year, month, weekday))
    hour = np.tile(np.arange(1, HOURS + 1), (len(dates), 1))
    temperature = interpolated(pool["temperature"].reshape(-1), HOURS).reshape(-1, HOURS)
    return np.stack([*by_day, pool["holiday"], hour, temperature], -1).astype(np.float64)


def day_number(name: str, date: str) -> int:
    """Days since 1970 of an ISO date."""
    try:
        return int(np.datetime64(date, "D").astype(np.int64))
    except ValueError:
        raise ValueError(f"{name}={date!r}: expected a date as 2012-01-01.") from None
