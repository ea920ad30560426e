"""A matrix that is already what the graph wants: one look at its extremes proves that all is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpack.runtime._cells import NUMPY
from mlpack.runtime._checks import Check

__all__ = ["MatrixReader"]

_TILE = 4096
"""Elements per row of the tiled view below: wide enough for the processor's vector units."""


class MatrixReader:
    """Recognises matrices that break no rule of an array contract."""

    __slots__ = ("_dtype", "_high", "_low", "_nulls", "_width")

    def __init__(self, checks: Sequence[Check]) -> None:
        """Keep the bounds of all columns as two vectors of shape `(k,)`."""
        self._dtype = NUMPY[checks[0].dtype]
        self._width = len(checks)
        self._nulls = all(check.nulls for check in checks)
        with np.errstate(over="ignore"):
            self._low = np.array([check.low for check in checks])
            self._high = np.array([check.high for check in checks])

    def fits(self, matrix: NDArray[Any]) -> bool:
        """Return whether a matrix of shape `(N, k)`, N at least 1, can be fed as it is.

        False only means that this needs a closer look.
        """
        if matrix.dtype != self._dtype or not matrix.flags.c_contiguous or matrix.shape[1] != self._width:
            return False
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
