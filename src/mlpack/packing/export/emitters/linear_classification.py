"""Linear classifiers: scores, labels and probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.products import product

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method; binary scores are `(N,)`."""
    answer = _answer(scope, model, columns, method)
    if answer.kind == "float64" and columns.float_kind == "float32" and model.coef_.dtype == np.float32:
        return scope.graph.cast(answer, "float32")  # the original's own sums are rounded at every step
    return answer


def _answer(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph, classes = scope.graph, len(model.classes_)
    scores = _scores(scope, model, columns)
    binary = scores.width == 1
    if binary != (classes == 2):
        raise scope.unsupported(
            model, f"{classes} classes with {scores.width} scores (several labels at once)"
        )
    if method == "decision_function":
        return graph.flat(scores) if binary else scores
    if method == "predict":
        if binary:
            return Tensor(formulas.positive(graph, graph.flat(scores).name), "int64", None)
        return Tensor(formulas.argmax(graph, scores.name), "int64", None)
    if method in ("predict_proba", "predict_log_proba"):
        shares = _shares(scope, model, scores, binary=binary)
        if method == "predict_log_proba" and type(model).__name__ == "LinearDiscriminantAnalysis":
            empty = graph.op("Equal", shares, graph.doubles(0.0))  # the original keeps the logarithm finite
            shares = graph.op("Where", empty, graph.doubles(np.finfo(np.float64).smallest_normal), shares)
        shares = graph.op("Log", shares) if method == "predict_log_proba" else shares
        return Tensor(shares, "float64", classes)
    raise scope.unsupported(model, f"has no {method}")


def _scores(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    """Return `(N, scores)`."""
    graph = scope.graph
    label_binarizer = getattr(model, "_label_binarizer", None)
    if label_binarizer is not None and label_binarizer.y_type_.startswith("multilabel"):
        raise scope.unsupported(model, "several labels at once")
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else np.asarray(model.coef_)
    coef = np.atleast_2d(coef)
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    name = product(graph, columns, coef.T)
    name = graph.op("Add", name, graph.doubles(np.reshape(model.intercept_, (1, -1))))
    return Tensor(name, "float64", coef.shape[0])


def _shares(scope: Scope, model: Fitted, scores: Tensor, *, binary: bool) -> str:
    """Return probabilities `(N, classes)`."""
    graph, kind = scope.graph, type(model).__name__
    if kind == "SGDClassifier" and model.loss == "modified_huber":
        one = graph.doubles(1.0)
        limited = formulas.clip(graph, scores.name, graph.doubles(-1.0), one)
        share = graph.op("Div", graph.op("Add", limited, one), graph.doubles(2.0))
    elif kind.startswith("LogisticRegression"):
        return _logistic(scope, model, scores, binary=binary)
    elif kind == "LinearDiscriminantAnalysis" and not binary:
        return formulas.softmax(graph, scores.name)
    elif kind == "LinearDiscriminantAnalysis" or (kind == "SGDClassifier" and model.loss == "log_loss"):
        share = formulas.sigmoid(graph, scores.name)
    else:
        raise scope.unsupported(model, "has no probabilities")
    return formulas.pair(graph, share) if binary else formulas.rows_to_one(graph, share, scores.width or 0)


def _logistic(scope: Scope, model: Fitted, scores: Tensor, *, binary: bool) -> str:
    graph = scope.graph
    several = getattr(model, "multi_class", "deprecated")  # gone in scikit-learn 1.8
    if binary and several == "multinomial":
        return formulas.softmax(graph, graph.op("Concat", graph.op("Neg", scores.name), scores.name, axis=1))
    if binary:
        return formulas.pair(graph, formulas.sigmoid(graph, scores.name))
    if several == "ovr" or (several in ("deprecated", "auto") and model.solver == "liblinear"):
        share = formulas.sigmoid(graph, scores.name)
        return formulas.rows_to_one(graph, share, scores.width or 0)
    return formulas.softmax(graph, scores.name)
