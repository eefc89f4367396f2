"""Hourly series on a grid of days: gaps, lags, calendar, and windows that end with a day.

Letters: N days that follow each other, 24 hours each; S = 24 N; W hours of past in a window; F features.
"""

import numpy as np

HOURS = 24


def from_earlier_days(series: np.ndarray, days: int) -> np.ndarray:
    """Fill gaps of (S,) by the same hour of the newest earlier day that has it, at most ``days`` back.

    Nothing that comes later is used, so that a filled value is as old as it says. What stays unknown stays NaN.
    """
    filled = series.copy()
    for back in range(1, days + 1):
        gap = np.isnan(filled[back * HOURS :])
        filled[back * HOURS :][gap] = series[: -back * HOURS][gap]
    return filled


def interpolated(series: np.ndarray, hours: int) -> np.ndarray:
    """Fill gaps of at most ``hours`` of (S,) by the line between their ends; for what is known ahead, as weather is."""
    known = np.flatnonzero(~np.isnan(series))
    if not len(known):
        return series.copy()
    places = np.arange(len(series))
    after = np.searchsorted(known, places).clip(max=len(known) - 1)
    length = known[after] - known[np.maximum(after - 1, 0)] - 1
    inside = (places > known[0]) & (places < known[-1]) & (length <= hours)
    return np.where(np.isnan(series) & inside, np.interp(places, known, series[known]), series)


def lagged(series: np.ndarray, lag: int) -> np.ndarray:
    """(S,) whose value at an hour is that of ``lag`` hours before; NaN at the start."""
    return np.concatenate([np.full(min(lag, len(series)), np.nan), series[: max(0, len(series) - lag)]])


CALENDAR = (
    *(f"{wave} of {angle}" for angle in ("hour", "twice the hour", "day of the year") for wave in ("sine", "cosine")),
    *(f"is {day}" for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
    "is a holiday",
)  # columns of ``calendar``


def calendar(day: np.ndarray, holiday: np.ndarray) -> np.ndarray:
    """float64 (S, 14), the columns ``CALENDAR``.

    Args:
        day: int64 (N,), days since 1970.
        holiday: (N, 24) of 0 and 1.
    """
    hour = 2 * np.pi * np.tile(np.arange(HOURS), len(day)) / HOURS
    dates = day.astype("datetime64[D]")
    year = 2 * np.pi * np.repeat((dates - dates.astype("datetime64[Y]")).astype(int), HOURS) / 365.25
    weekday = np.repeat((day + 3) % 7, HOURS)[:, None] == np.arange(7)  # 1970-01-01 was a Thursday; 0 is Monday
    waves = [wave(angle) for angle in (hour, 2 * hour, year) for wave in (np.sin, np.cos)]
    return np.column_stack([*waves, weekday, holiday.reshape(-1)])


def day_windows(series: np.ndarray, past: int) -> np.ndarray:
    """Windows (N, W + 24, F) of (S, F): each day with the ``past`` = W hours in front of it, NaN before the start."""
    padded = np.concatenate([np.full((past, series.shape[1]), np.nan, series.dtype), series])
    windows = np.lib.stride_tricks.sliding_window_view(padded, past + HOURS, axis=0)[::HOURS]  # (N, F, W + 24)
    return np.ascontiguousarray(windows.transpose(0, 2, 1))
