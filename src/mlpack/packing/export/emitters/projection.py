"""PCA and TruncatedSVD: a matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.likelihood import log_likelihood
from mlpack.packing.export.products import product

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`: project, then centre, then whiten, in scikit-learn's order."""
    graph, components = scope.graph, np.asarray(model.components_)
    if columns.float_kind == "float32" and components.dtype == np.float32:
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    name = product(graph, columns, components.T)
    if getattr(model, "mean_", None) is not None:
        name = graph.op("Sub", name, graph.doubles(np.reshape(model.mean_, (1, -1)) @ components.T))
    if getattr(model, "whiten", False):
        scale = np.sqrt(np.asarray(model.explained_variance_, dtype=np.float64))
        scale = np.maximum(scale, np.finfo(np.float64).eps)
        name = graph.op("Div", name, graph.doubles(scale.reshape(1, -1)))
    return Columns.of(Tensor(name, "float64", components.shape[0]))


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `score_samples` of PCA."""
    if method != "score_samples" or type(model).__name__ != "PCA":
        raise scope.unsupported(model, f"has no {method}")
    if np.asarray(model.components_).dtype != np.float64:
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    return log_likelihood(scope, model, scope.doubles(model, columns))
