"""One column of strings, whatever library holds it, as the array that feeds a graph.

Columns repeat few strings many times, so types and categories are judged on the distinct ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.format.contract import NULL_TEXT
from mlpack.runtime._cells import EXPECTED, cells_to_array, is_null
from mlpack.runtime._columns import column_parts, dtype_name, loaded
from mlpack.runtime._findings import Findings

__all__ = ["Texts", "column_to_texts"]

_WORTH_CODING = 200
"""Rows from which on it is quicker to find the distinct strings first."""

Texts = tuple[NDArray[np.object_], set[str]]
"""Strings of shape `(N,)` with NULL_TEXT for what is missing, and the distinct ones among them."""


def column_to_texts(column: object, name: str, findings: Findings) -> Texts | None:
    """Return a column as strings, or None when `findings` says why that cannot be."""
    texts: Texts | None = None
    if isinstance(column, loaded("polars", "Series")):
        texts = _from_polars(column)
    elif (coded := _coded(column)) is not None:
        texts = _decode(*coded)
    if texts is not None:
        return texts
    values, missing = column_parts(column)
    if isinstance(values, np.ndarray) and values.ndim != 1:
        findings.broken(name, f"expected one cell per row, found an array of {values.ndim} dimensions")
        return None
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OUT":
        findings.wrong(name, 0, EXPECTED["string"], dtype_name(values.dtype), rows=len(values))
        return None
    if missing is not None and missing.any():
        values = np.array(values, dtype=object)
        values[missing] = None
    return _from_cells(values, name, findings)


def _coded(column: object) -> tuple[NDArray[Any], Sequence[object]] | None:
    """Return codes and what they stand for, if the library can tell; code -1 is a missing value."""
    values: Any = column
    if isinstance(column, loaded("pandas", "Series", "Index")):
        values = values.array
    if isinstance(values, loaded("pandas", "Categorical")):
        categorical: Any = values
        categories: list[object] = np.asarray(categorical.categories).tolist()
        return np.asarray(categorical.codes), categories
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, loaded("pandas", "StringDtype")) and len(values) >= _WORTH_CODING:
        codes, distinct = values.factorize()
        return codes, distinct.to_numpy(dtype=object).tolist()
    if isinstance(column, loaded("pyarrow", "DictionaryArray")):
        arrow: Any = column
        codes = arrow.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return codes, arrow.dictionary.to_pylist()
    return None


def _decode(codes: NDArray[Any], meanings: Sequence[object]) -> Texts | None:
    """Return the strings that codes stand for, or None when one in use is not plainly a string."""
    table = np.empty(len(meanings) + 1, dtype=object)
    table[:-1] = meanings
    table[-1] = NULL_TEXT  # where code -1 leads
    used = np.zeros(len(table), dtype=np.bool_)
    used[codes] = True
    distinct = set(table[:-1][used[:-1]].tolist())
    if not all(type(text) is str for text in distinct) or NULL_TEXT in distinct:
        return None
    if used[-1]:
        distinct.add(NULL_TEXT)
    return table[codes], distinct


def _from_polars(series: Any) -> Texts | None:  # noqa: ANN401  (a polars Series)
    """Return a polars column, whose type proves that every cell is a string or missing."""
    if type(series.dtype).__name__ not in ("String", "Categorical", "Enum"):
        return None
    array = np.asarray(series.to_numpy(), dtype=object)
    distinct = set(series.unique().to_list())
    if NULL_TEXT in distinct:
        return None
    if None in distinct:
        distinct = distinct - {None} | {NULL_TEXT}
        array = np.where(series.is_null().to_numpy(), NULL_TEXT, array)
    return array, distinct


def _from_cells(values: NDArray[Any] | Sequence[object], name: str, findings: Findings) -> Texts | None:
    cells: Sequence[object] = values.tolist() if isinstance(values, np.ndarray) else values
    try:
        distinct = set(cells)
    except TypeError:  # lists and the like: the exact way names their type
        return _exactly(cells, name, findings)
    # A set keeps one of several equal cells, but nothing equals a plain str that is not text itself.
    others = [cell for cell in distinct if type(cell) is not str]
    if NULL_TEXT in distinct or not all(map(is_null, others)):
        return _exactly(cells, name, findings)
    texts = {cell for cell in distinct if type(cell) is str}
    if others:
        return _objects([cell if type(cell) is str else NULL_TEXT for cell in cells]), texts | {NULL_TEXT}
    if isinstance(values, np.ndarray) and values.dtype == object:
        return values, texts
    return _objects(cells), texts


def _exactly(cells: Sequence[object], name: str, findings: Findings) -> Texts | None:
    array = cells_to_array(cells, "string", name, findings)
    return None if array is None else (array.astype(object, copy=False), set(array.tolist()))


def _objects(cells: Sequence[object]) -> NDArray[np.object_]:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array
