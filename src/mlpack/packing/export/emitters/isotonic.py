"""IsotonicRegression: straight lines between thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.interpolation import monotonic

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict`, or `transform`, which answers the same."""
    if method not in ("predict", "transform"):
        raise scope.unsupported(model, f"has no {method}")
    x = scope.doubles(model, columns)
    return scope.graph.flat(Tensor(monotonic(scope, model, x), "float64", 1))
