"""NearestCentroid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    graph, x = scope.graph, scope.doubles(model, columns)
    priors = np.asarray(getattr(model, "class_prior_", np.ones(len(model.classes_))))
    equal = np.isclose(priors, priors[0]).all()
    if method == "predict" and equal:
        if model.metric == "euclidean":
            return Tensor(formulas.nearest_point(graph, x, model.centroids_), "int64", None)
        apart = _apart(scope, model, x, model.centroids_, squared=False)
        return Tensor(graph.op("ArgMin", apart, axis=1, keepdims=0, select_last_index=0), "int64", None)
    if method == "predict":
        return Tensor(formulas.argmax(graph, _discriminants(scope, model, x)), "int64", None)
    raise scope.unsupported(
        model, f"its {method} refuses rows that its predict answers; methods=('predict',) can be packed"
    )


def _discriminants(scope: Scope, model: Fitted, x: str) -> str:
    """Return the scores `(N, classes)` that unequal priors make necessary."""
    graph = scope.graph
    spread = np.asarray(model.within_class_std_dev_)
    spread = np.where(spread == 0, 1.0, spread).reshape(1, -1)
    scaled = Tensor(graph.op("Div", x, graph.doubles(spread)), "float64", spread.shape[1])
    graph.guard(scaled, nulls=False)  # the distances check what they are given
    apart = _apart(scope, model, scaled.name, model.centroids_ / spread, squared=True)
    priors = graph.doubles(2.0 * np.log(model.class_prior_).reshape(1, -1))
    return graph.op("Add", graph.op("Neg", apart), priors)


def _apart(scope: Scope, model: Fitted, x: str, centres: np.ndarray, *, squared: bool) -> str:
    """Return `(N, classes)` distances, or their squares."""
    graph = scope.graph
    if model.metric == "euclidean":
        far = formulas.expanded_squares(graph, x, centres)
        if not squared:
            return graph.op("Sqrt", far)
        root = graph.op("Sqrt", far)  # the original squares the root again
        return graph.op("Mul", root, root)
    if model.metric != "manhattan":
        raise scope.unsupported(model, f"metric {model.metric!r} has no emitter")
    steps = graph.op("Sub", graph.op("Unsqueeze", x, graph.ints([1])), graph.doubles(centres[None]))
    total = graph.op("ReduceSum", graph.op("Abs", steps), graph.ints([2]), keepdims=0)
    return graph.op("Mul", total, total) if squared else total
