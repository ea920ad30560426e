"""What only some kinds of tables need: short cuts through pandas, and refusals with a way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import InputError
from mlpack.runtime._columns import loaded

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["one_block", "one_pandas_row", "refuse_others"]


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
    if hasattr(X, "tocsr") or hasattr(X, "todense"):
        raise InputError("expected rows, found a sparse matrix", where="X", hint="pass X.toarray()")
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
