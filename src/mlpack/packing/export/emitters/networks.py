"""Multi-layer perceptrons."""

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
    graph = scope.graph
    if np.asarray(model.coefs_[0]).dtype != np.float64:
        raise scope.unsupported(model, "was trained in float32; train on float64 for an exact export")
    x = scope.doubles(model, columns)
    last = len(model.coefs_) - 1
    for index, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        x = graph.op("Add", graph.op("MatMul", x, graph.doubles(weights)), graph.doubles(bias.reshape(1, -1)))
        x = _activated(scope, model, model.activation if index < last else model.out_activation_, x)
    width = int(np.asarray(model.intercepts_[-1]).shape[0])
    result = Tensor(x, "float64", width)
    if not hasattr(model, "classes_"):
        return graph.flat(result) if width == 1 else result
    return _classified(scope, model, result, method)


def _classified(scope: Scope, model: Fitted, shares: Tensor, method: Method) -> Tensor:
    graph = scope.graph
    if model.out_activation_ == "logistic" and shares.width != 1:
        return _labelled(scope, model, shares, method)
    if method == "predict":
        if shares.width == 1:
            above = graph.op("Greater", graph.flat(shares).name, graph.doubles(0.5))
            return Tensor(graph.op("Cast", above, to=7), "int64", None)
        return Tensor(formulas.argmax(graph, shares.name), "int64", None)
    whole = formulas.pair(graph, shares.name) if shares.width == 1 else shares.name
    if method == "predict_log_proba":
        whole = graph.op("Log", whole)
    elif method != "predict_proba":
        raise scope.unsupported(model, f"has no {method}")
    return Tensor(whole, "float64", len(model.classes_))


def _labelled(scope: Scope, model: Fitted, shares: Tensor, method: Method) -> Tensor:
    """Emit several labels at once: a share, and a zero or one, for each."""
    graph = scope.graph
    if method == "predict":
        above = graph.op("Greater", shares.name, graph.doubles(0.5))
        return Tensor(graph.op("Cast", above, to=7), "int64", shares.width)
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    return (
        shares if method == "predict_proba" else Tensor(graph.op("Log", shares.name), "float64", shares.width)
    )


def _activated(scope: Scope, model: Fitted, name: str, x: str) -> str:
    graph = scope.graph
    if name == "identity":
        return x
    if name == "relu":
        return graph.op("Where", graph.op("Less", x, graph.doubles(0.0)), graph.doubles(0.0), x)
    if name == "tanh":
        return graph.op("Tanh", x)
    if name == "logistic":
        return formulas.sigmoid(graph, x)
    if name == "softmax":
        return formulas.softmax(graph, x)
    raise scope.unsupported(model, f"activation {name!r} has no emitter")
