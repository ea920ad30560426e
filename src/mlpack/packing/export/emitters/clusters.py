"""Clusterers that know their centres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`: the distance to every centre."""
    centres = _centres(scope, model)
    if type(model).__name__ not in ("KMeans", "MiniBatchKMeans", "BisectingKMeans", "Birch"):
        raise scope.unsupported(model, "has no transform")
    apart = formulas.squared_distances(scope.graph, scope.doubles(model, columns), centres)
    return Columns.of(Tensor(scope.graph.op("Sqrt", apart), "float64", len(centres)))


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict`: the nearest centre."""
    graph, name = scope.graph, type(model).__name__
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    x = scope.doubles(model, columns)
    if name == "BisectingKMeans":
        return Tensor(_by_halves(scope, model, model._bisecting_tree, x), "int64", None)  # noqa: SLF001
    centres = _centres(scope, model)
    if name in ("KMeans", "MiniBatchKMeans"):
        return Tensor(_without_own_square(scope, x, centres), "int64", None)
    nearest = formulas.nearest_point(graph, x, centres)
    if name == "Birch":
        nearest = graph.op("Gather", graph.ints(model.subcluster_labels_), nearest)
    return Tensor(nearest, "int64", None)


def _without_own_square(scope: Scope, x: str, centres: np.ndarray) -> str:
    """Return the nearest centre as the k-means family finds it: a row's own square is left out."""
    graph = scope.graph
    product = graph.op("Mul", graph.op("MatMul", x, graph.doubles(centres.T)), graph.doubles(-2.0))
    squares = graph.doubles(np.einsum("ij,ij->i", centres, centres).reshape(1, -1))
    return graph.op("ArgMin", graph.op("Add", product, squares), axis=1, keepdims=0, select_last_index=0)


def _by_halves(scope: Scope, model: Fitted, node: Fitted, x: str) -> str:
    """Return the label `(N,)` of the leaf that a row comes to, going to the nearer half at each node."""
    graph = scope.graph
    if node.left is None:
        like = graph.op("Gather", x, graph.ints(0), axis=1)
        return graph.op("Expand", graph.ints([node.label]), graph.op("Shape", like))
    centres = np.vstack((node.left.center, node.right.center))
    if hasattr(model, "_X_mean"):
        centres = centres + model._X_mean  # noqa: SLF001 - what fitting took off
    side = _without_own_square(scope, x, centres)
    left, right = (_by_halves(scope, model, half, x) for half in (node.left, node.right))
    return graph.op("Where", graph.op("Equal", side, graph.ints(0)), left, right)


def _centres(scope: Scope, model: Fitted) -> np.ndarray:
    centres = getattr(model, "cluster_centers_", None)
    centres = getattr(model, "subcluster_centers_", None) if centres is None else centres
    if centres is None or len(centres) == 0:
        raise scope.unsupported(model, "has no centres")
    return np.asarray(centres, dtype=np.float64)
