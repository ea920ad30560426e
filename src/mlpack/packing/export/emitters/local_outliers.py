"""LocalOutlierFactor: how much sparser a row lies than its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.nearest import nearest

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method of a novelty detector.

    Source: Breunig, Kriegel, Ng and Sander, LOF: Identifying Density-Based Local Outliers, SIGMOD 2000,
        definitions 5 to 7.
    """
    graph, count = scope.graph, int(model.n_neighbors_)
    if np.asarray(model._fit_X).dtype == np.float32:  # noqa: SLF001 - the stored points
        raise scope.unsupported(model, "computes in float32; train on float64 for an exact export")
    distances, rows = nearest(scope, model, columns, count)
    theirs = graph.op("Gather", graph.doubles(model._distances_fit_X_[:, count - 1]), rows)
    reach = graph.op("ReduceMean", graph.op("Max", distances, theirs), graph.ints([1]), keepdims=1)
    density = graph.op("Div", graph.doubles(1.0), graph.op("Add", reach, graph.doubles(1e-10)))
    ratios = graph.op("Div", graph.op("Gather", graph.doubles(model._lrd), rows), density)  # noqa: SLF001
    score = graph.op("Neg", graph.op("ReduceMean", ratios, graph.ints([1]), keepdims=0))
    if method == "score_samples":
        return Tensor(score, "float64", None)
    decision = graph.op("Sub", score, graph.doubles(float(model.offset_)))
    if method == "decision_function":
        return Tensor(decision, "float64", None)
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    outside = graph.op("Less", decision, graph.doubles(0.0))
    return Tensor(graph.op("Where", outside, graph.ints(-1), graph.ints(1)), "int64", None)
