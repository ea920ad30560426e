"""Decision trees and forests of them, NaN routing included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.labels import label_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method of a tree or a forest."""
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    trees = list(model.estimators_) if hasattr(model, "estimators_") else [model]
    x = scope.graph.cast(scope.graph.matrix(columns, "float32"), "float64").name
    if hasattr(model, "classes_"):
        return _classify(scope, model, trees, x, method)
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    return _regress(scope, model, trees, x)


def _regress(scope: Scope, model: Fitted, trees: list[Fitted], x: str) -> Tensor:
    graph, outputs = scope.graph, int(model.n_outputs_)
    ensemble = Trees()
    if outputs > 1:
        rows = np.concatenate([tree.tree_.value[_leaf(tree), :, 0] for tree in trees])
        total = _sum_of_rows(scope, trees, x, rows)
        return Tensor(_mean(scope, total, len(trees), model), "float64", outputs)
    for tree in trees:
        ensemble.add_fitted(tree.tree_, tree.tree_.value[:, 0, 0], 0)
    total = _mean(scope, ensemble.emit(graph, x, 1), len(trees), model)
    return graph.flat(Tensor(total, "float64", 1))


def _classify(scope: Scope, model: Fitted, trees: list[Fitted], x: str, method: Method) -> Tensor:
    graph = scope.graph
    if model.n_outputs_ != 1:
        return _several(scope, model, trees, x, method)
    classes = len(model.classes_)
    rows = np.concatenate([tree.tree_.value[_leaf(tree), 0, :classes] for tree in trees])
    shares = _mean(scope, _sum_of_rows(scope, trees, x, rows), len(trees), model)
    if method == "predict":
        return Tensor(formulas.argmax(graph, shares), "int64", None)
    if method == "predict_log_proba":
        return Tensor(graph.op("Log", shares), "float64", classes)
    if method == "predict_proba":
        return Tensor(shares, "float64", classes)
    raise scope.unsupported(model, f"has no {method}")


def _several(scope: Scope, model: Fitted, trees: list[Fitted], x: str, method: Method) -> Tensor:
    """Emit `predict` of several labels: the likeliest class of each."""
    graph = scope.graph
    if method != "predict":
        raise scope.unsupported(model, f"{method} returns a list of arrays")
    parts = []
    for output, (count, classes) in enumerate(zip(model.n_classes_, model.classes_, strict=True)):
        rows = np.concatenate([tree.tree_.value[_leaf(tree), output, :count] for tree in trees])
        shares = _mean(scope, _sum_of_rows(scope, trees, x, rows), len(trees), model)
        label = label_values(scope, classes, formulas.argmax(graph, shares))
        parts.append(Tensor(graph.op("Reshape", label.name, graph.ints([-1, 1])), label.kind, 1))
    result = graph.concat(parts)
    # Forests write the labels into an array of doubles.
    return graph.cast(result, "float64") if hasattr(model, "estimators_") else result


def _sum_of_rows(scope: Scope, trees: list[Fitted], x: str, rows: NDArray[np.float64]) -> str:
    """Return the sum over trees of one row of `rows` per tree: the row of the leaf that was reached.

    Every tree writes the number of its leaf to a target of its own, and one Gather fetches the rows. That
    walks each tree once, whatever the number of classes.
    """
    graph, ensemble, start = scope.graph, Trees(), 0
    for target, tree in enumerate(trees):
        leaf = _leaf(tree)
        number = np.zeros(len(leaf))
        number[leaf] = start + np.arange(int(leaf.sum()))
        start += int(leaf.sum())
        ensemble.add_fitted(tree.tree_, number, target)
    reached = graph.op("Cast", ensemble.emit(graph, x, len(trees)), to=7)
    fetched = graph.op("Gather", graph.doubles(rows), reached)
    return graph.op("ReduceSum", fetched, graph.ints([1]), keepdims=0)


def _mean(scope: Scope, total: str, count: int, model: Fitted) -> str:
    if not hasattr(model, "estimators_"):
        return total
    return scope.graph.op("Div", total, scope.graph.doubles(float(count)))


def _leaf(tree: Fitted) -> NDArray[np.bool_]:
    return np.asarray(tree.tree_.children_left) < 0
