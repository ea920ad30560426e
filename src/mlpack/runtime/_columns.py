"""One column, whatever library holds it, as an array of the contract's type."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.format.contract import DType
from mlpack.runtime._cells import EXACT, EXPECTED, MISSING, NUMPY, cells_to_array
from mlpack.runtime._findings import Findings

__all__ = ["column_parts", "column_to_array", "dtype_name", "is_column", "loaded"]

Parts = tuple[NDArray[Any] | Sequence[object], NDArray[np.bool_] | None]
"""Values of one column, and where they are missing although the values cannot say so."""


def loaded(library: str, *names: str) -> tuple[type, ...]:
    """Return classes of a library if this process uses it; it is never imported for asking."""
    module = sys.modules.get(library)
    found = (getattr(module, name, None) for name in names)
    return tuple(item for item in found if isinstance(item, type))


def is_column(value: object) -> bool:
    """Return whether a value holds one cell per row, rather than being a cell."""
    if isinstance(value, list | tuple | range):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(
        value,
        (
            *loaded("pandas", "Series", "Index"),
            *loaded("pandas.api.extensions", "ExtensionArray"),
            *loaded("polars", "Series"),
            *loaded("pyarrow", "Array", "ChunkedArray"),
        ),
    ) or (hasattr(value, "__array__") and getattr(value, "ndim", 0) > 0)


def column_to_array(column: object, dtype: DType, name: str, findings: Findings) -> NDArray[Any] | None:
    """Return a column of numbers or booleans as an array of shape `(N,)` and the dtype that `NUMPY` names.

    Missing values become NaN where the type has such; whether they may is checked later.

    Returns:
        None when a cell does not fit; `findings` then says which.
    """
    values, missing = column_parts(column)
    if missing is not None and not missing.any():
        missing = None
    if missing is not None and dtype in ("int64", "bool"):
        rows = int(np.count_nonzero(missing))
        findings.wrong(name, int(missing.argmax()), EXPECTED[dtype], MISSING, rows=rows)
        return None
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            findings.broken(name, f"expected one cell per row, found an array of {values.ndim} dimensions")
            return None
        array = _from_array(values, dtype, name, findings)
    else:
        array = cells_to_array(values, dtype, name, findings)
    if array is not None and missing is not None:
        array = array.copy()
        array[missing] = np.nan
    return array


def column_parts(column: object) -> Parts:  # noqa: PLR0911  (one return per library)
    """Return the values of a column in any library's form."""
    if isinstance(column, loaded("numpy.ma", "MaskedArray")):
        masked: Any = column
        return masked.filled(_filler(masked.dtype)), np.ma.getmaskarray(masked)
    if isinstance(column, np.ndarray):
        return np.asarray(column), None
    if isinstance(column, list | tuple):
        return column, None
    if isinstance(column, loaded("polars", "Series")):
        return _from_polars(column)
    if isinstance(column, loaded("pyarrow", "Array", "ChunkedArray")):
        return _from_arrow(column)
    if isinstance(column, loaded("pandas", "Series", "Index")):
        series: Any = column
        return (series.to_numpy(), None) if isinstance(series.dtype, np.dtype) else _from_pandas(series.array)
    if isinstance(column, loaded("pandas.api.extensions", "ExtensionArray")):
        return _from_pandas(column)
    if hasattr(column, "__array__"):
        return np.asarray(column), None
    return list(column), None  # type: ignore[call-overload]


def _filler(dtype: np.dtype[Any]) -> Any:  # noqa: ANN401  (a scalar of that dtype)
    """Return a value of the dtype's own type, to stand under a mask."""
    return "" if dtype.kind in "UO" else np.zeros((), dtype=dtype)[()]


def _from_pandas(array: Any) -> Parts:  # noqa: ANN401  (a pandas ExtensionArray)
    kind = array.dtype
    if hasattr(kind, "categories") and hasattr(array, "codes"):
        return np.asarray(array, dtype=object), None
    numpy_dtype = getattr(kind, "numpy_dtype", None)
    if getattr(kind, "kind", "O") in "biuf" and numpy_dtype is not None:
        missing = np.asarray(array.isna())
        if not missing.any():
            return array.to_numpy(dtype=numpy_dtype), None
        return array.to_numpy(dtype=numpy_dtype, na_value=numpy_dtype.type(0)), missing
    return np.asarray(array.to_numpy()), None


