"""Kernels between rows and stored points, in double."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["column_distances", "kernel_of", "pairwise_kernel"]


def kernel_of(scope: Scope, model: Fitted, x: str, points: NDArray[np.float64]) -> str:
    """Return the kernel `(N, points)` of a model that has the options of a kernel."""
    options = {
        "gamma": getattr(model, "gamma_", model.gamma),
        "degree": model.degree,
        "coef0": model.coef0,
    }
    if not isinstance(model.kernel, str) or getattr(model, "kernel_params", None):
        raise scope.unsupported(model, "a kernel of its own")
    return pairwise_kernel(scope, model, x, points, name=model.kernel, options=options)


def pairwise_kernel(
    scope: Scope,
    model: Fitted,
    x: str,
    points: NDArray[np.float64],
    *,
    name: str,
    options: Mapping[str, Any],
) -> str:
    """Return scikit-learn's pairwise kernel `(N, points)`; an option that is None has its default."""
    graph = scope.graph
    gamma, degree, coef0 = (options.get(key) for key in ("gamma", "degree", "coef0"))
    scale = graph.doubles(1.0 / points.shape[1] if gamma is None else float(gamma))
    if name == "rbf":
        # The original expands the squares. Here no difference is lost in them, but what overflows to
        # something that is not a number there has to be none here.
        apart = column_distances(graph, x, points, squared=True)
        own = graph.op("ReduceSum", graph.op("Mul", x, x), graph.ints([1]), keepdims=1)
        product = graph.op("Mul", graph.op("MatMul", x, graph.doubles(points.T)), graph.doubles(-2.0))
        lost = graph.op("IsNaN", graph.op("Add", own, product))
        apart = graph.op("Where", lost, graph.doubles(np.nan), apart)
        return graph.op("Exp", graph.op("Neg", graph.op("Mul", scale, apart)))
    if name == "laplacian":
        apart = column_distances(graph, x, points, squared=False)
        return graph.op("Exp", graph.op("Neg", graph.op("Mul", scale, apart)))
    product = graph.op("MatMul", x, graph.doubles(points.T))
    if name == "linear":
        return product
    shift = graph.doubles(1.0 if coef0 is None else float(coef0))
    if name in ("poly", "polynomial"):
        power = 3.0 if degree is None else float(degree)
        inner = graph.op("Add", graph.op("Mul", product, scale), shift)
        return graph.op("Pow", inner, graph.doubles(power))
    if name == "sigmoid":
        return graph.op("Tanh", graph.op("Add", graph.op("Mul", product, scale), shift))
    if name == "cosine":
        norms = np.sqrt(np.einsum("ij,ij->i", points, points))
        mine = graph.op("Sqrt", graph.op("ReduceSum", graph.op("Mul", x, x), graph.ints([1]), keepdims=1))
        mine = graph.op("Where", graph.op("Equal", mine, graph.doubles(0.0)), graph.doubles(1.0), mine)
        unit = points / np.where(norms == 0, 1.0, norms)[:, None]
        return graph.op("MatMul", graph.op("Div", x, mine), graph.doubles(unit.T))
    raise scope.unsupported(model, f"kernel {name!r} has no emitter")


def column_distances(graph: GraphBuilder, x: str, points: NDArray[np.float64], *, squared: bool) -> str:
    """Return `(N, points)` sums of squared, or of absolute, differences, column by column."""
    total = ""
    for index in range(points.shape[1]):
        column = graph.op("Gather", x, graph.ints([index]), axis=1)
        apart = graph.op("Sub", column, graph.doubles(points[:, index].reshape(1, -1)))
        part = graph.op("Mul", apart, apart) if squared else graph.op("Abs", apart)
        total = graph.op("Add", total, part) if total else part
    return total
