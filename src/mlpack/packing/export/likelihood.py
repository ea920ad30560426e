"""Normal densities of decompositions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["log_likelihood"]


def log_likelihood(scope: Scope, model: Fitted, x: str) -> Tensor:
    """Return the logarithm of a normal density `(N,)` with the model's mean and precision."""
    graph, precision = scope.graph, np.asarray(model.get_precision())
    apart = graph.op("Sub", x, graph.doubles(np.reshape(model.mean_, (1, -1))))
    turned = graph.op("MatMul", apart, graph.doubles(precision))
    squares = graph.op("ReduceSum", graph.op("Mul", apart, turned), graph.ints([1]), keepdims=0)
    value = graph.op("Mul", graph.doubles(-0.5), squares)
    constant = 0.5 * (len(precision) * np.log(2.0 * np.pi) - np.linalg.slogdet(precision)[1])
    return Tensor(graph.op("Sub", value, graph.doubles(constant)), "float64", None)
