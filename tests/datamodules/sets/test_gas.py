"""Gas: what a window holds, what is left out, the split, and both files."""

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

from datamodules import GasDataModule
from datamodules.core import source


def table(days=200, start="2012-01-01"):
    """The columns of the real pack; the gas of each hour is its number."""
    hours = np.arange(days * 24)
    dates = (np.datetime64(start, "D") + hours // 24).astype(str)
    return pd.DataFrame(
        {
            "date": [int(d.replace("-", "")) for d in dates],
            "hour": hours % 24 + 1,
            "temperature_c": 10 + np.sin(hours / 100),
            "wind_tenth_ms": 40.0,
            "radiation_jcm2": hours % 24 * 1.0,
            "humidity_pct": 80.0,
            "gas_m3": hours * 1.0,
        }
    )


def ready(tmp_path, frame=None, **kwargs):
    source._LAST.clear()
    if frame is not None:
        frame.to_csv(tmp_path / "gas_hourly.csv", index=False)
        kwargs["root"] = str(tmp_path)
    else:
        kwargs = {"source": "simulated"} | kwargs
    data = GasDataModule(**{"folds": 2, "fold": 1, "test_fraction": 0.2, "window": 48, "lags": [24, 48]} | kwargs)
    data.setup()
    return data


@pytest.mark.parametrize("scale", [True, False])
def test_columns_have_names_and_lead_back_to_what_was_measured(tmp_path, scale):
    groups = ["lags", "temperature", "weather", "calendar", "sheet"]
    data = ready(tmp_path, table(), features=groups, leave_out=["year"], scale=scale)
    columns, pool = data.column_scales()["inputs"], data.pools["train"]
    raw = data.windows({**pool}, scaled=False)
    mean, std = np.array([column[1:] for column in columns]).T
    assert len(columns) == data.facts()["features"] == len({name for name, *_ in columns})
    np.testing.assert_allclose(pool["inputs"] * std + mean, raw, rtol=1e-4, atol=1e-3)
    assert columns[1][0] == "gas 48 hours before, m3" and columns[-1][0] == "temperature"


def test_a_window_holds_what_is_a_day_old_and_never_the_hour_itself(tmp_path):
    data = ready(tmp_path, table(), features=["lags", "temperature"], scale=False)
    pool = data.pools["train"]
    rows = np.concatenate([data.parts[part] for part in ("train", "val", "test")])
    first = pool["target"][rows][:, 0]  # the number of the day's first hour
    steps = first[:, None] + np.arange(-48, 24)
    np.testing.assert_allclose(pool["inputs"][rows][..., 0], steps - 24)
    np.testing.assert_allclose(pool["inputs"][rows][..., 1], steps - 48)
    np.testing.assert_allclose(pool["inputs"][rows][..., 2], 10 + np.sin(steps / 100), atol=1e-5)
    assert (pool["inputs"][rows][..., 0].max(1) <= first - 1).all(), "nothing of the forecast day"


def test_changing_a_day_changes_no_input_of_its_own_forecast(tmp_path):
    frame = table()
    before = ready(tmp_path, frame, scale=False)
    frame.loc[100 * 24 : 101 * 24 - 1, "gas_m3"] += 500
    after = ready(tmp_path, frame, scale=False)
    a, b = (data.pools["train"]["inputs"] for data in (before, after))
    changed = np.flatnonzero((a != b).any((1, 2)) & ~np.isnan(a).any((1, 2)))
    assert changed.min() == 101 and np.array_equal(a[100], b[100])


def test_the_split_is_in_order_with_a_gap_as_long_as_a_window_reaches(tmp_path):
    data = ready(tmp_path, table(), test_from="2012-06-01")
    assert data.reach == 4
    train, val, test = (data.parts[part] for part in ("train", "val", "test"))
    assert val.min() - train.max() > data.reach and test.min() - val.max() > data.reach
    assert data.names("train", data.pools["train"]["id"][test[:1]]) == ["2012-06-01"]
    ends = [ready(tmp_path, table(), fold=fold, folds=3).parts["val"].max() for fold in range(3)]
    assert ends == sorted(ends) and len(set(ends)) == 3, "the origin rolls"


def test_scaling_is_of_training_rows(tmp_path):
    data = ready(tmp_path, table())
    gas = data.pools["train"]["gas"][data.parts["train"]]
    assert data.fitted["gas"] == pytest.approx([gas.mean(), gas.std()])
    statistics = data.statistics()
    assert statistics["target_mean"].tolist() == pytest.approx([gas.mean()] * 24)
    assert float(statistics["naive_mae"]) == pytest.approx(24)
    seen = data.pools["train"]["inputs"][data.parts["train"]][..., 2]
    assert abs(seen.mean()) < 0.2 and abs(data.pools["train"]["inputs"][data.parts["test"]][..., 0].mean()) > 1


def test_missing_hours_are_filled_in_inputs_and_left_out_as_targets(tmp_path):
    data = ready(tmp_path, table().drop(index=range(2420, 2424)), features=["lags"], scale=False)
    pool = data.pools["train"]
    assert np.isnan(pool["target"][100]).nonzero()[0].tolist() == [20, 21, 22, 23]
    np.testing.assert_allclose(pool["inputs"][101, -4:, 0], np.arange(2396, 2400))  # the same hours a day earlier
    assert any("4 of 4800 hours (0.1%) have no gas" in note for note in data.notes)


def test_days_behind_a_long_gap_are_left_out_and_counted(tmp_path):
    data = ready(tmp_path, table().drop(index=range(100 * 24, 112 * 24)), features=["lags"])
    used = np.concatenate([data.parts[part] for part in ("train", "val", "test")])
    assert not set(range(100, 112)) & set(used.tolist())
    assert any("days are left out" in note for note in data.notes)
    with pytest.raises(ValueError, match="No day of 200 has a whole window: it reads .* Use a smaller --data.window"):
        ready(tmp_path, table(), window=5000)


def test_the_sheets_columns_are_those_of_the_course(tmp_path):
    data = ready(tmp_path, table(start="2023-02-03"), features=["sheet"], scale=False, window=0, lags=[24])
    first = data.pools["train"]["inputs"][1]  # Saturday, 4 February 2023
    assert first.shape == (24, 6) and data.facts() == {"features": 6}
    assert first[0, :5].tolist() == [2023, 2, 1, 0, 1] and first[23, 4] == 24
    data = ready(tmp_path, table(), features=["sheet"], leave_out=["year"], scale=False, window=0, lags=[24])
    assert data.pools["train"]["inputs"].shape[2] == 5 and data.facts() == {"features": 5}


def test_the_courses_sheet_is_read(tmp_path):
    book = Workbook()
    book.active.append(["no", "date", "time", "year", "cons", "month", "day", "holiday", "T air(C)"])
    for i, row in enumerate(table(days=120, start="2023-02-03").itertuples()):
        book.active.append([i, str(row.date), row.hour, 2023, row.gas_m3, 2, 1, int(i // 24 == 50), row.temperature_c])
    book.save(tmp_path / "final version of data.xlsx")
    data = ready(tmp_path, root=str(tmp_path), source="real")
    assert data.pools["train"]["gas"].reshape(-1).tolist() == list(range(120 * 24))
    assert data.pools["train"]["holiday"].any(1).nonzero()[0].tolist() == [50]
    with pytest.raises(ValueError, match="the table has no weather; it needs wind_tenth_ms"):
        ready(tmp_path, root=str(tmp_path), source="real", features=["weather"])


def test_a_part_of_the_series_is_read(tmp_path):
    data = ready(tmp_path, table(), start="2012-02-01", hours=100 * 24 + 5)
    pool = data.pools["train"]
    assert len(pool["day"]) == 101 and pool["gas"][0, 0] == 31 * 24 and np.isnan(pool["gas"][-1, 5:]).all()
    with pytest.raises(ValueError, match="goes from 2012-01-01 to 2012-07-18; start=2030-01-01"):
        ready(tmp_path, table(), start="2030-01-01")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lags": [12]}, "need lags of 24 hours or more"),
        ({"features": ["moon"]}, "choose of lags, temperature, weather, calendar, sheet"),
        ({"bag": 0}, "a bag of days trains on the future"),
        ({"test_from": "2031-01-01"}, "is not inside of the data .* Set --data.test_from"),
        ({"test_from": "first of May"}, "expected a date as 2012-01-01"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        ready(tmp_path, table(), **options)


@pytest.mark.parametrize(
    "options",
    [{"test_from": "2012-01-01", "folds": 3, "fold": 0}, {"test_from": "2012-01-01", "folds": 5, "fold": 0},
     {"test_from": None, "test_fraction": 0.5, "folds": 3, "fold": 2}],
)  # fmt: skip
def test_few_days_still_make_all_parts(tmp_path, options):
    data = ready(tmp_path, limit=10, window=168, lags=[24, 168], **options)
    assert all(data.sizes()[part] for part in ("train", "val", "test"))
    assert any("windows and the gaps of the split need as many" in note for note in data.notes)


def test_a_consumption_below_0_is_missing_and_told(tmp_path):
    frame = table()
    frame.loc[[100, 2000], "gas_m3"] = -5
    data = ready(tmp_path, frame)
    gas = data.pools["train"]["gas"].reshape(-1)
    assert np.isnan(gas[[100, 2000]]).all() and any("2 hours have a consumption below 0" in note for note in data.notes)


def test_the_scale_of_mase_reads_no_day_after_training(tmp_path):
    frame = table()
    frame.loc[frame.index[-24:], "gas_m3"] = 1e6  # the last test day
    data = ready(tmp_path, frame, features=["sheet"], window=0)
    assert data.parts["train"][0] == 0 and float(data.statistics()["naive_mae"]) == pytest.approx(24)


def test_windows_longer_than_the_series_and_no_lags_at_all(tmp_path):
    with pytest.raises(ValueError, match="No day of 5 has a whole window"):
        ready(tmp_path, table(days=5), lags=[24, 168])
    assert ready(tmp_path, table(), lags=[], features=["temperature"]).reach == 2
