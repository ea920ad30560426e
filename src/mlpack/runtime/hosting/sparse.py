"""Sparse rows and what steps do to them. Sums run in the original's order, so results repeat to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.errors import InputError
from mlpack.runtime.hosting.murmur import hash32
from mlpack.runtime.hosting.terms import Analyze

__all__ = [
    "SparseRows",
    "count_terms",
    "hash_terms",
    "normalise_rows",
    "pick_columns",
    "scale_columns",
    "weigh_terms",
]


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A sparse matrix by rows.

    Attributes:
        starts: Row i holds the entries from `starts[i]` to before `starts[i + 1]`; shape `(N + 1,)`, int64.
        columns: Column of every entry, ascending in each row; int64.
        values: Value of every entry.
        width: Number of columns.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[Any]
    width: int

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def longest(self) -> int:
        """Most entries in one row."""
        return int(np.diff(self.starts).max(initial=0))

    def __getitem__(self, span: slice) -> SparseRows:
        """Return some neighbouring rows."""
        starts = self.starts[span.start : span.stop + 1]
        first, last = int(starts[0]), int(starts[-1])
        return SparseRows(starts - first, self.columns[first:last], self.values[first:last], self.width)

    def homes(self) -> NDArray[np.int64]:
        """Return the row of every entry."""
        return np.repeat(np.arange(self.rows), np.diff(self.starts))

    def dense(self, kind: str) -> NDArray[Any]:
        """Return all cells, `[N, width]`."""
        result = np.zeros((self.rows, self.width), dtype=kind)
        result[self.homes(), self.columns] = self.values
        return result

    def padded(self, what: NDArray[Any], kind: str) -> NDArray[Any]:
        """Return columns or values as `[N, m]`, m at least 1, with zeros behind the shorter rows."""
        lengths = np.diff(self.starts)
        result = np.zeros((self.rows, max(int(lengths.max(initial=0)), 1)), dtype=kind)
        if self.rows == 1:
            result[0, : len(what)] = what
        else:
            result[self.homes(), np.arange(len(what)) - np.repeat(self.starts[:-1], lengths)] = what
        return result


def count_terms(
    documents: Iterable[str], analyze: Analyze, places: Mapping[str, int], *, binary: bool, kind: str
) -> SparseRows:
    """Return how often each term of a vocabulary stands in each document."""
    starts, columns, counts = [0], [], []
    find = places.get
    for document in documents:
        found: dict[int, int] = {}
        for term in analyze(document):
            place = find(term)
            if place is not None:
                found[place] = found.get(place, 0) + 1
        kept = sorted(found)
        columns += kept
        counts += [1] * len(kept) if binary else [found[place] for place in kept]
        starts.append(len(columns))
    return SparseRows(
        np.array(starts, dtype=np.int64),
        np.array(columns, dtype=np.int64),
        np.array(counts, dtype=kind),
        len(places),
    )


def hash_terms(
    documents: Iterable[str],
    analyze: Analyze,
    width: int,
    *,
    signed: bool,
    binary: bool,
    kind: str,
    cache: dict[str, int],
) -> SparseRows:
    """Return how often each hash value stands in each document; of two terms with one hash, signs may cancel.

    Raises:
        InputError: A term cannot be written as UTF-8, as the original asks.
    """
    starts, columns, counts = [0], [], []
    for row, document in enumerate(documents):
        found: dict[int, int] = {}
        for term in analyze(document):
            value = cache.get(term)
            if value is None:
                value = _hashed(term, row)
                if len(cache) < _CACHED:
                    cache[term] = value
            place = abs(value) % width
            found[place] = found.get(place, 0) + (-1 if signed and value < 0 else 1)
        kept = sorted(found)
        columns += kept
        counts += [1] * len(kept) if binary else [found[place] for place in kept]
        starts.append(len(columns))
    return SparseRows(
        np.array(starts, dtype=np.int64),
        np.array(columns, dtype=np.int64),
        np.array(counts, dtype=kind),
        width,
    )


_CACHED = 200_000
"""Terms whose hash is remembered."""


def _hashed(term: str, row: int) -> int:
    try:
        return hash32(term.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InputError(
            "half a character (a lone surrogate), which the original refuses too", where=f"rows: row {row}"
        ) from error


def weigh_terms(rows: SparseRows, *, sublinear: bool, weights: NDArray[Any] | None, kind: str) -> SparseRows:
    """Return counts as term frequencies, times a weight per column."""
    values = rows.values.astype(kind)
    if sublinear:
        values = np.log(values) + values.dtype.type(1)
    if weights is not None:
        values = (values * weights[rows.columns]).astype(kind)
    return replace(rows, values=values)


def scale_columns(rows: SparseRows, factors: NDArray[np.float64]) -> SparseRows:
    """Return every value times its column's factor."""
    return replace(rows, values=rows.values * factors[rows.columns])


def pick_columns(rows: SparseRows, columns: NDArray[np.int64]) -> SparseRows:
    """Return some columns, which are ascending."""
    places = np.searchsorted(columns, rows.columns)
    places[places == len(columns)] = 0
    kept = columns[places] == rows.columns
    counts = np.bincount(rows.homes()[kept], minlength=rows.rows)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return SparseRows(starts, places[kept], rows.values[kept], len(columns))


def normalise_rows(rows: SparseRows, norm: str) -> SparseRows:
    """Return every row over its norm; rows of zeros stay."""
    homes = rows.homes()
    sizes = _NORMS[norm](rows, homes)
    divisor = sizes[homes]
    kept = divisor != 0
    values = rows.values.copy()
    values[kept] = (rows.values[kept] / divisor[kept]).astype(values.dtype)
    return replace(rows, values=values)


def _sums(values: NDArray[Any], homes: NDArray[np.int64], rows: int) -> NDArray[np.float64]:
    """Return the sum of each row, added up one by one from the left."""
    sums = np.bincount(homes, weights=values.astype(np.float64), minlength=rows)
    return np.asarray(sums, dtype=np.float64)


def _largest(rows: SparseRows, homes: NDArray[np.int64]) -> NDArray[Any]:
    result = np.zeros(rows.rows, dtype=rows.values.dtype)
    np.maximum.at(result, homes, np.abs(rows.values))
    return result


_NORMS: Mapping[str, Callable[[SparseRows, NDArray[np.int64]], NDArray[Any]]] = {
    "l1": lambda rows, homes: _sums(np.abs(rows.values), homes, rows.rows),
    "l2": lambda rows, homes: np.sqrt(_sums(rows.values * rows.values, homes, rows.rows)),
    "max": _largest,
}


def vocabulary_places(terms: Sequence[str]) -> Mapping[str, int]:
    """Return term -> column."""
    return {term: place for place, term in enumerate(terms)}