def _from_polars(series: Any) -> Parts:  # noqa: ANN401  (a polars Series)
    kind = series.dtype
    boolean = kind == sys.modules["polars"].Boolean
    # 128 bits have no NumPy type; as Python integers they are judged one by one.
    if not (kind.is_numeric() or boolean) or kind.is_decimal() or "128" in str(kind):
        return series.to_list(), None
    if not series.null_count():
        return series.to_numpy(), None
    filled = series.fill_null(value=False) if boolean else series.fill_null(0)
    return filled.to_numpy(), series.is_null().to_numpy()


def _from_arrow(array: Any) -> Parts:  # noqa: ANN401  (a pyarrow Array)
    arrow = sys.modules["pyarrow"]
    kind = array.type
    types = arrow.types
    plain = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if not plain:
        return array.to_pylist(), None
    options = {} if isinstance(array, arrow.ChunkedArray) else {"zero_copy_only": False}
    if not array.null_count:
        return array.to_numpy(**options), None
    missing = array.is_null().to_numpy(**options)
    zero = arrow.array([0], type=arrow.int8()).cast(kind)[0]
    return array.fill_null(zero).to_numpy(**options), missing


def _from_array(values: NDArray[Any], dtype: DType, name: str, findings: Findings) -> NDArray[Any] | None:
    kind = values.dtype.kind
    if kind == "O":
        return cells_to_array(values.tolist(), dtype, name, findings)
    if dtype == "bool" and kind == "b":
        return values
    if dtype == "int64" and kind in "biuf":
        return _to_int64(values, name, findings)
    if dtype in ("float64", "float32") and kind in "biuf":
        return _to_float(values, dtype, name, findings)
    if len(values):
        findings.wrong(name, 0, EXPECTED[dtype], dtype_name(values.dtype), rows=len(values))
        return None
    return np.empty(0, dtype=NUMPY[dtype])


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the type of an array's cells as messages name it."""
    return {"U": "str", "T": "str", "S": "bytes", "V": "a structured type"}.get(dtype.kind, dtype.name)


def _to_int64(values: NDArray[Any], name: str, findings: Findings) -> NDArray[Any] | None:
    if values.dtype.kind == "f":
        # 2**63 is the first float beyond; NaN fails both comparisons.
        wrong = ~((values >= -(2.0**63)) & (values < 2.0**63)) | (np.trunc(values) != values)
        found = f"{values.dtype} with a fraction or beyond 64 bits"
        if wrong.any() and not np.isfinite(first := values[wrong.argmax()]):
            found = MISSING if np.isnan(first) else "an infinity"
    elif values.dtype.kind == "u" and values.dtype.itemsize == 8:
        wrong = values > np.uint64(2**63 - 1)
        found = f"{values.dtype} beyond 64 bits"
    else:
        return values.astype(np.int64, copy=False)
    if wrong.any():
        rows = int(np.count_nonzero(wrong))
        findings.wrong(name, int(wrong.argmax()), EXPECTED["int64"], found, rows=rows)
        return None
    return values.astype(np.int64)


def _to_float(values: NDArray[Any], dtype: DType, name: str, findings: Findings) -> NDArray[Any] | None:
    target = NUMPY[dtype]
    if values.dtype == target:
        return values.astype(target, copy=False)
    with np.errstate(over="ignore"):
        result = values.astype(target)
    kind = values.dtype.kind
    if kind == "b" or (kind == "f" and values.itemsize <= target.itemsize):
        return result
    if kind == "f":
        wrong = np.isinf(result) & ~np.isinf(values)
        found = f"{values.dtype} beyond the range of the column's type"
    else:
        exact = EXACT[dtype]
        if not (np.abs(result) >= exact).any():
            return result
        wrong = np.fromiter(
            (int(held) != int(cell) for held, cell in zip(result, values, strict=True)), np.bool_, len(values)
        )
        found = f"{values.dtype} that a float cannot hold exactly"
    if wrong.any():
        findings.wrong(name, int(wrong.argmax()), EXPECTED[dtype], found, rows=int(np.count_nonzero(wrong)))
        return None
    return result
