"""What the original model refuses, learnt by asking it: missing values, infinities, unknown strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from mlpack.packing.evidence.native import Columns, NativeModel
    from mlpack.packing.example import Column, Example

__all__ = [
    "FLOAT32_MAX",
    "LARGEST",
    "UNSEEN",
    "Rules",
    "base_rows",
    "evenly",
    "learn_rules",
    "with_cell",
]

FLOAT32_MAX = 3.4028234663852886e38
SINGLE = 3.402823567797336e38
"""Largest double that becomes a finite float32."""

LARGEST = 1.7976931348623157e308
UNSEEN = "<never seen>"
"""A string that stands for every value that the model was not fitted on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the original accepts in one column; fields as in `mlpack.format.contract.Input`.

    Attributes:
        overflows: Whether it refuses the largest numbers although `limit` is None.
        ambiguous: Whether None and NaN mean different things to it, and the example does not say which.
    """

    nulls: bool
    infinities: bool
    unknown: bool
    limit: float | None
    overflows: bool = False
    ambiguous: bool = False


def evenly(rows: int, limit: int) -> np.ndarray:
    """Return the indices of at most `limit` of `rows` rows, from the first to the last, evenly spaced.

    Examples are often sorted, by class or by date: a slice of the first rows would miss whole classes.
    """
    import numpy as np

    count = min(rows, limit)
    return np.arange(count, dtype=np.int64) * (rows - 1) // max(count - 1, 1)


def base_rows(example: Example, count: int) -> Columns:
    """Return `count` ordinary rows: those of the example with the fewest missing values, in order.

    Of a large example only some thousand rows are looked at, for this is asked for hundreds of times.
    """
    import numpy as np

    places = evenly(example.rows, 2000)
    missing = np.zeros(len(places), dtype=np.int64)
    for column in example.columns:
        missing += _is_null(column.values[places])
    order = places[np.argsort(missing, kind="stable")]
    rows = np.resize(order[: min(count, len(order))], count)
    return {column.name: column.values[rows] for column in example.columns}


def _is_null(values: np.ndarray) -> np.ndarray:
    import numpy as np

    if values.dtype.kind == "M":
        return np.asarray(np.isnat(values))
    if values.dtype == object:
        return np.array([value is None for value in values], dtype=bool)
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)


def with_cell(values: np.ndarray, row: int, cell: float | str | None) -> np.ndarray:
    """Return a copy with one cell set; integers become floats when the cell needs it."""
    import numpy as np

    copy = (
        values.astype(np.float64) if values.dtype.kind == "i" and isinstance(cell, float) else values.copy()
    )
    missing = values.dtype.kind == "M" and cell != cell  # noqa: PLR0124 (NaN)
    copy[row] = "NaT" if missing else cell
    return copy


def learn_rules(native: NativeModel, *, limits: bool = True) -> dict[str, Rules]:
    """Return column name -> rules.

    Args:
        native: The original.
        limits: Whether to look for the largest number that each column accepts, where a computation of the
            original overflows at some point: dozens of questions per column. The limit of single precision
            is found either way.
    """
    columns = native.example.columns
    numeric = [column for column in columns if column.kind in ("float", "integer")]
    floats = numeric  # an integer column that takes missing values becomes one of floats
    texts = [column for column in columns if column.kind == "text"]
    dates = [column for column in columns if column.kind == "datetime"]
    nullable = _accepted(native, [*numeric, *texts, *dates], _null)
    # One of the two is enough: what a step refuses of the other, a guard in the graph refuses.
    infinite = _accepted(native, floats, lambda _: float("inf"))
    infinite |= _accepted(native, [c for c in floats if c.name not in infinite], lambda _: float("-inf"))
    wide = [
        column
        for column in numeric
        if (column.kind == "float" and column.dtype == "float64")
        or (column.kind == "integer" and column.name in nullable and _holds_fractions(native, column))
    ]
    huge = _accepted(native, wide, lambda _: LARGEST)
    bounded = [column for column in wide if column.name not in huge | infinite]
    found = _limits(native, bounded, search=limits)
    unknown = _accepted(native, texts, lambda _: UNSEEN)
    ambiguous = {column.name for column in texts if _tells_markers_apart(native, column)}
    nullable -= ambiguous
    return {
        column.name: Rules(
            nulls=column.name in nullable,
            infinities=column.name in infinite and (column.kind == "float" or column.name in nullable),
            unknown=column.kind != "text" or column.name in unknown,
            limit=found.get(column.name),
            overflows=column.name in {item.name for item in bounded} - found.keys(),
            ambiguous=column.name in ambiguous,
        )
        for column in columns
    }


def _tells_markers_apart(native: NativeModel, column: Column) -> bool:
    """Return whether None and NaN mean different things in a column of objects that never missed a cell.

    A bundle knows one missing value. Which of the two a caller means cannot be told, so neither is taken.
    """
    import numpy as np

    if native.example.library != "pandas" or native.example.flat or column.source != "object":
        return False
    if _is_null(column.values).any():
        return False  # the example says which marker is meant
    rows = dict(base_rows(native.example, 1))
    rows[column.name] = with_cell(rows[column.name], 0, None)
    found, refusals = [], 0
    for marker in (None, float("nan")):
        frame = native.example.build(rows)
        label = frame.columns[[item.name for item in native.example.columns].index(column.name)]
        frame[label] = np.array([marker], dtype=object)
        answers = native.answers_for(frame)
        if isinstance(answers, Exception):
            refusals += 1
        else:
            found.append(answers)
    if refusals:
        return refusals == 1
    return any(
        not np.array_equal(found[0][method], answer, equal_nan=answer.dtype.kind == "f")
        for method, answer in found[1].items()
    )


def _holds_fractions(native: NativeModel, column: Column) -> bool:
    """Return whether an integer column becomes one of floats as NumPy's do, rather than refuse a fraction."""
    return native.example.library != "polars" and column.source.islower() and "[" not in column.source


