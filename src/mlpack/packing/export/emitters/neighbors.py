"""Models that answer with their nearest training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.labels import label_values
from mlpack.packing.export.nearest import nearest, reduced_distances

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`: the graph of neighbours, zero where there is none."""
    graph, points = scope.graph, int(model.n_samples_fit_)
    by_distance = model.mode == "distance"
    if type(model).__name__ == "RadiusNeighborsTransformer":
        apart = reduced_distances(scope, model, columns)
        near = graph.op("LessOrEqual", apart.reduced, graph.doubles(apart.radius(float(model.radius))))
        value = apart.full(graph, apart.reduced) if by_distance else graph.doubles(1.0)
        kept = graph.op("Where", near, value, graph.doubles(0.0))
        back = graph.pick(Tensor(kept, "float64", points), np.argsort(apart.order).tolist())
        return Columns.of(back)
    count = int(model.n_neighbors) + by_distance
    distances, rows = nearest(scope, model, columns, count)
    ones = formulas.each_row(graph, rows, graph.doubles(np.ones((1, count))), count)
    empty = formulas.each_row(graph, rows, graph.doubles(np.zeros((1, points))), points)
    whole = graph.op(
        "ScatterElements", empty, rows, distances if by_distance else ones, axis=1, reduction="add"
    )
    return Columns.of(Tensor(whole, "float64", points))


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    name = type(model).__name__
    if not isinstance(model.weights, str) and model.weights is not None:
        raise scope.unsupported(model, "weights by a function of its own")
    if name.endswith("Regressor"):
        return _regress(scope, model, columns, method)
    if model.outputs_2d_:
        return _several(scope, model, columns, method)
    if name.startswith("KNeighbors"):
        votes = _near_votes(scope, model, columns, np.ravel(model._y), len(model.classes_))  # noqa: SLF001
    else:
        votes = _votes_within(scope, model, columns)
    return _classify(scope, model, votes, method)


