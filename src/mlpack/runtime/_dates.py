"""One column of instants, whatever library holds it, as datetime64 of the contract's unit.

A point in time (with a zone) and a bare clock time (without) are different things: which of them a column
holds is part of the contract, and neither is guessed from the other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.runtime._cells import EXPECTED, CellError, is_null, kind_of
from mlpack.runtime._columns import dtype_name, loaded
from mlpack.runtime._findings import Findings

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["column_to_dates"]

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_ZONED = "a point in time (with a zone)"
_BARE = "a date and time without a zone"


def column_to_dates(
    column: object, unit: str, name: str, findings: Findings, *, zone: bool
) -> NDArray[np.datetime64] | None:
    """Return a column of instants, shape `(N,)`; UTC where they have a zone, NaT where they are missing.

    Returns:
        None when a cell does not fit; `findings` then says which.
    """
    if isinstance(column, loaded("pandas", "Series", "Index")):
        series: Any = column
        if getattr(series.dtype, "kind", "O") == "M":
            has_zone = getattr(series.dtype, "tz", None) is not None
            # What pandas holds inside is UTC.
            values = series.array.asi8.view(
                f"datetime64[{series.dt.unit if hasattr(series, 'dt') else series.unit}]"
            )
            return _native(values, unit, name, findings, zone=zone, has_zone=has_zone)
        column = series.to_numpy(dtype=object)
    elif isinstance(column, loaded("polars", "Series")):
        frame: Any = column
        column = frame.to_list()
    elif isinstance(column, loaded("pyarrow", "Array", "ChunkedArray")):
        arrow: Any = column
        if str(arrow.type).startswith("timestamp"):
            return _from_arrow(arrow, unit, name, findings, zone=zone)
        column = arrow.to_pylist()
    if isinstance(column, np.ndarray):
        if column.ndim != 1:
            findings.broken(name, f"expected one cell per row, found an array of {column.ndim} dimensions")
            return None
        if column.dtype.kind == "M":
            return _native(column, unit, name, findings, zone=zone, has_zone=False)
        if column.dtype.kind not in "OUT":
            findings.wrong(name, 0, EXPECTED["datetime"], dtype_name(column.dtype), rows=len(column))
            return None
        column = column.tolist()
    return _from_cells(column, unit, name, findings, zone=zone)  # type: ignore[arg-type]


def _from_arrow(
    arrow: Any,  # noqa: ANN401  (pyarrow, which verifying and serving need not have)
    unit: str,
    name: str,
    findings: Findings,
    *,
    zone: bool,
) -> NDArray[np.datetime64] | None:
    import pyarrow as pa

    # What Arrow holds inside is UTC where there is a zone; NaT is the smallest integer.
    counts = arrow.cast(pa.int64()).fill_null(_NAT).to_numpy()
    values = counts.view(f"datetime64[{arrow.type.unit}]")
    has_zone = arrow.type.tz is not None
    return _native(values, unit, name, findings, zone=zone, has_zone=has_zone)


def _native(
    values: NDArray[np.datetime64], unit: str, name: str, findings: Findings, *, zone: bool, has_zone: bool
) -> NDArray[np.datetime64] | None:
    if zone != has_zone and len(values):
        findings.wrong(name, 0, _ZONED if zone else _BARE, _ZONED if has_zone else _BARE, rows=len(values))
        return None
    result = values.astype(f"datetime64[{unit}]")
    # Numbers wrap around silently where a finer unit does not reach.
    wrong = (result.astype(values.dtype) != values) & ~np.isnat(values)
    coarser = np.abs(result.astype("datetime64[s]") - values.astype("datetime64[s]")) > np.timedelta64(1, "s")
    if (wrong & coarser).any():
        findings.wrong(
            name, int((wrong & coarser).argmax()), EXPECTED["datetime"], f"one beyond datetime64[{unit}]"
        )
        return None
    if wrong.any():
        found = f"one finer than the column's unit ({unit})"
        findings.wrong(name, int(wrong.argmax()), EXPECTED["datetime"], found, rows=int(wrong.sum()))
        return None
    return result


def _from_cells(
    cells: Sequence[object], unit: str, name: str, findings: Findings, *, zone: bool
) -> NDArray[np.datetime64] | None:
    counts: list[int] = []
    first: tuple[int, CellError] | None = None
    wrong = 0
    for row, cell in enumerate(cells):
        try:
            counts.append(_count(cell, unit, zone=zone))
        except CellError as error:
            first, wrong = first or (row, error), wrong + 1
    if first is not None:
        findings.wrong(name, first[0], first[1].expected, first[1].found, rows=wrong)
        return None
    return np.array(counts, dtype=np.int64).view(f"datetime64[{unit}]")


_NAT = -(2**63)
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (bare clock times are counted from a bare one)


def _count(cell: object, unit: str, *, zone: bool) -> int:
    """Return a cell as a number of units since 1970."""
    if is_null(cell) or (isinstance(cell, np.datetime64) and np.isnat(cell)):
        return _NAT
    fraction = 0
    if isinstance(cell, str):
        cell, fraction = _parsed(cell)
    if isinstance(cell, np.datetime64):
        return _whole(int(cell.astype("datetime64[ns]").astype(np.int64)), unit, zone=zone, has_zone=False)
    if not isinstance(cell, dt.datetime):
        if not isinstance(cell, dt.date):
            raise CellError(EXPECTED["datetime"], kind_of(cell))
        cell = dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 (a day has no zone)
    has_zone = cell.tzinfo is not None
    bare = cell.astimezone(dt.UTC).replace(tzinfo=None) if has_zone else cell
    apart = bare - _EPOCH
    total = (apart.days * 86_400 + apart.seconds) * 1_000_000_000 + apart.microseconds * 1_000
    total += int(getattr(cell, "nanosecond", 0)) + fraction
    return _whole(total, unit, zone=zone, has_zone=has_zone)


def _whole(nanoseconds: int, unit: str, *, zone: bool, has_zone: bool) -> int:
    if zone != has_zone:
        raise CellError(_ZONED if zone else _BARE, _ZONED if has_zone else _BARE)
    count, rest = divmod(nanoseconds, 1_000_000_000 // _PER_SECOND[unit])
    if rest:
        raise CellError(EXPECTED["datetime"], f"one finer than the column's unit ({unit})")
    if not -(2**63) < count < 2**63:
        raise CellError(EXPECTED["datetime"], f"one beyond datetime64[{unit}]")
    return count


def _parsed(text: str) -> tuple[dt.datetime, int]:
    """Return ISO 8601 as written in JSON and CSV, and the nanoseconds that Python's type does not hold."""
    fraction = 0
    head, dot, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    if dot and digits > 6:
        if digits > 9:
            raise CellError(EXPECTED["datetime"], "a text with more than nine digits of a second")
        fraction = int(tail[6:digits].ljust(3, "0"))
        text = f"{head}.{tail[:6]}{tail[digits:]}"
    try:
        return dt.datetime.fromisoformat(text), fraction
    except ValueError:
        raise CellError(EXPECTED["datetime"], "a text that is not in ISO 8601") from None
