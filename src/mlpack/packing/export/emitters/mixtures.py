"""Gaussian mixtures: log densities of every component, then shares."""

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
    means = np.asarray(model.means_)
    if means.dtype != np.float64:
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    x = scope.doubles(model, columns)
    # The constant that every component adds, from the original itself: at a mean its distance is zero.
    squares = _squares(scope, model, x)
    at_means = model._estimate_weighted_log_prob(means)  # noqa: SLF001 - the fitted densities
    start = np.array([at_means[k, k] for k in range(len(means))]) + 0.5 * _own_squares(model)
    joint = graph.op("Sub", graph.doubles(start.reshape(1, -1)), graph.op("Mul", graph.doubles(0.5), squares))
    if method == "predict":
        return Tensor(formulas.argmax(graph, joint), "int64", None)
    if method == "predict_proba":
        return Tensor(graph.op("Exp", formulas.log_softmax(graph, joint)), "float64", len(means))
    if method != "score_samples":
        raise scope.unsupported(model, f"has no {method}")
    return graph.flat(Tensor(formulas.log_sum_exp(graph, joint), "float64", 1))


def _own_squares(model: Fitted) -> np.ndarray:
    """Return the squared distance of each mean to itself, as rounding makes it."""
    means, factor = np.asarray(model.means_), np.asarray(model.precisions_cholesky_)
    if model.covariance_type in ("full", "tied"):
        return np.zeros(len(means))
    precisions = factor**2
    if model.covariance_type == "spherical":
        precisions = np.repeat(precisions[:, None], means.shape[1], axis=1)
    own: np.ndarray = (
        np.sum(means**2 * precisions, axis=1)
        - 2.0 * np.einsum("ij,ij->i", means, means * precisions)
        + np.einsum("ij,ij->i", means**2, precisions)
    )
    return own


def _squares(scope: Scope, model: Fitted, x: str) -> str:
    """Return the squared distances `(N, components)` in the metric of each component."""
    graph, means = scope.graph, np.asarray(model.means_)
    factor = np.asarray(model.precisions_cholesky_)
    if model.covariance_type in ("full", "tied"):
        parts = []
        for index, mean in enumerate(means):
            one = factor[index] if model.covariance_type == "full" else factor
            turned = graph.op(
                "Sub", graph.op("MatMul", x, graph.doubles(one)), graph.doubles((mean @ one)[None])
            )
            total = graph.op("ReduceSum", graph.op("Mul", turned, turned), graph.ints([1]), keepdims=1)
            parts.append(Tensor(total, "float64", 1))
        return graph.concat(parts).name
    precisions = factor**2
    if model.covariance_type == "spherical":
        precisions = np.repeat(precisions[:, None], means.shape[1], axis=1)
    constant = np.sum(means**2 * precisions, axis=1)
    product = graph.op("MatMul", x, graph.doubles((means * precisions).T))
    total = graph.op(
        "Sub", graph.doubles(constant.reshape(1, -1)), graph.op("Mul", graph.doubles(2.0), product)
    )
    return graph.op("Add", total, graph.op("MatMul", graph.op("Mul", x, x), graph.doubles(precisions.T)))
