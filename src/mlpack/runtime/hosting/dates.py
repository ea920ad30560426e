"""Parts of instants: year, hour, weekday, ... as pandas and polars give them, from integers alone.

Time zones are tables of the changes of their offset, made by the library that trained the model. So no zone
data of this machine takes part, and no later change of it changes a prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.errors import InputError

__all__ = ["PARTS", "date_part", "difference", "local_time", "span_part"]

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def local_time(instants: NDArray[Any], at: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[Any]:
    """Return the wall clock of a zone.

    Args:
        instants: UTC, datetime64 of any unit, shape `(N,)`.
        at: Seconds since 1970 from which each offset holds, ascending; the last one is where the table ends.
        offsets: Seconds east of Greenwich, one fewer than `at`.

    Raises:
        InputError: An instant lies outside the table.
    """
    unit = np.datetime_data(instants.dtype)[0]
    seconds = instants.astype("datetime64[s]").astype(np.int64)
    missing = np.isnat(instants)
    inside = (seconds >= at[0]) & (seconds < at[-1])
    if not (inside | missing).all():
        row = int((~(inside | missing)).argmax())
        raise InputError("a time outside the years that the zone's table covers", where=f"rows: row {row}")
    places = np.where(missing, 0, np.searchsorted(at, seconds, side="right") - 1)
    shift = (offsets[places] * _PER_SECOND[unit]).astype(f"timedelta64[{unit}]")
    return np.asarray(instants + shift)


def date_part(times: NDArray[Any], part: str) -> NDArray[Any]:
    """Return one part of wall-clock times: int64 or bool; float64 with NaN where a time is missing."""
    missing = np.isnat(times)
    if not missing.any():
        return PARTS[part](times)
    known = np.where(missing, np.zeros(1, dtype=times.dtype), times)
    found = PARTS[part](known)
    if found.dtype == np.bool_:
        return np.asarray(found & ~missing)
    return np.where(missing, np.nan, found)


def difference(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return left - right as timedelta64 of the finer unit."""
    return np.asarray(left - right)


def span_part(spans: NDArray[Any], part: str) -> NDArray[Any]:
    """Return one part of timedelta64: `days` and `seconds` of the rest (int64), or all of it in seconds."""
    unit = np.datetime_data(spans.dtype)[0]
    per_second = _PER_SECOND[unit]
    missing = np.isnat(spans)
    counts = np.where(missing, 0, spans.astype(np.int64))
    if part == "total-seconds":
        found: NDArray[Any] = counts / per_second
    elif part == "split-seconds":  # as pandas divides since 3.1
        whole, rest = np.divmod(counts, per_second)
        found = whole + rest / per_second
    else:
        days, rest = np.divmod(counts, 86_400 * per_second)
        found = days if part == "days" else rest // per_second
    return np.where(missing, np.nan, found) if missing.any() else found


def _days(times: NDArray[Any]) -> NDArray[np.int64]:
    return times.astype("datetime64[D]").astype(np.int64)


def _months(times: NDArray[Any]) -> NDArray[np.int64]:
    return times.astype("datetime64[M]").astype(np.int64)


def _year(times: NDArray[Any]) -> NDArray[np.int64]:
    return times.astype("datetime64[Y]").astype(np.int64) + 1970


def _day(times: NDArray[Any]) -> NDArray[np.int64]:
    return _days(times) - _days(times.astype("datetime64[M]")) + 1


def _day_of_year(times: NDArray[Any]) -> NDArray[np.int64]:
    return _days(times) - _days(times.astype("datetime64[Y]")) + 1


def _days_in_month(times: NDArray[Any]) -> NDArray[np.int64]:
    month = times.astype("datetime64[M]")
    return _days(month + np.timedelta64(1, "M")) - _days(month)


def _leap(times: NDArray[Any]) -> NDArray[np.bool_]:
    year = _year(times)
    return np.asarray((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0)), dtype=np.bool_)


def _clock(per: int, wrap: int) -> Callable[[NDArray[Any]], NDArray[np.int64]]:
    """Return a function that counts whole `per` seconds, modulo `wrap`."""

    def read(times: NDArray[Any]) -> NDArray[np.int64]:
        per_second = _PER_SECOND[np.datetime_data(times.dtype)[0]]
        return times.astype(np.int64) // (per * per_second) % wrap

    return read


def _microsecond(times: NDArray[Any]) -> NDArray[np.int64]:
    per_second = _PER_SECOND[np.datetime_data(times.dtype)[0]]
    rest = times.astype(np.int64) % per_second
    return rest // 1_000 if per_second > 1_000_000 else rest * (1_000_000 // per_second)


def _nanosecond(times: NDArray[Any]) -> NDArray[np.int64]:
    per_second = _PER_SECOND[np.datetime_data(times.dtype)[0]]
    return times.astype(np.int64) % 1_000 if per_second > 1_000_000 else np.zeros(len(times), dtype=np.int64)


def _week(times: NDArray[Any]) -> NDArray[np.int64]:
    """Return the ISO 8601 week: that of the Thursday of the same week."""
    days = _days(times)
    thursday = (days - (days + 3) % 7 + 3).astype("datetime64[D]")
    return (_day_of_year(thursday) - 1) // 7 + 1


PARTS: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "year": _year,
    "month": lambda times: _months(times) % 12 + 1,
    "day": _day,
    "hour": _clock(3600, 24),
    "minute": _clock(60, 60),
    "second": _clock(1, 60),
    "microsecond": _microsecond,
    "nanosecond": _nanosecond,
    "weekday": lambda times: (_days(times) + 3) % 7,
    "day-of-year": _day_of_year,
    "week": _week,
    "quarter": lambda times: _months(times) % 12 // 3 + 1,
    "days-in-month": _days_in_month,
    "is-leap-year": _leap,
    "is-month-start": lambda times: _day(times) == 1,
    "is-month-end": lambda times: _day(times) == _days_in_month(times),
    "is-quarter-start": lambda times: (_day(times) == 1) & (_months(times) % 3 == 0),
    "is-quarter-end": lambda times: (_day(times) == _days_in_month(times)) & (_months(times) % 3 == 2),
    "is-year-start": lambda times: _day_of_year(times) == 1,
    "is-year-end": lambda times: (_months(times) % 12 == 11) & (_day(times) == 31),
}
"""Part -> function of wall-clock times without missing ones, datetime64 of s, ms, us or ns."""
