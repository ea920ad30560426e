"""One cell, whatever Python type it has, as the type that the contract asks for."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np

from mlpack.format.contract import NULL_TEXT, DType
from mlpack.runtime._findings import Findings

__all__ = ["EXACT", "EXPECTED", "MISSING", "NUMPY", "CellError", "cells_to_array", "is_null"]

EXPECTED: dict[DType, str] = {
    "float64": "a number",
    "float32": "a number",
    "int64": "an integer",
    "bool": "a boolean",
    "string": "a string",
    "datetime": "a date and time",
}
"""How messages name what a column holds."""

NUMPY: dict[DType, np.dtype[np.generic]] = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "int64": np.dtype(np.int64),
    "bool": np.dtype(np.bool_),
    "string": np.dtype(object),
    "datetime": np.dtype("datetime64[us]"),
}
"""The dtype of the array that feeds a graph input."""

MISSING = "a missing value"


class CellError(Exception):
    """One cell does not fit: what would have, and what it is."""

    def __init__(self, expected: str, found: str) -> None:
        """Keep both halves of the message."""
        super().__init__(expected, found)
        self.expected = expected
        self.found = found


def is_null(cell: object) -> bool:
    """Return whether a cell is missing: None, NaN, NaT, pandas.NA, a masked element."""
    if cell is None:
        return True
    if isinstance(cell, float | np.floating):
        return bool(cell != cell)  # noqa: PLR0124  (NaN alone differs from itself)
    if isinstance(cell, Decimal):
        return cell.is_nan()
    pandas = sys.modules.get("pandas")
    if pandas is not None and (cell is pandas.NA or cell is pandas.NaT):
        return True
    return cell is getattr(sys.modules.get("numpy.ma"), "masked", None)  # 20 ms to import, so only looked for


def kind_of(cell: object) -> str:
    """Return the type of a cell as messages name it."""
    return MISSING if is_null(cell) else type(cell).__name__


def to_float64(cell: object) -> float:
    """Return a cell as float; missing becomes NaN.

    Raises:
        CellError: It is no number, or an integer that a float64 cannot hold exactly.
    """
    return _to_float(cell, float)


def to_float32(cell: object) -> float:
    """Return a cell as a float that is to become a float32; missing becomes NaN.

    Fractions are rounded, as NumPy does; integers that would change and numbers out of range are refused.

    Raises:
        CellError: It is no number, or cannot be held.
    """
    return _to_float(cell, _single)


def _single(number: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(number))


def _to_float(cell: object, narrow: Callable[[float], float]) -> float:
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    if isinstance(cell, int | np.integer):
        whole = int(cell)
        try:
            held = narrow(float(whole))
        except OverflowError:
            held = math.inf
        if held != whole:
            raise CellError("a number", f"{type(cell).__name__} that a float cannot hold exactly")
        return held
    if is_null(cell):
        return math.nan
    if isinstance(cell, float | np.floating | Decimal):
        wide = float(cell)
        if math.isinf(narrow(wide)) and not _infinite(cell):
            raise CellError("a number", f"{type(cell).__name__} beyond the range of the column's type")
        return wide
    raise CellError("a number", kind_of(cell))


def _infinite(cell: float | np.floating | Decimal) -> bool:
    return cell.is_infinite() if isinstance(cell, Decimal) else bool(np.isinf(cell))


def to_int64(cell: object) -> int:
    """Return a cell as an integer of 64 bits.

    Raises:
        CellError: It is missing, no number, has a fraction, or is out of range.
    """
    if isinstance(cell, bool | np.bool_ | int | np.integer):
        whole = int(cell)
    elif is_null(cell) or not isinstance(cell, float | np.floating | Decimal):
        raise CellError("an integer", kind_of(cell))
    elif not _infinite(cell) and cell == int(cell):
        whole = int(cell)
    else:
        raise CellError("an integer", f"{type(cell).__name__} with a fraction or infinite")
    if not -(2**63) <= whole < 2**63:
        raise CellError("an integer", f"{type(cell).__name__} beyond 64 bits")
    return whole


def to_bool(cell: object) -> bool:
    """Return a cell as boolean.

    Raises:
        CellError: It is anything but a boolean.
    """
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    raise CellError("a boolean", kind_of(cell))


def to_text(cell: object) -> str:
    """Return a cell as string; missing becomes NULL_TEXT.

    Raises:
        CellError: It is no string, or the one string that is reserved for missing values.
    """
    if isinstance(cell, str):
        if cell == NULL_TEXT:
            raise CellError("a string", "the text that is reserved for missing values")
        return str.__str__(cell)  # an enumeration of strings has a str() of its own
    if is_null(cell):
        return NULL_TEXT
    raise CellError("a string", kind_of(cell))


_CONVERT: dict[DType, Callable[[object], object]] = {
    "float64": to_float64,
    "float32": to_float32,
    "int64": to_int64,
    "bool": to_bool,
    "string": to_text,
}


def cells_to_array(
    cells: Sequence[object], dtype: DType, column: str, findings: Findings
) -> np.ndarray[tuple[int], np.dtype[np.generic]] | None:
    """Return Python cells as an array of shape `(N,)`, or None when `findings` says why not."""
    quick = _quick(cells, dtype)
    if quick is not None:
        return quick
    convert = _CONVERT[dtype]
    values: list[object] = []
    first: tuple[int, CellError] | None = None
    wrong = 0
    for row, cell in enumerate(cells):
        try:
            values.append(convert(cell))
        except CellError as error:
            first = first or (row, error)
            wrong += 1
    if first is not None:
        findings.wrong(column, first[0], first[1].expected, first[1].found, rows=wrong)
        return None
    return np.array(values, dtype=NUMPY[dtype])


EXACT: dict[str, float] = {"float64": 2.0**53, "float32": 2.0**24}
"""Below this size every integer is one value of the type."""


def _quick(cells: Sequence[object], dtype: DType) -> np.ndarray[tuple[int], np.dtype[np.generic]] | None:
    """Return the array when the cells' types alone prove that NumPy converts them as we would."""
    if dtype == "string":
        return None
    types = set(map(type, cells))
    if not types <= _PLAIN[dtype]:
        return None
    try:
        array = np.array(cells, dtype=np.float64 if dtype == "float32" else NUMPY[dtype])
    except OverflowError:
        return None
    # Integers may have lost digits, and a float32 may turn infinite. NaN compares false, as it should here.
    doubtful = dtype == "float32" or (dtype == "float64" and not types.isdisjoint((int, bool)))
    if doubtful and bool((np.abs(array) >= EXACT[dtype]).any()):
        return None
    return array.astype(NUMPY[dtype], copy=False)


_NUMBERS: frozenset[type] = frozenset((float, int, bool, type(None)))
_PLAIN: dict[DType, frozenset[type]] = {
    "float64": _NUMBERS,
    "float32": _NUMBERS,
    "int64": frozenset((int, bool)),
    "bool": frozenset((bool,)),
}
