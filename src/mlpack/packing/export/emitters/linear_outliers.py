"""SGDOneClassSVM: a line that the inliers lie above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method; `predict` gives 1 for inliers and -1 for outliers."""
    graph = scope.graph
    weights = np.asarray(model.coef_, dtype=np.float64).reshape(-1, 1)
    product = graph.flat(
        Tensor(graph.op("MatMul", scope.doubles(model, columns), graph.doubles(weights)), "float64", 1)
    )
    offset = graph.doubles(np.reshape(model.offset_, ()))
    decision = graph.op("Sub", product.name, offset)
    if method == "decision_function":
        return Tensor(decision, "float64", None)
    if method == "score_samples":
        return Tensor(graph.op("Add", decision, offset), "float64", None)
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    inside = graph.op("GreaterOrEqual", decision, graph.doubles(0.0))
    return Tensor(graph.op("Where", inside, graph.ints(1), graph.ints(-1)), "int64", None)