def _limits(native: NativeModel, columns: Sequence[Column], *, search: bool) -> dict[str, float]:
    """Return the largest number that the original accepts in each of some columns."""
    narrow = _accepted(native, columns, lambda _: SINGLE)
    wider = _accepted(native, columns, lambda _: 2 * FLOAT32_MAX)
    found = {column.name: SINGLE for column in columns if column.name in narrow - wider}
    rest = [column for column in columns if column.name not in found]
    limits = {column.name: _bisect(native, column) for column in rest} if search else {}
    return {**found, **{name: limit for name, limit in limits.items() if limit is not None}}


def _bisect(native: NativeModel, column: Column) -> float | None:
    """Return the largest accepted number; None when not even the example's own size is accepted alone."""
    import numpy as np

    finite = np.abs(column.values[np.isfinite(column.values)])
    low = float(finite.max(initial=1.0)) or 1.0
    if column.name not in _accepted(native, [column], lambda _: low):
        return None
    # Positive doubles are ordered as their bits are.
    bits = np.array([low, LARGEST]).view(np.int64)
    accepted, refused = int(bits[0]), int(bits[1])
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        value = float(np.array([middle]).view(np.float64)[0])
        if _accepted(native, [column], lambda _, value=value: value):  # type: ignore[misc]
            accepted = middle
        else:
            refused = middle
    return float(np.array([accepted]).view(np.float64)[0])


def _null(column: Column) -> float | str | None:
    return "NaT" if column.kind == "datetime" else None if column.kind == "text" else float("nan")


def _accepted(
    native: NativeModel, columns: Sequence[Column], cell: Callable[[Column], float | str | None]
) -> set[str]:
    """Return the names of the columns in which the original accepts such a cell.

    All at once first, a row per column; only when that is refused, row by row.
    """
    if not columns:
        return set()
    rows = dict(base_rows(native.example, len(columns)))
    for row, column in enumerate(columns):
        rows[column.name] = with_cell(rows[column.name], row, cell(column))
    if native.accepts(rows):
        return {column.name for column in columns}
    if len(columns) == 1:
        return set()
    answers = native.accepts_each(rows)
    return {column.name for column, accepted in zip(columns, answers, strict=True) if accepted}
