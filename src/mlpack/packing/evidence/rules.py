"""What the original model refuses, learnt by asking it: missing values, infinities, unknown strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from mlpack.packing.evidence.native import Columns, NativeModel
    from mlpack.packing.example import Column, Example

__all__ = ["FLOAT32_MAX", "UNSEEN", "Rules", "base_rows", "evenly", "learn_rules", "with_cell"]

FLOAT32_MAX = 3.4028234663852886e38
UNSEEN = "<never seen>"
"""A string that stands for every value that the model was not fitted on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the original accepts in one column; fields as in `mlpack.format.contract.Input`."""

    nulls: bool
    infinities: bool
    unknown: bool
    limit: float | None


def evenly(rows: int, limit: int) -> np.ndarray:
    """Return the indices of at most `limit` of `rows` rows, from the first to the last, evenly spaced.

    Examples are often sorted, by class or by date: a slice of the first rows would miss whole classes.
    """
    import numpy as np

    count = min(rows, limit)
    return np.arange(count, dtype=np.int64) * (rows - 1) // max(count - 1, 1)


def base_rows(example: Example, count: int) -> Columns:
    """Return `count` ordinary rows: those of the example with the fewest missing values, in order."""
    import numpy as np

    missing = np.zeros(example.rows, dtype=np.int64)
    for column in example.columns:
        missing += _is_null(column.values)
    order = np.argsort(missing, kind="stable")
    rows = np.resize(order[: min(count, example.rows)], count)
    return {column.name: column.values[rows] for column in example.columns}


def _is_null(values: np.ndarray) -> np.ndarray:
    import numpy as np

    if values.dtype == object:
        return np.array([value is None for value in values], dtype=bool)
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)


def with_cell(values: np.ndarray, row: int, cell: float | str | None) -> np.ndarray:
    """Return a copy with one cell set; integers become floats when the cell needs it."""
    import numpy as np

    copy = (
        values.astype(np.float64) if values.dtype.kind == "i" and isinstance(cell, float) else values.copy()
    )
    copy[row] = cell
    return copy


def learn_rules(native: NativeModel) -> dict[str, Rules]:
    """Return column name -> rules."""
    columns = native.example.columns
    numeric = [column for column in columns if column.kind in ("float", "integer")]
    floats = [column for column in columns if column.kind == "float"]
    texts = [column for column in columns if column.kind == "text"]
    nullable = _accepted(native, [*numeric, *texts], _null)
    infinite = _accepted(native, floats, lambda _: float("inf"))
    huge = _accepted(native, floats, lambda _: 2 * FLOAT32_MAX)
    unknown = _accepted(native, texts, lambda _: UNSEEN)
    return {
        column.name: Rules(
            nulls=column.name in nullable,
            infinities=column.name in infinite,
            unknown=column.kind != "text" or column.name in unknown,
            limit=FLOAT32_MAX if column.kind == "float" and column.name not in huge | infinite else None,
        )
        for column in columns
    }


def _null(column: Column) -> float | None:
    return None if column.kind == "text" else float("nan")


def _accepted(
    native: NativeModel, columns: Sequence[Column], cell: Callable[[Column], float | str | None]
) -> set[str]:
    """Return the names of the columns in which the original accepts such a cell.

    All at once first, a row per column; only when that is refused, one column at a time.
    """
    if not columns:
        return set()
    rows = dict(base_rows(native.example, len(columns)))
    for row, column in enumerate(columns):
        rows[column.name] = with_cell(rows[column.name], row, cell(column))
    if native.accepts(rows):
        return {column.name for column in columns}
    one = base_rows(native.example, 1)
    return {
        column.name
        for column in columns
        if native.accepts({**one, column.name: with_cell(one[column.name], 0, cell(column))})
    }
