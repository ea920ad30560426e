"""Wrappers that answer with the model inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor, Unsupported
from mlpack.packing.export.registry import public_name
from mlpack.packing.export.tracing import trace

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of the model inside."""
    return scope.transform(_inside(model), columns)


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method of the model inside, with what the wrapper adds to it."""
    name = type(model).__name__
    if name == "TransformedTargetRegressor":
        return _inverse_target(scope, model, scope.respond(model.regressor_, columns, "predict"))
    if method == "predict" and name in ("FixedThresholdClassifier", "TunedThresholdClassifierCV"):
        return _threshold(scope, model, columns)
    return scope.respond(_inside(model), columns, method)


def _inside(model: Fitted) -> Fitted:
    for attribute in ("best_estimator_", "estimator_", "estimator"):
        if hasattr(model, attribute):
            return getattr(model, attribute)
    raise AttributeError(public_name(type(model)))


def _threshold(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    """Emit the label of a binary classifier whose decision threshold was moved."""
    graph, inside = scope.graph, _inside(model)
    wanted = model.response_method
    method: Method = "decision_function"
    if wanted == "predict_proba" or (wanted == "auto" and hasattr(inside, "predict_proba")):
        method = "predict_proba"
    tuned = hasattr(model, "best_threshold_")
    label = model._curve_scorer._get_pos_label() if tuned else model.pos_label  # noqa: SLF001
    classes = list(inside.classes_)
    positive = 1 if label is None else classes.index(label)
    answer = scope.respond(inside, columns, method)
    scores, kind = answer.name, answer.kind
    if method == "predict_proba":
        scores = graph.op("Gather", scores, graph.ints(positive), axis=1)
    elif positive == 0:
        scores = graph.op("Neg", scores)
    threshold = model.best_threshold_ if tuned else model.threshold
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    above = graph.op("GreaterOrEqual", scores, graph.const(np.array(threshold, dtype=kind)))
    index = graph.op("Where", above, graph.ints(positive), graph.ints(1 - positive))
    return Tensor(index, "int64", None)


def _inverse_target(scope: Scope, model: Fitted, target: Tensor) -> Tensor:
    """Emit the inverse of a target transformation: a function that can be followed, or a scaler."""
    graph, inverse = scope.graph, model.transformer_
    wide = graph.cast(target, "float64")
    shape = graph.ints([-1, target.width or 1])
    table = Tensor(graph.op("Reshape", wide.name, shape), "float64", target.width or 1)
    graph.guard(table, nulls=False)  # both kinds of transformer check what they are given
    name = type(inverse).__name__
    if name == "FunctionTransformer":
        columns = Columns.of(table)
        if inverse.inverse_func is not None:
            columns = _followed(scope, model, columns)
        result = graph.matrix(columns, "float64")
    elif public_name(type(inverse)) in _UNDOING:
        scale, shift = _UNDOING[public_name(type(inverse))](inverse)
        value = table.name
        for kind, row in (
            (("Mul", scale), ("Add", shift)) if name != "MinMaxScaler" else (("Sub", shift), ("Div", scale))
        ):
            if row is not None:
                value = graph.op(kind, value, graph.doubles(np.reshape(row, (1, -1))))
        result = Tensor(value, "float64", table.width)
    else:
        raise scope.unsupported(model, f"the inverse of a {name} on the target has no emitter")
    result = graph.cast(result, target.kind)
    return graph.flat(result) if target.width is None or result.width == 1 else result


def _followed(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    try:
        return trace(scope.graph, model.transformer_.inverse_func, {}, columns)
    except Unsupported as refused:
        raise scope.unsupported(model, f"inverse_func {refused.reason}") from refused


_UNDOING: dict[str, Callable[[Fitted], tuple[Any, Any]]] = {
    "sklearn.preprocessing.StandardScaler": lambda scaler: (scaler.scale_, scaler.mean_),
    "sklearn.preprocessing.RobustScaler": lambda scaler: (scaler.scale_, scaler.center_),
    "sklearn.preprocessing.MaxAbsScaler": lambda scaler: (scaler.scale_, None),
    "sklearn.preprocessing.MinMaxScaler": lambda scaler: (scaler.scale_, scaler.min_),
}
"""Scaler -> what its inverse multiplies by and adds; MinMaxScaler's subtracts and divides."""
