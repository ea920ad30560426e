"""Regressors that are a matrix product, some behind a logarithmic link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.products import product

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict`."""
    graph = scope.graph
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else np.asarray(model.coef_)
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    weights = coef.reshape(1, -1) if coef.ndim == 1 else coef
    name = product(graph, columns, weights.T)
    name = graph.op("Add", name, graph.doubles(np.reshape(model.intercept_, (1, -1))))
    if hasattr(model, "_base_loss"):
        name = _inverse_link(scope, model, name)
    result = Tensor(name, "float64", weights.shape[0])
    if columns.float_kind == "float32" and coef.dtype == np.float32:
        result = graph.cast(result, "float32")  # the original's own sums are rounded at every step
    flat = coef.ndim == 1 or type(model).__name__ == "LinearSVR"
    return graph.flat(result) if flat else result


def _inverse_link(scope: Scope, model: Fitted, name: str) -> str:
    link = type(model._base_loss.link).__name__  # noqa: SLF001 - the fitted link
    if link == "LogLink":
        return scope.graph.op("Exp", name)
    if link == "IdentityLink":
        return name
    raise scope.unsupported(model, f"link {link} has no emitter")
