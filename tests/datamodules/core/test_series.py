"""Gaps, lags, calendar and windows of hourly series."""

import numpy as np

from datamodules.core.series import calendar, day_windows, from_earlier_days, interpolated, lagged

NAN = np.nan


def test_gaps_are_filled_from_the_past_alone():
    series = np.arange(24.0 * 5)
    series[[30, 54, 78]] = NAN  # hour 6 of three days
    filled = from_earlier_days(series, 2)
    assert filled[30] == filled[54] == 6 and np.isnan(filled[78])
    later = series.copy()
    later[31:] += 1000
    assert from_earlier_days(later, 2)[30] == 6


def test_short_gaps_are_bridged_and_long_ones_and_ends_are_not():
    series = np.array([NAN, 1, NAN, 3, NAN, NAN, NAN, 7, NAN])
    np.testing.assert_array_equal(interpolated(series, 2), [NAN, 1, 2, 3, NAN, NAN, NAN, 7, NAN])
    np.testing.assert_array_equal(interpolated(series, 3), [NAN, 1, 2, 3, 4, 5, 6, 7, NAN])


def test_a_lag_moves_values_to_later_hours():
    np.testing.assert_array_equal(lagged(np.arange(5.0), 2), [NAN, NAN, 0, 1, 2])
    assert all(len(found := lagged(np.arange(5.0), lag)) == 5 and np.isnan(found).all() for lag in (5, 7, 20))


def test_a_window_is_a_day_with_the_hours_in_front_of_it():
    series = np.stack([np.arange(72.0), -np.arange(72.0)], 1)
    windows = day_windows(series, 30)
    assert windows.shape == (3, 54, 2)
    np.testing.assert_array_equal(windows[2, :, 0], np.arange(18, 72))
    np.testing.assert_array_equal(windows[2, :, 1], -np.arange(18, 72))
    assert np.isnan(windows[0, :30]).all() and np.isnan(windows[1, :6]).all() and not np.isnan(windows[1, 6:]).any()
    assert day_windows(series, 0).shape == (3, 24, 2)


def test_the_calendar_knows_hour_weekday_and_season():
    day = np.datetime64("2012-01-01", "D").astype(int) + np.arange(366)  # a Sunday
    columns = calendar(day, np.zeros((366, 24)))
    assert columns.shape == (366 * 24, 14)
    np.testing.assert_allclose(columns[:24, 0], np.sin(2 * np.pi * np.arange(24) / 24))
    assert columns[0, 6:13].tolist() == [0, 0, 0, 0, 0, 0, 1] and columns[24, 6:13].tolist() == [1, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(columns[0, 4:6], columns[-1, 4:6], atol=0.02)  # the year closes
