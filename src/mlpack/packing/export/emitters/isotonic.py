"""IsotonicRegression: straight lines between thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.interpolation import interpolate

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["monotonic", "respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict`, or `transform`, which answers the same."""
    if method not in ("predict", "transform"):
        raise scope.unsupported(model, f"has no {method}")
    x = scope.doubles(model, columns)
    return scope.graph.flat(Tensor(monotonic(scope, model, x), "float64", 1))


def monotonic(scope: Scope, model: Fitted, x: str) -> str:
    """Return the regression of `(N, 1)`."""
    graph = scope.graph
    xs, ys = np.asarray(model.X_thresholds_), np.asarray(model.y_thresholds_)
    if xs.dtype != np.float64:
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    if len(ys) == 1:
        return formulas.each_row(graph, x, graph.doubles([[ys[0]]]), 1)
    low, high = graph.doubles(model.X_min_), graph.doubles(model.X_max_)
    if model.out_of_bounds == "clip":
        return interpolate(graph, formulas.clip(graph, x, low, high), xs, ys)
    outside = graph.op("Or", graph.op("Less", x, low), graph.op("Greater", x, high))
    if model.out_of_bounds == "raise":
        graph.guards.append(graph.flat(Tensor(outside, "bool", 1)).name)
    return graph.op("Where", outside, graph.doubles(np.nan), interpolate(graph, x, xs, ys))
