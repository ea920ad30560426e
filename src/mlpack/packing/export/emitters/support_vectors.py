"""Support vector machines with a kernel, as libsvm computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.duels import class_pairs, class_scores, class_votes
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
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
    scores = _pairwise(scope, model, kernel)
    if method in ("predict_proba", "predict_log_proba"):
        shares = _platt(scope, model, scores)
        return Tensor(
            graph.op("Log", shares) if method == "predict_log_proba" else shares, "float64", classes
        )
    if method not in ("predict", "decision_function"):
        raise scope.unsupported(model, f"has no {method}")
    zero = graph.doubles(0.0)
    if classes == 2:
        return _of_two(scope, scores[0], method)
    if method == "decision_function" and model.decision_function_shape == "ovo":
        return graph.concat([Tensor(score, "float64", 1) for score in scores])
    if method == "predict" and not model.break_ties:
        seconds = [graph.op("Not", graph.op("Greater", score, zero)) for score in scores]
        return Tensor(formulas.argmax(graph, class_votes(graph, seconds, classes).name), "int64", None)
    seconds = [graph.op("Less", score, zero) for score in scores]
    whole = class_scores(graph, seconds, [graph.op("Neg", score) for score in scores], classes)
    if method == "predict":
        return Tensor(formulas.argmax_or_nan(graph, whole.name), "int64", None)
    return whole


def _of_two(scope: Scope, score: str, method: Method) -> Tensor:
    graph = scope.graph
    if method == "decision_function":
        return graph.flat(Tensor(graph.op("Neg", score), "float64", 1))
    first = graph.flat(Tensor(graph.op("Greater", score, graph.doubles(0.0)), "bool", 1))
    return Tensor(graph.op("Where", first.name, graph.ints(0), graph.ints(1)), "int64", None)


def _pairwise(scope: Scope, model: Fitted, kernel: str) -> list[str]:
    """Return libsvm's own decision values `(N, 1)`, one per pair, positive for the first class."""
    graph = scope.graph
    dual, counts = np.asarray(model._dual_coef_), np.asarray(model._n_support)  # noqa: SLF001
    start = np.concatenate([[0], np.cumsum(counts)])
    scores = []
    for index, (i, j) in enumerate(class_pairs(len(model.classes_))):
        mine, theirs = (np.arange(start[at], start[at + 1]) for at in (i, j))
        weights = np.concatenate([dual[j - 1, mine], dual[i, theirs]]).reshape(-1, 1)
        part = graph.op("Gather", kernel, graph.ints(np.concatenate([mine, theirs])), axis=1)
        product = graph.op("MatMul", part, graph.doubles(weights))
        scores.append(graph.op("Add", product, graph.doubles(float(np.ravel(model._intercept_)[index]))))
    return scores


def _platt(scope: Scope, model: Fitted, scores: list[str]) -> str:
    """Return probabilities `(N, classes)`: a sigmoid per pair, then the pairs coupled.

    Source: Wu, Lin and Weng, Probability Estimates for Multi-class Classification by Pairwise Coupling, 2004,
        algorithm 2, in the steps and with the stopping rule of libsvm.
    """
    graph, classes = scope.graph, len(model.classes_)
    slopes, offsets = np.ravel(model._probA), np.ravel(model._probB)  # noqa: SLF001 - fitted
    if not len(slopes):
        raise scope.unsupported(model, "was fitted without probability=True")
    least = graph.doubles(1e-7)
    shares = []
    for score, slope, offset in zip(scores, slopes, offsets, strict=True):
        line = graph.op(
            "Add", graph.op("Mul", score, graph.doubles(float(slope))), graph.doubles(float(offset))
        )
        share = formulas.sigmoid(graph, graph.op("Neg", line))
        shares.append(formulas.clip(graph, share, least, graph.op("Sub", graph.doubles(1.0), least)))
    return _coupled(scope, shares, classes)


def _coupled(scope: Scope, shares: list[str], classes: int) -> str:
    """Return the class probabilities `(N, classes)` that fit the pairs' probabilities best."""
    graph = scope.graph
    between: dict[tuple[int, int], str] = {}
    for (i, j), share in zip(class_pairs(classes), shares, strict=True):
        between[i, j], between[j, i] = share, graph.op("Sub", graph.doubles(1.0), share)
    rows = []
    for t in range(classes):
        others = [graph.op("Mul", between[j, t], between[j, t]) for j in range(classes) if j != t]
        diagonal = others[0]
        for part in others[1:]:
            diagonal = graph.op("Add", diagonal, part)
        row = [
            diagonal if j == t else graph.op("Neg", graph.op("Mul", between[j, t], between[t, j]))
            for j in range(classes)
        ]
        rows.append(graph.op("Concat", *row, axis=1))
    start = formulas.each_row(graph, shares[0], graph.doubles(np.full((1, classes), 1.0 / classes)), classes)
    running = graph.op(
        "Equal",
        graph.op("Gather", shares[0], graph.ints(0), axis=1),
        graph.op("Gather", shares[0], graph.ints(0), axis=1),
    )
    state = [Tensor(start, "float64", classes), Tensor(running, "bool", None)]

    def improve(inner: GraphBuilder, _: str, found: str, going: str) -> tuple[str, str]:
        return _one_round(inner, rows, found, going, classes)

    return graph.repeat(graph.ints(max(100, classes)), state, improve)[0]


def _one_round(graph: GraphBuilder, rows: list[str], found: str, going: str, classes: int) -> tuple[str, str]:
    """Return the probabilities after one round over the classes; rows that have converged stay."""

    def product(values: str) -> list[str]:
        return [
            graph.op("ReduceSum", graph.op("Mul", row, values), graph.ints([1]), keepdims=1) for row in rows
        ]

    ahead = product(found)
    error = graph.op(
        "ReduceSum", graph.op("Mul", found, graph.op("Concat", *ahead, axis=1)), graph.ints([1]), keepdims=1
    )
    worst = ""
    for value in ahead:
        gap = graph.op("Abs", graph.op("Sub", value, error))
        worst = graph.op("Max", worst, gap) if worst else gap
    enough = graph.op("Less", worst, graph.doubles(0.005 / classes))
    open_ = graph.op("And", going, graph.op("Reshape", graph.op("Not", enough), graph.ints([-1])))
    values = found
    for t, row in enumerate(rows):
        diagonal = graph.op("Gather", row, graph.ints([t]), axis=1)
        step = graph.op("Div", graph.op("Sub", error, ahead[t]), diagonal)
        scale = graph.op("Add", graph.doubles(1.0), step)
        moved = graph.op("Add", graph.op("Gather", values, graph.ints([t]), axis=1), step)
        bend = graph.op("Add", graph.op("Mul", step, diagonal), graph.op("Mul", graph.doubles(2.0), ahead[t]))
        error = graph.op("Add", error, graph.op("Mul", step, bend))
        error = graph.op("Div", graph.op("Div", error, scale), scale)
        ahead = [
            graph.op(
                "Div",
                graph.op(
                    "Add", ahead[j], graph.op("Mul", step, graph.op("Gather", row, graph.ints([j]), axis=1))
                ),
                scale,
            )
            for j in range(classes)
        ]
        parts = [
            graph.op("Div", moved if j == t else graph.op("Gather", values, graph.ints([j]), axis=1), scale)
            for j in range(classes)
        ]
        values = graph.op("Concat", *parts, axis=1)
    keep = graph.op("Unsqueeze", open_, graph.ints([1]))
    return graph.op("Where", keep, values, found), open_
