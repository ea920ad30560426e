"""IsolationForest: mean depth of random trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method; `predict` gives 1 for inliers and -1 for outliers."""
    graph = scope.graph
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    if method not in ("predict", "decision_function", "score_samples"):
        raise scope.unsupported(model, f"has no {method}")
    scores = _scores(scope, model, columns)
    if method == "score_samples":
        return scores
    decision = graph.op("Sub", scores.name, graph.doubles(float(model.offset_)))
    if method == "decision_function":
        return Tensor(decision, "float64", None)
    outlier = graph.op("Less", decision, graph.doubles(0.0))
    return Tensor(graph.op("Where", outlier, graph.ints(-1), graph.ints(1)), "int64", None)


def _scores(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    graph, ensemble = scope.graph, Trees()
    x = graph.cast(graph.matrix(columns, "float32"), "float64").name
    lengths = model._decision_path_lengths  # noqa: SLF001 - what the original adds up
    averages = model._average_path_length_per_tree  # noqa: SLF001
    for index, (tree, features) in enumerate(zip(model.estimators_, model.estimators_features_, strict=True)):
        fitted = tree.tree_
        leaf = np.asarray(fitted.children_left) < 0
        ensemble.add(
            left=fitted.children_left,
            right=fitted.children_right,
            feature=np.where(leaf, 0, np.asarray(features)[np.where(leaf, 0, fitted.feature)]),
            split=fitted.threshold,
            missing_left=fitted.missing_go_to_left,
            value=lengths[index] + averages[index] - 1.0,
            target=0,
            leaf=leaf,
        )
    depths = graph.flat(Tensor(ensemble.emit(graph, x, 1), "float64", 1)).name
    most = _average_path(int(model._max_samples))  # noqa: SLF001
    ratio = graph.op("Div", depths, graph.doubles(len(model.estimators_) * most)) if most else ""
    if not ratio:
        raise scope.unsupported(model, "trained on one row per tree")
    power = graph.op("Pow", graph.doubles(2.0), graph.op("Neg", ratio))
    return Tensor(graph.op("Neg", power), "float64", None)


def _average_path(rows: int) -> float:
    """Return the mean depth of an unsuccessful search in a random tree of `rows` leaves.

    Source: Liu, Ting and Zhou, Isolation Forest, ICDM 2008, equation 1.
    """
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return float(2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)
