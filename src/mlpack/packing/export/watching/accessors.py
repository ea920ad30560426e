"""`.dt` and `.str` of a column under observation."""

# ruff: noqa: ANN401, D107 - they stand for classes of pandas
from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpack.format.host_operations import CHAINABLE
from mlpack.format.patterns import slow_pattern
from mlpack.packing.export.watching.series import NotTraceable, TracedSeries
from mlpack.packing.export.watching.zones import local

__all__ = ["Dates", "Texts"]

_PARTS = {
    **{
        name: name
        for name in ("year", "month", "day", "hour", "minute", "second", "microsecond", "nanosecond")
    },
    **dict.fromkeys(("weekday", "dayofweek", "day_of_week"), "weekday"),
    **dict.fromkeys(("dayofyear", "day_of_year"), "day-of-year"),
    **dict.fromkeys(("days_in_month", "daysinmonth"), "days-in-month"),
    "quarter": "quarter",
    **{
        f"is_{period}_{end}": f"is-{period}-{end}"
        for period in ("month", "quarter", "year")
        for end in ("start", "end")
    },
    "is_leap_year": "is-leap-year",
}


class Dates:
    """Parts of instants, on the wall clock of their zone, and of lengths of time."""

    def __init__(self, column: TracedSeries) -> None:
        self._column = column

    def __getattr__(self, name: str) -> TracedSeries:
        column = self._column
        if column.form == "span":
            if name not in ("days", "seconds"):
                raise NotTraceable(f".dt.{name} of lengths of time")
            return self._made(getattr(column.native.dt, name), "span-part", column.value, name)
        if name not in _PARTS:
            raise NotTraceable(f".dt.{name}; these are known: {', '.join(_PARTS)}")
        native = getattr(column.native.dt, name)
        return self._made(native, "date-part", local(column), _PARTS[name])

    def total_seconds(self) -> TracedSeries:
        """Return lengths of time in seconds."""
        if self._column.form != "span":
            raise NotTraceable(".dt.total_seconds of instants")
        native = self._column.native.dt.total_seconds()
        counts = self._column.native.to_numpy()
        from mlpack.runtime.hosting.dates import span_part

        for part in ("total-seconds", "split-seconds"):  # pandas has changed the order of its divisions
            if np.array_equal(span_part(counts, part), native.to_numpy(), equal_nan=True):
                return self._made(native, "span-part", self._column.value, part)
        raise NotTraceable(".dt.total_seconds of this pandas")

    def isocalendar(self) -> _Calendar:
        """Return the ISO 8601 calendar."""
        return _Calendar(self._column)

    def _made(self, native: Any, operation: str, value: str, part: str) -> TracedSeries:
        hosting, nulls = self._column.hosting, self._column.nulls
        nulls = nulls and native.dtype.kind != "b"
        return TracedSeries(native, hosting.step(operation, value, part=part), nulls, hosting)


class _Calendar:
    """The ISO 8601 calendar of a column."""

    def __init__(self, column: TracedSeries) -> None:
        self._column = column

    @property
    def week(self) -> TracedSeries:
        """Return the week of the year."""
        column = self._column
        native = column.native.dt.isocalendar().week.astype("float64" if column.nulls else "int64")
        value = column.hosting.step("date-part", local(column), part="week")
        return TracedSeries(native, value, column.nulls, column.hosting)


class Texts:
    """Methods of texts, cell by cell."""

    def __init__(self, column: TracedSeries) -> None:
        self._column = column

    def __getattr__(self, name: str) -> Callable[..., TracedSeries]:
        if name not in CHAINABLE or name == "replace":
            raise NotTraceable(f".str.{name}")
        column = self._column

        def call(*arguments: str) -> TracedSeries:
            if not all(type(argument) is str for argument in arguments):
                raise NotTraceable(f".str.{name} with such arguments")
            native = getattr(column.native.str, name)(*arguments)
            value = column.hosting.step("change-text", column.value, methods=[[name, *arguments]])
            return TracedSeries(native, value, column.nulls, column.hosting)

        return call

    def len(self) -> TracedSeries:
        """Return the number of characters."""
        column = self._column
        value = column.hosting.step("text-length", column.value)
        return TracedSeries(column.native.str.len(), value, column.nulls, column.hosting)

    def replace(self, old: str, new: str, *, regex: bool = False) -> TracedSeries:
        """Return texts with one text for another."""
        if regex or type(old) is not str or type(new) is not str:
            raise NotTraceable(".str.replace with a pattern; use plain texts and regex=False")
        column = self._column
        value = column.hosting.step("change-text", column.value, methods=[["replace", old, new]])
        native = column.native.str.replace(old, new, regex=False)
        return TracedSeries(native, value, column.nulls, column.hosting)

    def contains(self, pattern: str, *, regex: bool = True) -> TracedSeries:
        """Return whether a pattern is found."""
        native = self._column.native.str.contains(pattern, regex=regex)
        return self._found(native, pattern if regex else re.escape(pattern), "anywhere")

    def startswith(self, text: str) -> TracedSeries:
        """Return whether texts begin so."""
        return self._found(self._column.native.str.startswith(text), re.escape(text), "start")

    def match(self, pattern: str) -> TracedSeries:
        """Return whether texts begin with a pattern."""
        return self._found(self._column.native.str.match(pattern), pattern, "start")

    def fullmatch(self, pattern: str) -> TracedSeries:
        """Return whether texts are a pattern."""
        return self._found(self._column.native.str.fullmatch(pattern), pattern, "all")

    def _found(self, native: Any, pattern: str, whole: str) -> TracedSeries:
        column = self._column
        if column.nulls:
            raise NotTraceable("a search in texts of which some are missing; use fillna first")
        if reason := slow_pattern(pattern):
            raise NotTraceable(f"a pattern that may never end for some texts: {reason}")
        value = column.hosting.step("search-text", column.value, pattern=pattern, whole=whole)
        return TracedSeries(native.astype(bool), value, False, column.hosting)  # noqa: FBT003
