"""Calendars: every part of every unit is what pandas gives, and zones are tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpack.errors import InputError
from mlpack.packing.export.watching.zones import zone_table
from mlpack.runtime.hosting.dates import PARTS, date_part, local_time, span_part

UNITS = ("s", "ms", "us", "ns")
NAMES = {part: part.replace("-", "_") for part in PARTS} | {
    "weekday": "day_of_week",
    "day-of-year": "day_of_year",
}


def _instants(unit: str) -> np.ndarray:
    days = np.arange(-60_000, 60_000, 7).astype("datetime64[D]").astype(f"datetime64[{unit}]")
    rng = np.random.default_rng(1)
    times: np.ndarray = days + rng.integers(0, 86_400_000, len(days)).astype("timedelta64[ms]").astype(
        f"timedelta64[{unit}]"
    )
    return times


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_part_is_that_of_pandas(unit: str, part: str) -> None:
    times = _instants(unit)
    series = pd.Series(times).dt
    theirs = series.isocalendar().week if part == "week" else getattr(series, NAMES[part])
    assert np.array_equal(date_part(times, part), theirs.to_numpy())


def test_a_part_of_a_missing_time_is_missing() -> None:
    times = np.array(["2024-02-29", "NaT"], dtype="datetime64[us]")
    assert date_part(times, "day").tolist()[:1] == [29.0]
    assert np.isnan(date_part(times, "day")[1])
    assert date_part(times, "is-leap-year").tolist() == [True, False]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
def test_the_table_of_a_zone_gives_its_clock(zone: str) -> None:
    at, offsets = zone_table(pd.Series(pd.to_datetime(["2024-01-01"])).dt.tz_localize(zone).dt.tz)
    around = np.array(at[1:-1])[:, None] + np.array([-1, 0, 1, 1800, 3600])
    times = np.concatenate([around.ravel(), np.arange(-(2**31), 2**32, 99_991)]).astype("datetime64[s]")
    theirs = pd.Series(times).dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    assert np.array_equal(local_time(times, np.array(at), np.array(offsets)), theirs.to_numpy())


def test_a_time_beyond_the_table_is_refused() -> None:
    times = np.array(["2024-01-01", "9999-01-01"], dtype="datetime64[s]")
    with pytest.raises(InputError, match="outside the years"):
        local_time(times, np.array([0, 4_000_000_000]), np.array([3600]))


def test_lengths_of_time_count_days_downwards() -> None:
    spans = np.array([-1, 0, 86_399, 86_400], dtype="timedelta64[s]")
    assert span_part(spans, "days").tolist() == [-1, 0, 0, 1]
    assert span_part(spans, "seconds").tolist() == [86_399, 0, 86_399, 0]
    assert span_part(spans, "total-seconds").tolist() == [-1.0, 0.0, 86_399.0, 86_400.0]
