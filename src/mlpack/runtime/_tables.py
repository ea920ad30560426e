"""What only some kinds of tables need: short cuts through pandas, and refusals with a way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import InputError
from mlpack.runtime._columns import loaded

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_array", "as_texts", "one_block", "one_pandas_row", "refuse_others"]


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


def one_pandas_row(frame: Any) -> Sequence[object] | None:  # noqa: ANN401  (a pandas DataFrame)
    """Return the cells of the only row, or None when taking them together would change one of them."""
    row = frame.iloc[0]
    cells: list[Any] = row.tolist()
    if getattr(row.dtype, "kind", "O") == "O":
        return cells
    # pandas made all cells one type. Integers among floats are restored, which is exact below 2**53.
    kinds = [getattr(dtype, "kind", "O") for dtype in frame.dtypes]
    if row.dtype == np.float64 and set(kinds) <= {"i", "u", "f"}:
        for position, kind in enumerate(kinds):
            if kind != "f":
                if not abs(cells[position]) < 2**53:
                    return None
                cells[position] = int(cells[position])
        return cells
    return cells if len(set(kinds)) == 1 else None


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
