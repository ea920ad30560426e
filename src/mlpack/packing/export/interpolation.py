"""Straight lines between points, as numpy.interp draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["interpolate", "monotonic"]


def interpolate(graph: GraphBuilder, x: str, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> str:
    """Return `numpy.interp(x, xs, ys)` of `(N, 1)`: flat beyond the ends, the last of equal points counts.

    Args:
        graph: The graph.
        x: `(N, 1)`; NaN stays NaN.
        xs: Ascending, at least one.
        ys: As many.
    """
    xs, ys = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.append((ys[1:] - ys[:-1]) / (xs[1:] - xs[:-1]), 0.0)
    reached = graph.op("GreaterOrEqual", x, graph.doubles(xs[1:].reshape(1, -1)))
    piece = graph.op("ReduceSum", graph.op("Cast", reached, to=7), graph.ints([1]), keepdims=0)
    low, slope, start = (
        graph.op("Gather", graph.doubles(item.reshape(-1, 1)), piece) for item in (xs, slopes, ys)
    )
    value = graph.op("Add", graph.op("Mul", slope, graph.op("Sub", x, low)), start)
    value = graph.op("Where", graph.op("Equal", x, low), start, value)
    first, last = graph.doubles(ys[0]), graph.doubles(ys[-1])
    value = graph.op("Where", graph.op("Less", x, graph.doubles(xs[0])), first, value)
    value = graph.op("Where", graph.op("Greater", x, graph.doubles(xs[-1])), last, value)
    return graph.op("Where", graph.op("IsNaN", x), x, value)


def monotonic(scope: Scope, model: Fitted, x: str) -> str:
    """Return an isotonic regression of `(N, 1)`."""
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
