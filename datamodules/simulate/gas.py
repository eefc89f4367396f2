"""Hourly gas consumption of a building, from a process whose best forecast is known.

gas_t = mu_t + n_t. The mean mu has a base, a profile of the working day, a heating load that follows the outside
temperature with a delay and is larger while people are in, and a yearly wave. The noise n is an AR(1) process with
coefficient ``PHI`` and standard deviation ``noise``. Who knows mu and all values that are 24 hours old or older
forecasts mu_t + PHI^24 n_{t-24} at best; the error of that is normal with variance noise^2 (1 - PHI^48).
"""

import datetime as dt
from collections.abc import Callable

import numpy as np

PHI = 0.95  # of an hour; 0.29 of the noise is left after a day
MISSING = 0.009  # share of hours that the real set lacks


def make_gas(
    start: str, hours: int, noise: float, seed: int, holidays: Callable[[int], set[dt.date]]
) -> dict[str, np.ndarray]:
    """Arrays of whole days, N of them.

    Args:
        start: First day, as 2008-01-01.
        hours: Hours from there on; the rest of the last day is missing.
        noise: Standard deviation of the noise, m3 an hour.
        seed: Equal seeds give equal series.
        holidays: Public holidays of a year.

    Returns:
        ``day`` int64 (N,), days since 1970; float64 (N, 24): ``gas`` (m3), ``temperature`` (degrees C), ``wind`` (0.1
        m/s), ``radiation`` (J/cm2), ``humidity`` (%), NaN in hours that are missing; ``holiday`` 0 or 1; and ``best``,
        the best forecast of ``gas`` from what is 24 hours old.
    """
    rng = np.random.default_rng([seed, 7])
    first = np.datetime64(start, "D").astype(np.int64)
    days = -(-hours // 24)
    day = first + np.arange(days)
    dates = day.astype("datetime64[D]")
    holiday = np.array([float(date in holidays(date.year)) for date in dates.tolist()])
    warm = 24 * 10  # hours in front, so that both filters have forgotten their start
    hour = np.arange(-warm, days * 24) % 24
    season = 2 * np.pi * (first + np.arange(-warm, days * 24) / 24 - 19) / 365.25  # the coldest day is 20 January
    temperature = 10 - 7.5 * np.cos(season) - 2.5 * np.cos(2 * np.pi * (hour - 3) / 24)
    temperature += ar1(rng, len(hour), 0.985, 3.2)
    felt = smoothed(temperature, 0.06)  # walls hold warmth for most of a day

    all_days = first + np.arange(-warm // 24, days)
    free = np.isin((all_days + 3) % 7, (5, 6))  # 1970-01-01 was a Thursday; 0 is Monday
    free[warm // 24 :] |= holiday > 0
    busy = np.where(np.repeat(free, 24), 0.15, 1.0) * np.exp(-(((hour - 12.5) / 4.5) ** 4))
    heating = 1.6 * np.logaddexp(0, (15 - felt) / 2) * 2 * (0.55 + busy)
    mean = 34 + 14 * busy + heating + 3 * np.cos(season)
    fluctuation = ar1(rng, len(hour), PHI, noise)
    old = np.concatenate([np.zeros(24), fluctuation[:-24]])
    arrays = {
        "gas": mean + fluctuation,
        "best": mean + PHI**24 * old,
        "temperature": temperature,
        "wind": np.clip(40 + ar1(rng, len(hour), 0.97, 18), 0, None),
        "radiation": np.clip(120 * np.cos(2 * np.pi * (hour - 12) / 24) * (1 - 0.6 * np.cos(season)), 0, None),
        "humidity": np.clip(82 + ar1(rng, len(hour), 0.95, 11), 20, 100),
    }
    gone = missing_hours(rng, days * 24)
    gone[hours:] = True
    for name, values in arrays.items():
        values = values[warm:].copy()
        if name != "best":
            values[gone] = np.nan
        arrays[name] = values.reshape(-1, 24)
    return {"day": day, "holiday": np.repeat(holiday[:, None], 24, 1), **arrays}


def ar1(rng: np.random.Generator, size: int, coefficient: float, deviation: float) -> np.ndarray:
    """A stationary AR(1) process (size,) of this standard deviation."""
    steps = rng.normal(0, deviation * np.sqrt(1 - coefficient**2), size)
    steps[0] = rng.normal(0, deviation)
    return recursion(steps, coefficient)


def smoothed(series: np.ndarray, share: float) -> np.ndarray:
    """Exponential smoothing: each value takes ``share`` of the new one."""
    steps = share * series
    steps[0] = series[0]
    return recursion(steps, 1 - share)


def recursion(steps: np.ndarray, coefficient: float) -> np.ndarray:
    """x_t = coefficient x_{t-1} + step_t."""
    out, value = np.empty_like(steps), 0.0
    for t, step in enumerate(steps.tolist()):
        value = coefficient * value + step
        out[t] = value
    return out


def missing_hours(rng: np.random.Generator, size: int) -> np.ndarray:
    """Runs of 1 to 5 hours, bool (size,), which end with the day four times as often as at any other hour."""
    gone = np.zeros(size, bool)
    for _ in range(round(size * MISSING / 3)):
        end = 24 * int(rng.integers(1, size // 24 + 1)) - int(rng.choice([0, 0, 0, *range(24)]))
        gone[max(0, end - int(rng.integers(1, 6))) : end] = True
    return gone
