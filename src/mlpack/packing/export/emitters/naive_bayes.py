"""Naive Bayes: joint log likelihoods, then a softmax."""

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
    """Emit a method."""
    graph, classes = scope.graph, len(model.classes_)
    joint = _JOINT[type(model).__name__](scope, model, scope.numbers(model, columns))
    if method == "predict":
        return Tensor(formulas.argmax(graph, joint), "int64", None)
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    shares = formulas.log_softmax(graph, joint)
    shares = graph.op("Exp", shares) if method == "predict_proba" else shares
    return Tensor(shares, "float64", classes)


def _gaussian(scope: Scope, model: Fitted, columns: Columns) -> str:
    graph = scope.graph
    x = graph.matrix(columns, "float64").name
    apart = graph.op("Sub", graph.op("Unsqueeze", x, graph.ints([1])), graph.doubles(model.theta_[None]))
    squares = graph.op("Div", graph.op("Mul", apart, apart), graph.doubles(model.var_[None]))
    total = graph.op("ReduceSum", squares, graph.ints([2]), keepdims=0)
    half = graph.op("Mul", graph.doubles(0.5), total)
    start = np.log(model.class_prior_) - 0.5 * np.sum(np.log(2.0 * np.pi * model.var_), axis=1)
    return graph.op("Sub", graph.doubles(start.reshape(1, -1)), half)


def _multinomial(scope: Scope, model: Fitted, columns: Columns) -> str:
    return _linear(scope, columns, model.feature_log_prob_, model.class_log_prior_)


def _complement(scope: Scope, model: Fitted, columns: Columns) -> str:
    prior = model.class_log_prior_ if len(model.classes_) == 1 else np.zeros(len(model.classes_))
    return _linear(scope, columns, model.feature_log_prob_, prior)


def _bernoulli(scope: Scope, model: Fitted, columns: Columns) -> str:
    above = None if model.binarize is None else float(model.binarize)
    negative = np.log(1 - np.exp(model.feature_log_prob_))
    prior = model.class_log_prior_ + negative.sum(axis=1)
    return _linear(scope, columns, model.feature_log_prob_ - negative, prior, above=above)


def _linear(
    scope: Scope, columns: Columns, weights: np.ndarray, prior: np.ndarray, *, above: float | None = None
) -> str:
    total = product(scope.graph, columns, np.asarray(weights).T, above=above)
    return scope.graph.op("Add", total, scope.graph.doubles(np.reshape(prior, (1, -1))))


_JOINT = {
    "GaussianNB": _gaussian,
    "MultinomialNB": _multinomial,
    "ComplementNB": _complement,
    "BernoulliNB": _bernoulli,
}
