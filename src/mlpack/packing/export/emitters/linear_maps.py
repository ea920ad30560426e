"""Transformers that are a matrix product about a mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.likelihood import log_likelihood

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`: subtract, divide, multiply."""
    graph, name = scope.graph, type(model).__name__
    x = scope.doubles(model, columns)
    mean, scale, matrix = _MAPS[name](model)
    if mean is not None:
        x = graph.op("Sub", x, graph.doubles(np.reshape(mean, (1, -1))))
    if scale is not None:
        x = graph.op("Div", x, graph.doubles(np.reshape(scale, (1, -1))))
    x = _product(scope, model, x, matrix)
    if name == "FactorAnalysis":
        inverse = np.linalg.inv(np.eye(matrix.shape[1]) + matrix.T @ np.asarray(model.components_).T)
        x = graph.op("MatMul", x, graph.doubles(inverse))
    if name == "RBFSampler":
        x = graph.op("Cos", graph.op("Add", x, graph.doubles(np.reshape(model.random_offset_, (1, -1)))))
        x = graph.op("Mul", x, graph.doubles((2.0 / matrix.shape[1]) ** 0.5))
    if name == "BernoulliRBM":
        x = formulas.sigmoid(
            graph, graph.op("Add", x, graph.doubles(np.reshape(model.intercept_hidden_, (1, -1))))
        )
    return Columns.of(Tensor(x, "float64", int(matrix.shape[1])))


def _product(scope: Scope, model: Fitted, x: str, matrix: np.ndarray) -> str:
    """Return `x @ matrix`; where the original's matrix is sparse, added up in its order if that is short."""
    graph, components = scope.graph, getattr(model, "components_", None)
    if (
        components is None
        or not hasattr(components, "tocsr")
        or components.nnz > _SHORT
        or 0 in np.diff(components.tocsr().indptr)
    ):
        return graph.op("MatMul", x, graph.doubles(matrix))
    parts = []
    for row in components.tocsr():
        total = ""
        for place, weight in zip(row.indices, row.data, strict=True):
            part = graph.op(
                "Mul", graph.doubles(weight), graph.op("Gather", x, graph.ints([int(place)]), axis=1)
            )
            total = graph.op("Add", total, part) if total else part
        parts.append(Tensor(total, "float64", 1))
    return graph.concat(parts).name


_SHORT = 1000
"""Most terms that are worth a node each."""


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict` of the partial least squares family, or `score_samples` of factor analysis."""
    graph = scope.graph
    if method == "score_samples" and type(model).__name__ == "FactorAnalysis":
        return log_likelihood(scope, model, scope.doubles(model, columns))
    if method != "predict" or not hasattr(model, "x_rotations_"):
        raise scope.unsupported(model, f"{method} has no emitter")
    x = graph.op("Sub", scope.doubles(model, columns), graph.doubles(np.reshape(model._x_mean, (1, -1))))  # noqa: SLF001
    product = graph.op("MatMul", x, graph.doubles(np.asarray(model.coef_).T))
    total = graph.op("Add", product, graph.doubles(np.reshape(model.intercept_, (1, -1))))
    result = Tensor(total, "float64", int(np.asarray(model.coef_).shape[0]))
    return graph.flat(result) if getattr(model, "_predict_1d", False) else result


_Map = tuple["np.ndarray | None", "np.ndarray | None", "np.ndarray"]


def _plain(model: Fitted) -> _Map:
    components = model.components_
    matrix = components.toarray() if hasattr(components, "toarray") else np.asarray(components)
    return None, None, matrix.T.astype(np.float64)


def _independent(model: Fitted) -> _Map:
    return (model.mean_ if model.whiten else None), None, np.asarray(model.components_).T


def _factors(model: Fitted) -> _Map:
    weighted = model.components_ / model.noise_variance_
    return model.mean_, None, weighted.T


def _least_squares(model: Fitted) -> _Map:
    turned = model.x_weights_ if type(model).__name__ == "PLSSVD" else model.x_rotations_
    return model._x_mean, model._x_std, np.asarray(turned)  # noqa: SLF001 - the fitted scaling


def _random_fourier(model: Fitted) -> _Map:
    return None, None, np.asarray(model.random_weights_)


def _sparse_components(model: Fitted) -> _Map:
    parts = np.asarray(model.components_)
    gram = parts @ parts.T + model.ridge_alpha * np.eye(len(parts))
    return model.mean_, None, np.linalg.solve(gram, parts).T


def _agglomerated(model: Fitted) -> _Map:
    if model.pooling_func is not np.mean:
        raise AttributeError("pooling_func")
    groups = np.unique(model.labels_)
    matrix = (np.asarray(model.labels_)[:, None] == groups[None]).astype(np.float64)
    return None, None, matrix / matrix.sum(axis=0)


_MAPS = {
    "FastICA": _independent,
    "FactorAnalysis": _factors,
    "PLSRegression": _least_squares,
    "PLSCanonical": _least_squares,
    "CCA": _least_squares,
    "PLSSVD": _least_squares,
    "GaussianRandomProjection": _plain,
    "SparseRandomProjection": _plain,
    "NeighborhoodComponentsAnalysis": _plain,
    "BernoulliRBM": _plain,
    "RBFSampler": _random_fourier,
    "SparsePCA": _sparse_components,
    "MiniBatchSparsePCA": _sparse_components,
    "FeatureAgglomeration": _agglomerated,
}
