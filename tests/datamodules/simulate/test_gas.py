"""The simulated building: its best forecast is the best, and its error has the variance that is stated."""

import numpy as np

from datamodules.readers.holidays import dutch_holidays
from datamodules.simulate import make_gas
from datamodules.simulate.gas import PHI


def test_the_best_forecast_has_the_stated_error_and_nothing_old_explains_it():
    made = make_gas("2008-01-01", 8 * 365 * 24, 6.0, 0, dutch_holidays)
    error = made["gas"] - made["best"]
    assert abs(np.nanstd(error) / (6 * np.sqrt(1 - PHI**48)) - 1) < 0.05 and abs(np.nanmean(error)) < 0.5
    y = np.nan_to_num(error).reshape(-1)
    for lag in (48, 72, 168):  # from 48 hours on errors share no shock
        assert abs(np.corrcoef(y[lag:], y[:-lag])[0, 1]) < 0.03
    old = np.nan_to_num(made["gas"] - made["best"]).reshape(-1)
    assert np.corrcoef(y[1:], old[:-1])[0, 1] > 0.8  # what is younger would help: it is not 24 hours old
    assert np.nanmin(made["gas"]) > 0


def test_hours_are_missing_as_in_the_real_set_and_the_year_is_seen():
    made = make_gas("2008-01-01", 4 * 366 * 24, 6.0, 1, dutch_holidays)
    assert 0.005 < np.isnan(made["gas"]).mean() < 0.013
    assert (np.isnan(made["gas"]) == np.isnan(made["temperature"])).all() and not np.isnan(made["best"]).any()
    months = made["day"].astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    assert np.nanmean(made["gas"][months == 0]) > 1.3 * np.nanmean(made["gas"][months == 6])
    again = make_gas("2008-01-01", 4 * 366 * 24, 6.0, 1, dutch_holidays)
    np.testing.assert_array_equal(made["gas"], again["gas"])


def test_the_last_day_may_be_cut():
    made = make_gas("2023-02-03", 6429, 6.0, 0, dutch_holidays)
    assert made["gas"].shape == (268, 24) and np.isnan(made["gas"][-1, 6429 % 24 :]).all()
