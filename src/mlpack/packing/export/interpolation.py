"""Straight lines between points, as numpy.interp draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder

__all__ = ["interpolate"]


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
