"""What only some kinds of tables need: short cuts through pandas, and refusals with a way out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import InputError
from mlpack.runtime._columns import loaded

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_array", "as_texts", "cells_singly", "one_block", "one_pandas_row", "refuse_others"]


def one_block(X: object) -> NDArray[Any] | None:  # noqa: N803  (scikit-learn's name)
    """Return a DataFrame of numbers of one type as a matrix, or None for anything else."""
    if not isinstance(X, loaded("pandas", "DataFrame")):
        return None
    frame: Any = X
    dtypes = set(frame.dtypes)
    if len(dtypes) != 1 or not isinstance(dtype := dtypes.pop(), np.dtype) or dtype.kind not in "biuf":
        return None
    matrix: NDArray[Any] = frame.to_numpy()
    return matrix


def as_texts(X: object) -> Any:  # noqa: ANN401, N803  (a column of any library; scikit-learn's name)
    """Return a sequence of texts as the one column that it is, or None for rows in any other form."""
    if isinstance(X, list | tuple):
        return X if X and all(cell is None or isinstance(cell, str) for cell in X) else None
    if isinstance(X, np.ndarray):
        return X if X.ndim == 1 and X.dtype.kind in "OUT" else None
    column = isinstance(X, (*loaded("pandas", "Series"), *loaded("polars", "Series")))
    return X if column or isinstance(X, loaded("pyarrow", "Array", "ChunkedArray")) else None


def as_array(X: object) -> NDArray[Any] | None:  # noqa: N803
    """Return a SciPy sparse matrix or a torch tensor as an array, or None for anything else.

    Raises:
        InputError: The matrix is too large to be spelled out at once.
    """
    if hasattr(X, "tocsr") and hasattr(X, "toarray"):
        rows, width = X.shape  # type: ignore[attr-defined]
        if rows * width > _MOST_CELLS:
            raise InputError(
                f"a sparse matrix of {rows} rows and {width} columns is too large to be spelled out at once",
                where="X",
                hint=f"pass at most {max(_MOST_CELLS // max(width, 1), 1)} rows at a time",
            )
        return np.asarray(X.toarray())
    if isinstance(X, loaded("torch", "Tensor")):
        tensor: Any = X
        tensor = tensor.detach().cpu()
        return np.asarray((tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy())
    return None


_MOST_CELLS = 1 << 27
"""A gibibyte of doubles."""


def one_pandas_row(frame: Any, positions: Sequence[int], *, singly: bool) -> list[object]:  # noqa: ANN401
    """Return the cells of a pandas DataFrame's only row, each of its own column's type.

    Args:
        frame: One row.
        positions: The columns that are wanted, in this order.
        singly: What `cells_singly` said of such a frame; only the speed depends on it.
    """
    if singly:
        at = frame.iat
        found = [at[0, position] for position in positions]
        return [plain(cell) if (plain := _PLAIN.get(type(cell))) else cell for cell in found]
    # As objects, each cell keeps its type; NumPy would make one type of integers and floats.
    cells = frame.to_numpy(dtype=object)[0].tolist()
    return [cells[position] for position in positions]


def cells_singly(frame: Any) -> bool:  # noqa: ANN401  (a pandas DataFrame)
    """Return whether the cells of one row are read faster one by one than as an array of objects.

    A column of NumPy's costs next to nothing in the array and 1.5 us on its own, one of an extension type
    (pandas 3 keeps texts in one) 12 us in the array and 3.5 us on its own. Before pandas 3, 10 us on its own.
    """
    if int(sys.modules["pandas"].__version__.partition(".")[0]) < 3:
        return False
    extensions = sum(not isinstance(dtype, np.dtype) for dtype in frame.dtypes)
    return bool(frame.shape[1] < 7 * extensions)


_PLAIN: dict[type, Callable[[Any], object]] = {np.float64: float, np.int64: int, np.bool_: bool}
"""NumPy's scalar -> Python's, which holds the same values and is compared several times faster."""


def refuse_others(X: object) -> None:  # noqa: N803
    """Refuse what looks like rows but is not.

    Raises:
        InputError: A sparse matrix, a lazy frame, or a single Series.
    """
    if isinstance(X, loaded("polars", "LazyFrame")):
        raise InputError("expected rows, found a LazyFrame", where="X", hint="pass X.collect()")
    if hasattr(X, "columns"):
        # Read as a mere array, its columns would be taken by position.
        raise InputError(
            f"expected rows, found {type(X).__name__} of an unknown library",
            where="X",
            hint="pass a pandas or polars DataFrame or a pyarrow Table",
        )
    if isinstance(X, (*loaded("pandas", "Series", "Index"), *loaded("polars", "Series"))):
        raise InputError(
            "expected rows, found a Series, which may be a row or a column",
            where="X",
            hint="one row is dict(X), one column is X.to_frame()",
        )
