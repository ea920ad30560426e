"""Instants as callers have them: any library, any unit, ISO texts; zones are never guessed."""

# ruff: noqa: ANN401, DTZ001 - columns of any library; bare clock times are meant
from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlpack.errors import InputError
from mlpack.runtime._dates import column_to_dates
from mlpack.runtime._findings import Findings

MOMENT = dt.datetime(2024, 5, 6, 7, 8, 9)


def _read(column: Any, unit: str = "us", *, zone: bool = False) -> Any:
    findings = Findings()
    values = column_to_dates(column, unit, "when", findings, zone=zone)
    findings.settle()
    return values


@pytest.mark.parametrize(
    "column",
    [
        [MOMENT],
        ["2024-05-06T07:08:09"],
        ["2024-05-06 07:08:09.000000000"],
        [pd.Timestamp(MOMENT)],
        [np.datetime64("2024-05-06T07:08:09")],
        np.array(["2024-05-06T07:08:09"], dtype="datetime64[ns]"),
        pd.Series([MOMENT]),
        pd.Series([MOMENT]).astype("datetime64[ns]"),
        pd.Series([MOMENT], dtype=object),
        pl.Series([MOMENT]),
        pa.array([MOMENT]),
        pa.array([MOMENT], pa.timestamp("ns")),
        pa.chunked_array([[MOMENT]]),
    ],
)
def test_every_form_of_a_clock_time_is_read(column: Any) -> None:
    assert _read(column).tolist() == [MOMENT]


@pytest.mark.parametrize(
    "column",
    [
        ["2024-05-06T07:08:09+02:00"],
        ["2024-05-06T05:08:09Z"],
        pd.Series([MOMENT]).dt.tz_localize("Europe/Berlin"),
        pl.Series([MOMENT]).dt.replace_time_zone("Europe/Berlin"),
        pa.array([dt.datetime(2024, 5, 6, 5, 8, 9, tzinfo=dt.UTC)]).cast(pa.timestamp("ms", "Europe/Berlin")),
    ],
)
def test_a_point_in_time_is_held_in_utc(column: Any) -> None:
    assert _read(column, zone=True).tolist() == [dt.datetime(2024, 5, 6, 5, 8, 9)]


@pytest.mark.parametrize(
    ("column", "zone", "found"),
    [
        ([MOMENT], True, "found a date and time without a zone"),
        (["2024-05-06T05:08:09Z"], False, r"found a point in time \(with a zone\)"),
        (pd.Series([MOMENT]), True, "found a date and time without a zone"),
        (pa.array([MOMENT]), True, "found a date and time without a zone"),
        ([1714979289], False, "found int"),
        (["06.05.2024"], False, "not in ISO 8601"),
        (["2024-05-06T05:08:09.1234567890"], False, "more than nine digits"),
        (["2024-05-06T05:08:09.123456789"], False, "finer than the column's unit"),
        (np.arange(3), False, "found int64"),
    ],
)
def test_what_is_no_such_instant_is_refused(column: Any, zone: bool, found: str) -> None:  # noqa: FBT001
    with pytest.raises(InputError, match=found):
        _read(column, zone=zone)


def test_what_is_missing_becomes_nat() -> None:
    assert np.isnat(_read([None, float("nan"), pd.NaT, np.datetime64("NaT")])).all()
