"""DummyClassifier and DummyRegressor: the same answer for every row."""

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
    """Emit a method whose answer does not depend on the row."""
    graph, like = scope.graph, columns.blocks[0].tensor.name
    if model.n_outputs_ != 1 and hasattr(model, "classes_"):
        raise scope.unsupported(model, "several labels at once")
    if model.strategy in ("stratified", "uniform"):
        raise scope.unsupported(model, f"strategy={model.strategy!r} answers at random")
    if not hasattr(model, "classes_"):
        if method != "predict":
            raise scope.unsupported(model, f"has no {method}")
        width = int(model.n_outputs_)
        value = graph.doubles(np.ravel(model.constant_).reshape(1, width))
        result = Tensor(formulas.each_row(graph, like, value, width), "float64", width)
        return graph.flat(result) if width == 1 else result
    row = np.zeros((1, model.n_features_in_ if hasattr(model, "n_features_in_") else 1))
    if method == "predict":
        index = int(np.flatnonzero(model.classes_ == model.predict(row)[0])[0])
        return graph.flat(Tensor(formulas.each_row(graph, like, graph.ints([[index]]), 1), "int64", 1))
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    with np.errstate(divide="ignore"):
        shares = np.asarray(getattr(model, method)(row), dtype=np.float64)
    width = shares.shape[1]
    return Tensor(formulas.each_row(graph, like, graph.doubles(shares), width), "float64", width)
