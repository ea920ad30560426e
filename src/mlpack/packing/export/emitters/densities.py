"""KernelDensity: the logarithm of a sum of kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.kernels import column_distances

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `score_samples`."""
    graph, tree = scope.graph, model.tree_
    if method != "score_samples" or model.metric != "euclidean" or model.atol or model.rtol:
        raise scope.unsupported(model, f"{method} with metric {model.metric!r} and tolerances has no emitter")
    points = np.asarray(tree.data, dtype=np.float64)
    x = scope.doubles(model, columns, single=True)
    squares = column_distances(graph, x, points, squared=True)
    values = _log_kernel(scope, model, squares)
    weights = np.ones(len(points)) if tree.sample_weight is None else np.asarray(tree.sample_weight)
    values = graph.op("Add", values, graph.doubles(np.log(weights).reshape(1, -1)))
    # The constant of the kernel, from the original: a single point of the same width, asked at itself.
    origin = np.zeros((1, points.shape[1]))
    alone = type(model)(bandwidth=float(model.bandwidth_), kernel=model.kernel).fit(origin)
    start = float(alone.score_samples(origin)[0]) - float(np.log(weights.sum()))
    whole = formulas.log_sum_exp(graph, values)
    return graph.flat(Tensor(graph.op("Add", whole, graph.doubles(start)), "float64", 1))


def _log_kernel(scope: Scope, model: Fitted, squares: str) -> str:
    """Return the logarithm of the kernel without its constant; minus infinity beyond its reach."""
    graph, width, kernel = scope.graph, float(model.bandwidth_), model.kernel
    if kernel == "gaussian":
        return graph.op("Div", graph.op("Mul", graph.doubles(-0.5), squares), graph.doubles(width * width))
    apart, one = graph.op("Sqrt", squares), graph.doubles(1.0)
    ratio = graph.op("Div", apart, graph.doubles(width))
    if kernel == "exponential":
        return graph.op("Neg", ratio)
    inside = graph.op("Less", apart, graph.doubles(width))
    if kernel == "tophat":
        value = graph.doubles(0.0)
    elif kernel == "epanechnikov":
        value = graph.op("Log", graph.op("Sub", one, graph.op("Div", squares, graph.doubles(width * width))))
    elif kernel == "linear":
        value = graph.op("Log", graph.op("Sub", one, ratio))
    elif kernel == "cosine":
        value = graph.op("Log", graph.op("Cos", graph.op("Mul", graph.doubles(0.5 * np.pi), ratio)))
    else:
        raise scope.unsupported(model, f"kernel {kernel!r} has no emitter")
    return graph.op("Where", inside, value, graph.doubles(-np.inf))
