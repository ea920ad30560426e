"""Which rows of a chunk break the contract, and why: by halving, never row by row through good ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlpack.errors import InputError
from mlpack.runtime.batch._arrow import Column, missing_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.runtime.predictor import Predictor

__all__ = ["bad_rows"]


def bad_rows(
    predictor: Predictor, columns: Mapping[str, Column], rows: int, *, first: bool
) -> dict[int, InputError]:
    """Return each bad row's position and its error, in order.

    Args:
        predictor: Whose contract counts.
        columns: One per input, of `rows` cells; together they were refused.
        rows: How many rows.
        first: Whether only the first one is wanted.
    """
    known = np.zeros(rows, dtype=np.bool_)
    for item in predictor.inputs:
        if not item.nulls:
            known |= missing_rows(columns[item.name])
    bad: dict[int, InputError] = {}
    # Missing values come in masses and are found at once; what remains is rare enough to be halved out.
    for start, stop in _runs(known):
        spans = ((row, row + 1) for row in range(start, stop)) if known[start] else iter(((start, stop),))
        for low, high in spans:
            for row, error in _halved(predictor, columns, low, high):
                bad[row] = error
                if first:
                    return bad
    return bad


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each stretch of equal values."""
    edges = np.flatnonzero(np.diff(mask)) + 1
    bounds = [0, *edges.tolist(), len(mask)]
    yield from itertools.pairwise(bounds)


def _halved(
    predictor: Predictor, columns: Mapping[str, Column], low: int, high: int
) -> Iterator[tuple[int, InputError]]:
    try:
        predictor.check({name: column[low:high] for name, column in columns.items()})
    except InputError as error:
        if high - low == 1:
            yield low, error
            return
        middle = (low + high) // 2
        yield from _halved(predictor, columns, low, middle)
        yield from _halved(predictor, columns, middle, high)
