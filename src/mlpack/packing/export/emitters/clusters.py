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
    """Emit `predict`: the nearest centre. A row's own square is the same for all of them and left out."""
    graph, centres = scope.graph, _centres(scope, model)
    if method != "predict" or type(model).__name__ == "BisectingKMeans":
        raise scope.unsupported(model, f"{method} has no emitter")
    x = scope.doubles(model, columns)
    product = graph.op("Mul", graph.op("MatMul", x, graph.doubles(centres.T)), graph.doubles(-2.0))
    squares = graph.doubles(np.einsum("ij,ij->i", centres, centres).reshape(1, -1))
    nearest = graph.op("ArgMin", graph.op("Add", product, squares), axis=1, keepdims=0, select_last_index=0)
    if hasattr(model, "subcluster_labels_"):
        nearest = graph.op("Gather", graph.ints(model.subcluster_labels_), nearest)
    return Tensor(nearest, "int64", None)


def _centres(scope: Scope, model: Fitted) -> np.ndarray:
    centres = getattr(model, "cluster_centers_", None)
    centres = getattr(model, "subcluster_centers_", None) if centres is None else centres
    if centres is None or len(centres) == 0:
        raise scope.unsupported(model, "has no centres")
    return np.asarray(centres, dtype=np.float64)
