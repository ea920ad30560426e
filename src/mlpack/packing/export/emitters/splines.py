"""SplineTransformer: B-splines as polynomials between knots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`; beyond the knots as `extrapolation` says."""
    graph = scope.graph
    if model.extrapolation not in ("constant", "linear", "continue"):
        raise scope.unsupported(model, f"extrapolation={model.extrapolation!r} has no emitter")
    if getattr(model, "handle_missing", "error") != "error":
        raise scope.unsupported(model, "handle_missing has no emitter")
    whole = Tensor(scope.doubles(model, columns), "float64", columns.width)
    parts = []
    for index, spline in enumerate(model.bsplines_):
        part = _basis(scope, model, graph.pick(whole, [index]).name, spline)
        width = part.width or 0
        parts.append(part if model.include_bias else graph.pick(part, list(range(width - 1))))
    return Columns.of(graph.concat(parts))


def _basis(scope: Scope, model: Fitted, x: str, spline: Fitted) -> Tensor:
    """Return `(N, splines)` of one column `(N, 1)`."""
    from scipy.interpolate import PPoly

    graph, degree, knots = scope.graph, int(spline.k), np.asarray(spline.t)
    low, high = float(knots[degree]), float(knots[-degree - 1])
    inner = knots[degree : len(knots) - degree]
    count = spline.c.shape[1]
    pieces = [PPoly.from_spline((knots, spline.c[:, index], degree)) for index in range(count)]
    # (intervals, degree + 1, splines): the polynomials in x - knot, highest power first.
    table = np.stack([piece.c[:, degree : len(knots) - 1 - degree].T for piece in pieces], axis=2)
    limits = graph.doubles(low), graph.doubles(high)
    at = x if model.extrapolation == "continue" else formulas.clip(graph, x, *limits)
    reached = graph.op("GreaterOrEqual", at, graph.doubles(inner[1:-1].reshape(1, -1)))
    interval = graph.op("ReduceSum", graph.op("Cast", reached, to=7), graph.ints([1]), keepdims=0)
    offset = graph.op("Sub", at, graph.op("Gather", graph.doubles(inner[:-1].reshape(-1, 1)), interval))
    value = graph.op("Gather", graph.doubles(table[:, 0]), interval)
    for power in range(1, degree + 1):
        coefficient = graph.op("Gather", graph.doubles(table[:, power]), interval)
        value = graph.op("Add", graph.op("Mul", value, offset), coefficient)
    if model.extrapolation == "linear":
        beyond = graph.op("Sub", x, at)
        ends = np.stack([spline(low, nu=1), spline(high, nu=1)])
        keep = max(degree, 2) if degree <= 1 else degree
        ends[0, keep:] = ends[1, : count - keep] = 0.0
        side = graph.op(
            "Cast",
            graph.op("Greater", graph.op("Reshape", beyond, graph.ints([-1])), graph.doubles(0.0)),
            to=7,
        )
        slope = graph.op("Gather", graph.doubles(ends), side)
        value = graph.op("Add", value, graph.op("Mul", beyond, slope))
    return Tensor(value, "float64", count)
