"""One row of ordinary cells, straight to tensors: the way of single predictions.

Every rule of the contract is applied, but only to say "all is well" quickly. Whatever is not plainly well
returns None, and the exact way decides and words what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.format.contract import NULL_TEXT, Layout
from mlpack.runtime._cells import EXACT, NUMPY
from mlpack.runtime._checks import Check

__all__ = ["Feeds", "RowReader"]

Feeds = dict[str, NDArray[Any]]
"""Graph input -> tensor."""

_FLOATS = frozenset((float, np.float64))
_WHOLES = frozenset((int, bool, np.int64, np.bool_))
_Bounds = tuple[int, float, float, bool]


class RowReader:
    """Reads rows given as one cell per input, in the contract's order."""

    __slots__ = ("_array", "_dates", "_floats", "_groups", "_texts", "_wholes")

    def __init__(self, checks: Sequence[Check], layout: Layout) -> None:
        """Sort the inputs by element type, so that each type is one array."""
        self._floats: list[tuple[str, list[_Bounds], float]] = []
        for dtype in ("float64", "float32"):
            mine = [item for item in enumerate(checks) if item[1].dtype == dtype]
            if mine:
                bounds = [(index, check.low, check.high, check.nulls) for index, check in mine]
                self._floats.append((dtype, bounds, EXACT[dtype]))
        self._wholes = [
            (index, max(check.low, -(2.0**62)), min(check.high, 2.0**62), check.dtype == "bool")
            for index, check in enumerate(checks)
            if check.dtype in ("int64", "bool")
        ]
        self._texts = [
            (index, check.known, check.nulls) for index, check in enumerate(checks) if check.dtype == "string"
        ]
        self._groups = {dtype: [check.tensor for check in checks if check.dtype == dtype] for dtype in NUMPY}
        self._dates = any(check.dtype == "datetime" for check in checks)
        self._array = checks[0] if layout == "array" else None

    def read(self, cells: Sequence[object]) -> Feeds | None:
        """Return the tensors of one row, or None when it needs a closer look."""
        if self._dates:
            return None  # instants come in many forms: the exact way reads them
        feeds: Feeds = {}
        for dtype, bounds, exact in self._floats:
            numbers = _read_floats(cells, bounds, exact)
            if numbers is None:
                return None
            self._add(feeds, dtype, numbers)
        if self._wholes and not self._read_wholes(cells, feeds):
            return None
        if self._texts:
            texts = _read_texts(cells, self._texts)
            if texts is None:
                return None
            self._add(feeds, "string", texts)
        return feeds

    def _add(self, feeds: Feeds, dtype: str, cells: list[Any]) -> None:
        block = np.array(cells, dtype=NUMPY[dtype])  # type: ignore[index]
        if self._array is not None:
            feeds[self._array.tensor] = block.reshape(1, -1)
        else:
            feeds.update(zip(self._groups[dtype], block.reshape(-1, 1, 1), strict=True))  # type: ignore[index]

    def _read_wholes(self, cells: Sequence[object], feeds: Feeds) -> bool:
        whole: list[Any] = []
        flags: list[Any] = []
        for index, low, high, is_bool in self._wholes:
            cell: Any = cells[index]
            kind = type(cell)
            if is_bool:
                if kind is not bool and kind is not np.bool_:
                    return False
                flags.append(cell)
            elif kind in _WHOLES and low <= cell <= high:
                whole.append(cell)
            else:
                return False
        if whole:
            self._add(feeds, "int64", whole)
        if flags:
            self._add(feeds, "bool", flags)
        return True


def _read_floats(cells: Sequence[object], bounds: list[_Bounds], exact: float) -> list[Any] | None:
    numbers: list[Any] = []
    for index, low, high, nulls in bounds:
        cell: Any = cells[index]
        kind = type(cell)
        if kind in _FLOATS:
            if not (low <= cell <= high or (nulls and cell != cell)):  # noqa: PLR0124  (NaN differs from itself)
                return None
        elif kind in _WHOLES:
            if not (low <= cell <= high and -exact < cell < exact):
                return None
        elif cell is None and nulls:
            cell = math.nan
        else:
            return None
        numbers.append(cell)
    return numbers


def _read_texts(
    cells: Sequence[object], rules: list[tuple[int, frozenset[str] | None, bool]]
) -> list[str] | None:
    texts: list[str] = []
    for index, known, nulls in rules:
        cell = cells[index]
        if type(cell) is str:
            if cell == NULL_TEXT or (known is not None and cell not in known):
                return None
            texts.append(cell)
        elif nulls and (cell is None or (type(cell) is float and cell != cell)):  # noqa: PLR0124  (NaN)
            texts.append(NULL_TEXT)
        else:
            return None
    return texts