def _several(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit `predict` of several labels, each voted for by itself."""
    graph, parts = scope.graph, []
    if method != "predict" or not type(model).__name__.startswith("KNeighbors"):
        raise scope.unsupported(model, "several labels at once")
    for output, classes in enumerate(model.classes_):
        votes = _near_votes(scope, model, columns, np.asarray(model._y)[:, output], len(classes))  # noqa: SLF001
        label = label_values(scope, classes, formulas.argmax(graph, votes))
        parts.append(Tensor(graph.op("Reshape", label.name, graph.ints([-1, 1])), label.kind, 1))
    return graph.concat(parts)


def _classify(scope: Scope, model: Fitted, votes: str, method: Method) -> Tensor:
    graph = scope.graph
    if method == "predict":
        return Tensor(formulas.argmax(graph, votes), "int64", None)
    if method != "predict_proba":
        raise scope.unsupported(model, f"has no {method}")
    total = graph.op("ReduceSum", votes, graph.ints([1]), keepdims=1)
    return Tensor(graph.op("Div", votes, total), "float64", len(model.classes_))


def _near_votes(scope: Scope, model: Fitted, columns: Columns, targets: np.ndarray, classes: int) -> str:
    """Return the votes `(N, classes)` of the nearest rows, added in their order."""
    graph, count = scope.graph, int(model.n_neighbors)
    distances, rows = nearest(scope, model, columns, count)
    hits = np.eye(classes)[targets]
    weights = _weights(scope, model, distances)
    if weights is not None:  # the original refuses rows whose neighbours all count nothing
        most = graph.op("ReduceMax", weights, graph.ints([1]), keepdims=0)
        graph.guards.append(graph.op("Equal", most, graph.doubles(0.0)))
    total = ""
    for place in range(count):
        column = graph.op("Gather", rows, graph.ints(place), axis=1)
        part = graph.op("Gather", graph.doubles(hits), column)
        if weights is not None:
            part = graph.op("Mul", part, graph.op("Gather", weights, graph.ints([place]), axis=1))
        total = graph.op("Add", total, part) if total else part
    return total


def _votes_within(scope: Scope, model: Fitted, columns: Columns) -> str:
    """Return the votes `(N, classes)` of the rows within the radius; of none, what the options say."""
    graph = scope.graph
    weights, empty, order = _within(scope, model, columns)
    hits = np.eye(len(model.classes_))[np.asarray(model._y).ravel()][order]  # noqa: SLF001
    votes = graph.op("MatMul", weights, graph.doubles(hits))
    if model.outlier_label_ is None:
        graph.guards.append(graph.flat(Tensor(empty, "bool", 1)).name)
        return votes
    alone = np.asarray(model.classes_ == model.outlier_label_[0], dtype=np.float64).reshape(1, -1)
    if not alone.any():
        raise scope.unsupported(model, "outlier_label is none of the classes")
    return graph.op("Where", empty, graph.doubles(alone), votes)


def _within(scope: Scope, model: Fitted, columns: Columns) -> tuple[str, str, np.ndarray]:
    """Return the weights `(N, points)`, whether there is no neighbour `(N, 1)`, and the points' rows."""
    graph, apart = scope.graph, reduced_distances(scope, model, columns)
    near = graph.op("LessOrEqual", apart.reduced, graph.doubles(apart.radius(float(model.radius))))
    mask = graph.op("Cast", near, to=11)
    empty = graph.op("Equal", graph.op("ReduceMax", mask, graph.ints([1]), keepdims=1), graph.doubles(0.0))
    if model.weights == "distance":
        distances = graph.op("Where", near, apart.full(graph, apart.reduced), graph.doubles(np.inf))
        mask = _weights(scope, model, distances) or mask
    return mask, empty, apart.order


def _weights(scope: Scope, model: Fitted, distances: str) -> str | None:
    """Return one over the distance; where some distance is 0, those rows alone count. None: all count 1."""
    graph = scope.graph
    if model.weights != "distance":
        return None
    shares = graph.op("Div", graph.doubles(1.0), distances)
    touching = graph.op("Cast", graph.op("IsInf", shares), to=11)
    some = graph.op(
        "Greater", graph.op("ReduceMax", touching, graph.ints([1]), keepdims=1), graph.doubles(0.0)
    )
    return graph.op("Where", some, touching, shares)


def _regress(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph = scope.graph
    targets = np.asarray(model._y)  # noqa: SLF001 - the stored targets
    flat = targets.ndim == 1
    targets = targets.reshape(len(targets), -1)
    if method != "predict" or targets.dtype == np.float32:
        raise scope.unsupported(model, f"{method}, or targets in float32")
    if type(model).__name__.startswith("Radius"):
        weights, empty, order = _within(scope, model, columns)
        nothing = np.full_like(targets[:1], np.nan).astype(np.float64)
        targets = targets.astype(np.float64)[order]
        total = graph.op("ReduceSum", weights, graph.ints([1]), keepdims=1)
        mean = graph.op("Div", graph.op("MatMul", weights, graph.doubles(targets)), total)
        value = graph.op("Where", empty, graph.doubles(nothing), mean)
    else:
        value = _mean_of_nearest(scope, model, columns, targets.astype(np.float64))
    result = Tensor(value, "float64", targets.shape[1])
    return graph.flat(result) if flat else result


def _mean_of_nearest(scope: Scope, model: Fitted, columns: Columns, targets: np.ndarray) -> str:
    graph = scope.graph
    distances, rows = nearest(scope, model, columns, int(model.n_neighbors))
    values = graph.op("Gather", graph.doubles(targets), rows)  # (N, k, targets)
    weights = _weights(scope, model, distances)
    if weights is None:
        return graph.op("ReduceMean", values, graph.ints([1]), keepdims=0)
    spread = graph.op("Unsqueeze", weights, graph.ints([2]))
    top = graph.op("ReduceSum", graph.op("Mul", values, spread), graph.ints([1]), keepdims=0)
    return graph.op("Div", top, graph.op("ReduceSum", weights, graph.ints([1]), keepdims=1))
