"""A matrix that is already what the graph wants: one look at its extremes proves that all is well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.runtime._cells import EXACT, NUMPY
from mlpack.runtime._checks import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MatrixReader"]

_TILE = 2048
"""Elements per row of the tiled view below: wide enough for the processor's vector units."""


class MatrixReader:
    """Recognises matrices of numbers that break no rule of an array contract."""

    __slots__ = ("_dtype", "_exact", "_high", "_low", "_nulls", "_width")

    def __init__(self, checks: Sequence[Check]) -> None:
        """Keep the bounds of all columns as two vectors of shape `(k,)`."""
        self._dtype = NUMPY[checks[0].dtype]
        self._exact = EXACT.get(checks[0].dtype, math.inf)
        self._width = len(checks)
        self._nulls = all(check.nulls for check in checks)
        with np.errstate(over="ignore"):
            self._low = np.array([check.low for check in checks])
            self._high = np.array([check.high for check in checks])

    def read(self, matrix: NDArray[Any]) -> NDArray[Any] | None:
        """Return a matrix of shape `(N, k)`, N at least 1, as the graph takes it.

        Returns:
            None when that needs a closer look, or the matrix is wrong.
        """
        if matrix.shape[1] != self._width:
            return None
        if matrix.dtype != self._dtype or not matrix.flags.c_contiguous:
            converted = self._convert(matrix)
            if converted is None:
                return None
            matrix = converted
        return matrix if self._inside(matrix) else None

    def _convert(self, matrix: NDArray[Any]) -> NDArray[Any] | None:
        """Return the matrix in the graph's type and memory order, if that plainly changes no value."""
        kind, wanted = matrix.dtype.kind, self._dtype.kind
        if kind == wanted and matrix.dtype.itemsize <= self._dtype.itemsize:
            return matrix.astype(self._dtype, order="C")
        if wanted == "f" and kind in "biu":
            converted = matrix.astype(self._dtype, order="C")
            return converted if np.abs(converted).max() < self._exact else None
        return None

    def _inside(self, matrix: NDArray[Any]) -> bool:
        if matrix.shape[0] == 1:
            inside = (matrix >= self._low) & (matrix <= self._high)
            if b"\0" not in inside.tobytes():
                return True
            return self._nulls and b"\0" not in (inside | np.isnan(matrix)).tobytes()
        # minimum and maximum pass NaN on, so that the comparison below fails; fmin and fmax pass it over.
        lowest = _over_rows(np.fmin if self._nulls else np.minimum, matrix)
        highest = _over_rows(np.fmax if self._nulls else np.maximum, matrix)
        inside = (lowest >= self._low) & (highest <= self._high)
        if self._nulls:
            inside |= np.isnan(lowest)
        return bool(inside.all())


def _over_rows(function: np.ufunc, matrix: NDArray[Any]) -> NDArray[Any]:
    """Return `function.reduce(matrix, axis=0)`, several times faster for narrow matrices.

    Reducing rows of few columns keeps the inner loop short. Seen as rows of `_TILE` elements it is long.
    """
    rows, width = matrix.shape
    group = _TILE // width
    whole = rows // group * group if group > 1 else 0
    if not whole:
        return np.asarray(function.reduce(matrix, axis=0))
    tiled = function.reduce(matrix[:whole].reshape(-1, group * width), axis=0).reshape(group, width)
    result = function.reduce(tiled, axis=0)
    return np.asarray(result if whole == rows else function(result, function.reduce(matrix[whole:], axis=0)))
