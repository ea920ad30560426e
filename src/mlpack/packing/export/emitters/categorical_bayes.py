"""CategoricalNB: log probabilities of codes."""

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
    """Emit a method; a code below zero or beyond the ones known is refused."""
    graph, classes = scope.graph, len(model.classes_)
    x = Tensor(scope.doubles(model, columns, single=True), "float64", columns.width)
    joint = ""
    for index, table in enumerate(model.feature_log_prob_):
        column = graph.pick(x, [index]).name
        known = np.asarray(table).shape[1]
        below = graph.op("LessOrEqual", column, graph.doubles(-1.0))  # codes are cut off towards zero
        above = graph.op("GreaterOrEqual", column, graph.doubles(float(known)))
        outside = graph.op("Or", below, above)
        graph.guards.append(graph.flat(Tensor(outside, "bool", 1)).name)
        safe = graph.op("Where", outside, graph.doubles(0.0), column)
        code = graph.flat(Tensor(graph.op("Cast", safe, to=7), "int64", 1)).name
        part = graph.op("Gather", graph.doubles(np.asarray(table).T), code)
        joint = graph.op("Add", joint, part) if joint else part
    joint = graph.op("Add", joint, graph.doubles(np.reshape(model.class_log_prior_, (1, -1))))
    if method == "predict":
        return Tensor(formulas.argmax(graph, joint), "int64", None)
    if method not in ("predict_proba", "predict_log_proba"):
        raise scope.unsupported(model, f"has no {method}")
    shares = formulas.log_softmax(graph, joint)
    return Tensor(graph.op("Exp", shares) if method == "predict_proba" else shares, "float64", classes)
