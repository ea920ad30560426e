"""Time zones as data: when which offset begins to hold, asked of the library that trained the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mlpack.packing.export.watching.series import TracedSeries

__all__ = ["local", "zone_table"]

_FIRST, _LAST = -9_214_560_000, 9_214_646_400
"""Seconds since 1970 of 1678-01-01 and 2261-12-31: what pandas holds in nanoseconds."""


def local(column: TracedSeries) -> str:
    """Return the host's value of a column of instants on its own wall clock."""
    zone = getattr(column.native.dtype, "tz", None)
    if zone is None:
        return column.value
    at, offsets = zone_table(zone)
    return column.hosting.step("local-time", column.value, at=at, offsets=offsets)


def zone_table(zone: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401 (any tzinfo)
    """Return the seconds from which each offset holds, the end of the table, and the offsets in seconds."""
    days = np.arange(_FIRST, _LAST, 86_400)
    offsets = _offsets(days, zone)
    low = np.flatnonzero(np.diff(offsets))
    left, right = days[low], days[low + 1]
    before = offsets[low]
    while (right - left > 1).any():  # all changes at once, each to the second
        middle = (left + right) // 2
        early = _offsets(middle, zone) == before
        left, right = np.where(early, middle, left), np.where(early, right, middle)
    at = [int(_FIRST), *right.tolist(), int(_LAST)]
    return at, [int(offsets[0]), *offsets[low + 1].tolist()]


def _offsets(seconds: np.ndarray, zone: Any) -> np.ndarray:  # noqa: ANN401
    """Return the offset east of Greenwich at each of some instants, in seconds."""
    import pandas as pd

    instants = pd.DatetimeIndex(seconds.astype("datetime64[s]"))
    wall = instants.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return np.asarray(np.asarray(wall).astype("datetime64[s]").astype(np.int64) - seconds)
