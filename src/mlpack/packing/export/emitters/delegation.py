"""Wrappers that answer with the model inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.registry import public_name

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import GraphBuilder
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
    scores = scope.respond(inside, columns, method).name
    if method == "predict_proba":
        scores = graph.op("Gather", scores, graph.ints(positive), axis=1)
    elif positive == 0:
        scores = graph.op("Neg", scores)
    threshold = model.best_threshold_ if tuned else model.threshold
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    above = graph.op("GreaterOrEqual", scores, graph.doubles(threshold))
    index = graph.op("Where", above, graph.ints(positive), graph.ints(1 - positive))
    return Tensor(index, "int64", None)


_INVERSES: tuple[tuple[np.ufunc, Callable[[GraphBuilder, str], str]], ...] = (
    (np.expm1, formulas.expm1),
    (np.exp, lambda graph, x: graph.op("Exp", x)),
    (np.square, lambda graph, x: graph.op("Mul", x, x)),
)


def _inverse_target(scope: Scope, model: Fitted, target: Tensor) -> Tensor:
    """Emit the inverse of a target transformation that is a known function."""
    if model.transformer is not None:
        raise scope.unsupported(
            model, "a transformer on the target has no emitter; use func and inverse_func"
        )
    inverse = model.inverse_func
    if inverse is None:
        return target
    formula = next((formula for ufunc, formula in _INVERSES if ufunc is inverse), None)
    if formula is None or target.kind != "float64":
        name = getattr(inverse, "__name__", type(inverse).__name__)
        raise scope.unsupported(
            model, f"inverse_func {name} has no emitter; np.expm1, np.exp, np.square have"
        )
    return Tensor(formula(scope.graph, target.name), "float64", target.width)
