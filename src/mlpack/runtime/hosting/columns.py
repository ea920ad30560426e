"""Operations on whole columns: arithmetic, comparisons, tables of values, missing values, texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.format.contract import NULL_TEXT

__all__ = ["calculated", "chosen", "contains", "joined", "lengths", "looked_up", "one_of", "retyped"]


def calculated(
    *columns: NDArray[Any], function: str, left: float | None = None, right: float | None = None
) -> NDArray[Any]:
    """Return a NumPy function of one or two columns, or of one and a constant on either side."""
    arguments: list[Any] = list(columns)
    if left is not None:
        arguments.insert(0, left)
    if right is not None:
        arguments.append(right)
    with np.errstate(all="ignore"):
        return np.asarray(getattr(np, function)(*arguments))


def retyped(values: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return numbers in another type; integers as text where `kind` is `string`."""
    if kind == "string":
        return _objects([str(value) for value in values.tolist()])
    with np.errstate(all="ignore"):
        return values.astype(kind)


def chosen(where: NDArray[np.bool_], *columns: NDArray[Any], values: Sequence[float | None]) -> NDArray[Any]:
    """Return one of two values per row; a value of None stands for the next column."""
    rest = iter(columns)
    first, second = (next(rest) if value is None else value for value in values)
    return np.where(where, first, second)


def one_of(values: NDArray[Any], among: Sequence[Any]) -> NDArray[np.bool_]:
    """Return whether each value is one of some texts or numbers; what is missing is none of them."""
    known = frozenset(among)
    return np.fromiter((value in known for value in values.tolist()), np.bool_, len(values))


def contains(values: NDArray[np.object_], pattern: re.Pattern[str], *, whole: str) -> NDArray[np.bool_]:
    """Return whether a pattern is found in each text: `anywhere`, at the `start`, or as `all` of it."""
    look = {"anywhere": pattern.search, "start": pattern.match, "all": pattern.fullmatch}[whole]
    return np.fromiter((look(value) is not None for value in values), np.bool_, len(values))


def lengths(values: NDArray[np.object_]) -> NDArray[Any]:
    """Return the number of characters of each text; NaN, in floats, where one is missing."""
    if (values == NULL_TEXT).any():
        return np.array([np.nan if value == NULL_TEXT else len(value) for value in values])
    return np.fromiter(map(len, values), np.int64, len(values))


def joined(*columns: NDArray[np.object_], parts: Sequence[str | None]) -> NDArray[np.object_]:
    """Return texts put together from constants and, where a part is None, the next column."""
    rows = []
    for cells in zip(*columns, strict=True):
        rest = iter(cells)
        rows.append(
            NULL_TEXT if NULL_TEXT in cells else "".join(next(rest) if p is None else p for p in parts)
        )
    return _objects(rows)


def looked_up(values: NDArray[Any], *, table: Mapping[Any, Any], text: bool) -> NDArray[Any]:
    """Return what a table has for each value; missing where it has nothing."""
    default = NULL_TEXT if text else np.nan
    found = [table.get(value, default) for value in values.tolist()]
    return _objects(found) if text else np.array(found, dtype=np.float64)


def _objects(values: Sequence[object]) -> NDArray[np.object_]:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result
