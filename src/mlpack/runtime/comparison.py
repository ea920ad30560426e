"""How closely two answers agree: the one measure of parity, at packing time and on the consumer's machine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlpack.format.evidence import Precision

__all__ = ["CERTIFICATES", "Difference", "compare", "tolerance"]

CERTIFICATES: Mapping[str, float] = MappingProxyType({"exact": 0.0, "tight": 1e-9, "loose": 1e-5})
"""Certificate -> largest `|a - b| / (spread + |a|)`; `exact` asks for identical bits besides."""

TIGHT_IN_SINGLE = 1e-6
"""The same for `tight` where the original computes in float32: 8 units in its last place."""

_NETWORKS: Mapping[str, float] = MappingProxyType({"float32-network": 1e-5, "float16-network": 1e-2})
"""Precision -> `tight` and `loose` of a network: about a hundred units in the last place, ten in float16."""


def tolerance(certificate: str, precision: Precision = "float64") -> float:
    """Return the largest error that a certificate allows an original of this precision.

    Raises:
        KeyError: There is no such certificate.
    """
    if precision in _NETWORKS:
        return 0.0 if certificate == "exact" else _NETWORKS[precision]
    if certificate == "tight" and precision == "float32":
        return TIGHT_IN_SINGLE
    return CERTIFICATES[certificate]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How an answer differs from the expected one.

    Attributes:
        exact: Whether all bits agree; any NaN equals any NaN, and -0.0 equals 0.0.
        worst: Largest `|a - b| / (spread + |a|)` over all values; infinite where NaN or an infinity meets
            anything else; 0 for labels.
        labels: Number of labels that differ; 0 for numbers.
        rows: Positions of the worst rows, at most ten, worst first; empty when exact.
        mismatch: What differs before any value is looked at (shape, dtype); empty when nothing does.
    """

    exact: bool
    worst: float
    labels: int
    rows: tuple[int, ...]
    mismatch: str = ""

    def within(self, certificate: str, precision: Precision = "float64") -> bool:
        """Return whether the answers agree as closely as `certificate` promises for such an original.

        Raises:
            KeyError: There is no such certificate.
        """
        allowed = tolerance(certificate, precision)
        if self.exact:
            return True
        return certificate != "exact" and not self.mismatch and not self.labels and self.worst <= allowed


def compare(expected: NDArray[Any], actual: NDArray[Any], *, spread: float) -> Difference:
    """Compare two answers to the same rows.

    Args:
        expected: What the original answered, shape `(N,)` or `(N, k)`. Integers, booleans, strings and
            objects are labels, which agree or not; floats are values.
        actual: What is to agree with it.
        spread: Scale of the values: standard deviation of the original's answers, 1 for probabilities.

    Source: the mixed absolute and relative error of Higham, Accuracy and Stability of Numerical Algorithms,
        1.2, with `spread` as the absolute scale: distances in units in the last place explode near zero.
    """
    import numpy as np

    if expected.shape != actual.shape:
        return _apart(f"expected shape {expected.shape}, found {actual.shape}")
    if expected.dtype != actual.dtype and not (expected.dtype.kind == actual.dtype.kind == "U"):
        return _apart(f"expected dtype {expected.dtype}, found {actual.dtype}")
    if expected.dtype.kind != "f":
        differs = np.asarray(expected != actual)
        return Difference(
            exact=not differs.any(),
            worst=0.0,
            labels=int(np.count_nonzero(differs)),
            rows=_worst_rows(differs),
        )
    errors = _errors(expected.astype(np.float64), actual.astype(np.float64), spread)
    worst = float(errors.max(initial=0.0))
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    return Difference(
        exact=bool(same.all()), worst=worst, labels=0, rows=_worst_rows(np.where(same, 0.0, errors))
    )


def _apart(mismatch: str) -> Difference:
    return Difference(exact=False, worst=math.inf, labels=0, rows=(), mismatch=mismatch)


def _errors(expected: NDArray[np.float64], actual: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Return the relative error of every value; 0 where both are NaN, or the same infinity."""
    import numpy as np

    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        errors = np.abs(expected - actual) / (spread + np.abs(expected))
    errors = np.where(np.isfinite(expected) & np.isfinite(actual) & ~np.isnan(errors), errors, np.inf)
    return np.where(same, 0.0, errors)


def _worst_rows(errors: NDArray[Any]) -> tuple[int, ...]:
    import numpy as np

    rows = len(errors) if errors.ndim else 1
    per_row = errors.reshape(rows, -1).max(axis=1, initial=0) if errors.size else errors.reshape(-1)
    order = np.argsort(-per_row.astype(np.float64), kind="stable")[:10]
    return tuple(int(row) for row in order if per_row[row] > 0)
