"""Models that multiply kernels to stored points: ridge, PCA, Nystroem, label propagation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.kernels import kernel_of, pairwise_kernel
from mlpack.packing.export.nearest import nearest

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of Nystroem, KernelPCA or KernelCenterer."""
    graph, x = scope.graph, scope.doubles(model, columns)
    if hasattr(model, "normalization_"):
        kernel = kernel_of(scope, model, x, np.asarray(model.components_))
        matrix = np.asarray(model.normalization_).T
    elif hasattr(model, "eigenvectors_"):
        kernel = kernel_of(scope, model, x, np.asarray(model.X_fit_))
        kernel = _centred(scope, model._centerer, kernel)  # noqa: SLF001 - the fitted centre
        some = np.flatnonzero(model.eigenvalues_)
        matrix = np.zeros_like(model.eigenvectors_)
        matrix[:, some] = model.eigenvectors_[:, some] / np.sqrt(model.eigenvalues_[some])
    else:
        return Columns.of(Tensor(_centred(scope, model, x), "float64", columns.width))
    name = graph.op("MatMul", kernel, graph.doubles(matrix))
    return Columns.of(Tensor(name, "float64", int(matrix.shape[1])))


def _centred(scope: Scope, centre: Fitted, kernel: str) -> str:
    graph, rows = scope.graph, np.asarray(centre.K_fit_rows_)
    mean = graph.op(
        "Div", graph.op("ReduceSum", kernel, graph.ints([1]), keepdims=1), graph.doubles(float(len(rows)))
    )
    moved = graph.op("Sub", graph.op("Sub", kernel, graph.doubles(rows.reshape(1, -1))), mean)
    return graph.op("Add", moved, graph.doubles(float(centre.K_fit_all_)))


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method of KernelRidge or of label propagation."""
    graph = scope.graph
    if hasattr(model, "label_distributions_"):
        return _propagated(scope, model, columns, method)
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    kernel = kernel_of(scope, model, scope.doubles(model, columns), np.asarray(model.X_fit_))
    dual = np.asarray(model.dual_coef_)
    weights = dual.reshape(len(dual), -1)
    result = Tensor(graph.op("MatMul", kernel, graph.doubles(weights)), "float64", weights.shape[1])
    return graph.flat(result) if dual.ndim == 1 else result


def _propagated(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph, shares = scope.graph, np.asarray(model.label_distributions_)
    if model.kernel == "knn":
        _, rows = nearest(scope, model.nn_fit, columns, int(model.n_neighbors))
        weighed = graph.op(
            "ReduceSum", graph.op("Gather", graph.doubles(shares), rows), graph.ints([1]), keepdims=0
        )
    elif model.kernel == "rbf":
        x, points = scope.doubles(model, columns), np.asarray(model.X_)
        kernel = pairwise_kernel(scope, model, x, points, name="rbf", options={"gamma": model.gamma})
        weighed = graph.op("MatMul", kernel, graph.doubles(shares))
    else:
        raise scope.unsupported(model, "a kernel of its own")
    whole = graph.op("Div", weighed, graph.op("ReduceSum", weighed, graph.ints([1]), keepdims=1))
    if method == "predict":
        known = graph.op("Where", graph.op("IsNaN", whole), graph.doubles(0.0), whole)
        return Tensor(formulas.argmax(graph, known), "int64", None)
    if method != "predict_proba":
        raise scope.unsupported(model, f"has no {method}")
    return Tensor(whole, "float64", shares.shape[1])
