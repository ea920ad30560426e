"""Examples that are no table of a library: sparse matrices, dicts of columns, lists of records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlpack.errors import ExampleError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["as_table", "is_sparse", "like_sparse", "sparse_cells"]

_MOST_COLUMNS = 5_000
"""Columns that a contract names one by one."""

_MOST_CELLS = 1 << 25


def as_table(example: object) -> object:
    """Return a dict of columns or a list of records as a DataFrame, and all else as it is."""
    table: Any = example
    if is_sparse(example):
        return example  # one of SciPy's classes is a mapping too
    columns = isinstance(example, Mapping) and bool(example)
    records = (
        isinstance(example, (list, tuple))
        and bool(example)
        and all(isinstance(row, Mapping) for row in example)
    )
    if not columns and not records:
        return example
    try:
        import pandas as pd
    except ImportError as error:
        raise ExampleError(
            f"a {type(example).__name__} of columns or records needs pandas",
            where="example",
            hint="install pandas, or pass a DataFrame or an array",
        ) from error
    try:
        return pd.DataFrame(table)
    except ValueError as error:
        raise ExampleError(f"no table: {error}", where="example") from error


def is_sparse(example: object) -> bool:
    """Return whether an example is a SciPy sparse matrix or array."""
    return hasattr(example, "tocsr") and type(example).__module__.startswith("scipy.sparse")


def sparse_cells(example: Any) -> np.ndarray:  # noqa: ANN401 (any format of SciPy)
    """Return all cells of a sparse matrix, shape (n, k), of as many of its rows as are reasonable.

    Raises:
        ExampleError: It has more columns than a contract can name.
    """
    rows, width = example.shape
    if width > _MOST_COLUMNS:
        raise ExampleError(
            f"a sparse matrix of {width} columns: at most {_MOST_COLUMNS} can be named one by one",
            where="example",
            hint="put the vectorizer into the pipeline and pass the texts themselves",
        )
    kept = min(rows, max(_MOST_CELLS // max(width, 1), 1))
    cells: np.ndarray = example.tocsr()[:kept].toarray()
    return cells


def like_sparse(like: Any, cells: np.ndarray) -> Any:  # noqa: ANN401
    """Return cells as a sparse matrix of the same class as another one."""
    return type(like)(cells)
