"""Support vector machines with a kernel, as libsvm computes them."""

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
    """Emit a method; probabilities are left to the converter."""
    graph = scope.graph
    if getattr(model, "_sparse", False):
        raise scope.unsupported(model, "was trained on a sparse matrix")
    kernel = _kernel(scope, model, scope.doubles(model, columns))
    if hasattr(model, "classes_"):
        return _classify(scope, model, kernel, method)
    dual = graph.doubles(np.asarray(model.dual_coef_).T)
    total = graph.op("Add", graph.op("MatMul", kernel, dual), graph.doubles([model.intercept_]))
    value = graph.flat(Tensor(total, "float64", 1))
    if method == "score_samples":
        return Tensor(graph.op("Add", value.name, graph.doubles(model.offset_)), "float64", None)
    if method == "predict" and hasattr(model, "offset_"):
        inside = graph.op("Greater", value.name, graph.doubles(0.0))
        return Tensor(graph.op("Where", inside, graph.ints(1), graph.ints(-1)), "int64", None)
    if method not in ("predict", "decision_function"):
        raise scope.unsupported(model, f"has no {method}")
    return value


def _kernel(scope: Scope, model: Fitted, x: str) -> str:
    """Return the kernel `(N, vectors)`."""
    graph, vectors = scope.graph, np.asarray(model.support_vectors_)
    gamma, shift = graph.doubles(model._gamma), graph.doubles(float(model.coef0))  # noqa: SLF001
    if model.kernel == "rbf":
        # About the middle of the vectors, so that the squares do not swallow the differences.
        middle = vectors.mean(axis=0, keepdims=True)
        moved = graph.op("Sub", x, graph.doubles(middle))
        apart = formulas.squared_distances(graph, moved, vectors - middle)
        far = graph.op("IsNaN", apart)
        apart = graph.op("Where", far, graph.doubles(np.inf), apart)
        return graph.op("Exp", graph.op("Neg", graph.op("Mul", gamma, apart)))
    product = graph.op("MatMul", x, graph.doubles(vectors.T))
    if model.kernel == "linear":
        return product
    inner = graph.op("Add", graph.op("Mul", gamma, product), shift)
    if model.kernel == "poly":
        power = inner
        for _ in range(int(model.degree) - 1):
            power = graph.op("Mul", power, inner)
        if int(model.degree) != model.degree or model.degree < 1:
            raise scope.unsupported(model, f"degree={model.degree}")
        return power
    if model.kernel == "sigmoid":
        return graph.op("Tanh", inner)
    raise scope.unsupported(model, "a kernel of its own")


def _classify(scope: Scope, model: Fitted, kernel: str, method: Method) -> Tensor:
    graph, classes = scope.graph, len(model.classes_)
    if method not in ("predict", "decision_function"):
        raise scope.unsupported(model, f"{method} has no emitter")
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    scores = _pairwise(scope, model, kernel, pairs)
    if classes == 2:
        value = graph.flat(Tensor(graph.op("Neg", scores), "float64", 1))
        if method == "decision_function":
            return value
        return Tensor(formulas.positive(graph, value.name, or_zero=True), "int64", None)
    ones = np.zeros((len(pairs), classes))
    others = np.zeros((len(pairs), classes))
    for index, (i, j) in enumerate(pairs):
        ones[index, i] = others[index, j] = 1.0
    if method == "decision_function" and model.decision_function_shape == "ovo":
        return Tensor(scores, "float64", len(pairs))
    ovr = method == "decision_function" or model.break_ties
    zero = graph.doubles(0.0)
    first = graph.op("GreaterOrEqual" if ovr else "Greater", scores, zero)
    votes = graph.op(
        "Add",
        graph.op("MatMul", graph.op("Cast", first, to=11), graph.doubles(ones)),
        graph.op("MatMul", graph.op("Cast", graph.op("Not", first), to=11), graph.doubles(others)),
    )
    if not ovr:
        return Tensor(formulas.argmax(graph, votes), "int64", None)
    sums = graph.op("MatMul", scores, graph.doubles(ones - others))
    size = graph.op("Mul", graph.doubles(3.0), graph.op("Add", graph.op("Abs", sums), graph.doubles(1.0)))
    whole = graph.op("Add", votes, graph.op("Div", sums, size))
    if method == "predict":
        return Tensor(formulas.argmax(graph, whole), "int64", None)
    return Tensor(whole, "float64", classes)


def _pairwise(scope: Scope, model: Fitted, kernel: str, pairs: list[tuple[int, int]]) -> str:
    """Return libsvm's own decision values `(N, pairs)`, positive for the first class of a pair."""
    dual, counts = np.asarray(model._dual_coef_), np.asarray(model._n_support)  # noqa: SLF001
    start = np.concatenate([[0], np.cumsum(counts)])
    weights = np.zeros((dual.shape[1], len(pairs)))
    for index, (i, j) in enumerate(pairs):
        mine, theirs = slice(start[i], start[i + 1]), slice(start[j], start[j + 1])
        weights[mine, index] = dual[j - 1, mine]
        weights[theirs, index] = dual[i, theirs]
    product = scope.graph.op("MatMul", kernel, scope.graph.doubles(weights))
    return scope.graph.op("Add", product, scope.graph.doubles(np.reshape(model._intercept_, (1, -1))))
