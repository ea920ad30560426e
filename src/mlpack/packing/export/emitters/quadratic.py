"""Quadratic discriminant analysis and the elliptic envelope: Mahalanobis distances."""

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
    x = scope.doubles(model, columns)
    if type(model).__name__ == "EllipticEnvelope":
        return _envelope(scope, model, x, method)
    return _classify(scope, model, x, method)


def _classify(scope: Scope, model: Fitted, x: str, method: Method) -> Tensor:
    graph, classes = scope.graph, len(model.classes_)
    if not hasattr(model, "rotations_"):
        raise scope.unsupported(model, "keeps no rotations")
    norms = []
    for mean, rotation, scaling in zip(model.means_, model.rotations_, model.scalings_, strict=True):
        apart = graph.op("Sub", x, graph.doubles(np.reshape(mean, (1, -1))))
        turned = graph.op("MatMul", apart, graph.doubles(rotation * (scaling**-0.5)))
        squares = graph.op("Mul", turned, turned)
        norms.append(Tensor(graph.op("ReduceSum", squares, graph.ints([1]), keepdims=1), "float64", 1))
    logs = np.array([[np.sum(np.log(scaling)) for scaling in model.scalings_]])
    total = graph.op("Add", graph.concat(norms).name, graph.doubles(logs))
    total = graph.op("Mul", graph.doubles(-0.5), total)
    scores = graph.op("Add", total, graph.doubles(np.log(model.priors_).reshape(1, -1)))
    if method == "predict":
        return Tensor(formulas.argmax(graph, scores), "int64", None)
    if method == "decision_function":
        whole = Tensor(scores, "float64", classes)
        if classes != 2:
            return whole
        parts = [graph.flat(graph.pick(whole, [index])).name for index in (1, 0)]
        return Tensor(graph.op("Sub", *parts), "float64", None)
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    shares = formulas.log_shares(graph, scores)
    return Tensor(graph.op("Exp", shares) if method == "predict_proba" else shares, "float64", classes)


def _envelope(scope: Scope, model: Fitted, x: str, method: Method) -> Tensor:
    graph = scope.graph
    apart = graph.op("Sub", x, graph.doubles(np.reshape(model.location_, (1, -1))))
    turned = graph.op("MatMul", apart, graph.doubles(model.get_precision()))
    distance = graph.op("ReduceSum", graph.op("Mul", turned, apart), graph.ints([1]), keepdims=0)
    score = graph.op("Neg", distance)
    if method == "score_samples":
        return Tensor(score, "float64", None)
    decision = graph.op("Sub", score, graph.doubles(float(model.offset_)))
    if method == "decision_function":
        return Tensor(decision, "float64", None)
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    inside = graph.op("GreaterOrEqual", decision, graph.doubles(0.0))
    return Tensor(graph.op("Where", inside, graph.ints(1), graph.ints(-1)), "int64", None)
