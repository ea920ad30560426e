"""Counting what a table looks like, in the bins and categories that the contract has."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mlpack.errors import InputError
from mlpack.format.contract import CategoricalProfile, Input, NumericProfile
from mlpack.runtime._dates import column_to_dates
from mlpack.runtime._findings import Findings
from mlpack.runtime.batch._arrow import Column, missing_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Counts", "Tally"]

Counts = dict[str, dict[str, Any]]
"""Column -> `rows`, `missing`, `counts` (per bin or category), `below`, `above`, `infinite`, `unknown`."""

_FEW = 64
"""Up to so many edges, one comparison per edge is quicker than a search per value."""


class Tally:
    """Counts over the columns that it is shown, from several threads at once; sums forget their order."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        """Start from nothing."""
        self._inputs = tuple(inputs)
        self._lock = threading.Lock()
        self._known = {
            item.name: {text: index for index, text in enumerate(item.profile.categories)}
            for item in inputs
            if isinstance(item.profile, CategoricalProfile)
        }
        self.counts: Counts = {item.name: _nothing(item) for item in inputs}

    def see(self, columns: Mapping[str, Column], rows: int) -> None:
        """Count some rows."""
        found = {item.name: self._count(item, columns[item.name], rows) for item in self._inputs}
        self.add(found)

    def add(self, counts: Counts) -> None:
        """Add what another tally of the same contract counted."""
        with self._lock:
            for name, more in counts.items():
                mine = self.counts[name]
                for key, value in more.items():
                    if key == "counts":
                        mine[key] = [a + b for a, b in zip(mine[key], value, strict=True)]
                    else:
                        mine[key] += value

    def _count(self, item: Input, column: Column, rows: int) -> dict[str, Any]:
        found: dict[str, Any] = {"rows": rows}
        match item.profile:
            case NumericProfile() as profile:
                values = _instants(item, column) if item.dtype == "datetime" else _floats(column)
                found |= _numbers(profile, values, rows)
            case CategoricalProfile():
                found |= _categories(self._known[item.name], _with_counts(column), rows)
            case None:
                found["missing"] = int(np.count_nonzero(missing_rows(column)))
        return found


def _nothing(item: Input) -> dict[str, Any]:
    start: dict[str, Any] = {"rows": 0, "missing": 0}
    match item.profile:
        case NumericProfile(shares=shares):
            return start | {"counts": [0] * len(shares), "below": 0, "above": 0, "infinite": 0}
        case CategoricalProfile(shares=shares):
            return start | {"counts": [0] * len(shares), "unknown": 0}
        case None:
            return start


def _instants(item: Input, column: Column) -> NDArray[Any]:
    """Return instants, which the contract accepted, in its unit since 1970; missing ones as NaN."""
    dates = column_to_dates(column, item.unit, item.name, Findings(), zone=item.zone)
    if dates is None:  # not after the contract's own check
        raise InputError("expected dates and times", where=f"column {item.name[:80]!r}")
    values = dates.astype(np.int64).astype(np.float64)
    values[np.isnat(dates)] = np.nan
    return values


def _floats(column: Column) -> NDArray[Any]:
    """Return what is not missing, apart from NaN, as numbers."""
    if isinstance(column, np.ma.MaskedArray):
        column = column.compressed()
    elif not isinstance(column, np.ndarray):
        column = np.array([np.nan if cell is None else float(cell) for cell in column], dtype=np.float64)
    values: NDArray[Any] = column
    return values.astype(np.int8) if values.dtype.kind == "b" else values


def _numbers(profile: NumericProfile, values: NDArray[Any], rows: int) -> dict[str, Any]:
    present = len(values) if values.dtype.kind != "f" else int(np.count_nonzero(values == values))  # noqa: PLR0124
    below = int(np.count_nonzero(values < profile.minimum))
    above = int(np.count_nonzero(values > profile.maximum))
    low = high = 0
    if values.dtype.kind == "f" and (below or above):
        low, high = (int(np.count_nonzero(values == bound)) for bound in (-np.inf, np.inf))
    inner = profile.edges[1:-1]
    if len(inner) <= _FEW:
        beyond = [int(np.count_nonzero(values >= edge)) for edge in inner]  # NaN is beyond no edge
    else:
        sorted_values = np.sort(values[values == values])  # noqa: PLR0124
        beyond = (present - np.searchsorted(sorted_values, inner, side="left")).tolist()
    steps = [present, *beyond, 0]
    counts = [here - there for here, there in itertools.pairwise(steps)]
    counts[0] -= low
    counts[-1] -= high
    return {
        "missing": rows - present,
        "counts": counts,
        "below": below,
        "above": above,
        "infinite": low + high,
    }


def _with_counts(column: Column) -> list[tuple[str, int]]:
    """Return the distinct values of a column, without what is missing, and how often each is there."""
    if isinstance(column, pa.DictionaryArray):
        indices = column.indices.drop_null() if column.null_count else column.indices
        often = np.bincount(indices.to_numpy(zero_copy_only=False), minlength=len(column.dictionary))
        return list(zip(column.dictionary.to_pylist(), often.tolist(), strict=True))
    values = column.compressed() if isinstance(column, np.ma.MaskedArray) else np.asarray(column)
    true = int(np.count_nonzero(values))
    return [("False", len(values) - true), ("True", true)]


def _categories(known: Mapping[str, int], values: list[tuple[str, int]], rows: int) -> dict[str, Any]:
    counts = [0] * len(known)
    unknown = present = 0
    for text, often in values:
        present += often
        place = known.get(text)
        if place is None:
            unknown += often
        else:
            counts[place] += often
    return {"missing": rows - present, "counts": counts, "unknown": unknown}
