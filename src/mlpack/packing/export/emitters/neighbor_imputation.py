"""KNNImputer: missing values from the training rows nearest in what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.missing import indicated, missing_mask

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`."""
    graph, points = scope.graph, np.asarray(model._fit_X)  # noqa: SLF001 - the stored rows
    if model.metric != "nan_euclidean" or points.dtype != np.float64 or not isinstance(model.weights, str):
        raise scope.unsupported(model, "a metric or weights of its own, or float32")
    x = Tensor(scope.doubles(model, columns), "float64", columns.width)
    missing = missing_mask(scope, model, x)
    apart = _distances(scope, model, x, missing)
    valid = np.asarray(model._valid_mask)  # noqa: SLF001 - columns that training has seen filled
    parts = []
    for index in range(columns.width):
        mine = graph.pick(x, [index])
        if not valid[index]:
            if model.keep_empty_features:
                zeros = graph.op(
                    "Mul", graph.doubles(0.0), graph.op("Cast", graph.op("IsNaN", mine.name), to=11)
                )
                parts.append(Tensor(zeros, "float64", 1))
            continue
        guess = _guess(scope, model, apart, index)
        hole = graph.op("Gather", missing, graph.ints([index]), axis=1)
        parts.append(Tensor(graph.op("Where", hole, guess, mine.name), "float64", 1))
    return indicated(scope, model, Columns.of(graph.concat(parts)), columns)


def _distances(scope: Scope, model: Fitted, x: Tensor, missing: str) -> str:
    """Return distances `(N, points)` over the columns that both sides have; infinite where there is none.

    Source: Dixon, Pattern Recognition with Partly Missing Data, 1979.
    """
    graph, zero = scope.graph, scope.graph.doubles(0.0)
    holes = np.asarray(model._mask_fit_X)  # noqa: SLF001
    points = np.where(holes, 0.0, np.asarray(model._fit_X))  # noqa: SLF001
    mine = graph.op("Where", missing, zero, x.name)
    total, count = "", ""
    for index in range(points.shape[1]):
        column = graph.op("Gather", mine, graph.ints([index]), axis=1)
        absent = graph.op("Gather", missing, graph.ints([index]), axis=1)
        either = graph.op("Or", absent, graph.const(holes[:, index].reshape(1, -1)))
        step = graph.op("Sub", column, graph.doubles(points[:, index].reshape(1, -1)))
        part = graph.op("Where", either, zero, graph.op("Mul", step, step))
        seen = graph.op("Cast", graph.op("Not", either), to=11)
        total, count = (graph.op("Add", total, part), graph.op("Add", count, seen)) if total else (part, seen)
    none = graph.op("Equal", count, zero)
    count = graph.op("Where", none, graph.doubles(1.0), count)
    scaled = graph.op("Mul", graph.op("Div", total, count), graph.doubles(float(points.shape[1])))
    return graph.op("Where", none, graph.doubles(np.inf), graph.op("Sqrt", scaled))


def _guess(scope: Scope, model: Fitted, apart: str, index: int) -> str:
    """Return the mean of the nearest rows that have the column `(N, 1)`; of all where none is comparable."""
    graph, zero = scope.graph, scope.graph.doubles(0.0)
    holes = np.asarray(model._mask_fit_X)[:, index]  # noqa: SLF001
    donors = np.flatnonzero(~holes)
    values = np.asarray(model._fit_X)[donors, index]  # noqa: SLF001
    count = min(int(model.n_neighbors), len(donors))
    near = graph.op("Gather", apart, graph.ints(donors), axis=1)
    found, places = graph.ops("TopK", near, graph.ints([count]), outputs=2, axis=1, largest=0, sorted=1)
    known = graph.op("Not", graph.op("IsInf", found))
    weights = graph.op("Cast", known, to=11)
    if model.weights == "distance":
        shares = graph.op("Div", graph.doubles(1.0), found)
        touching = graph.op("Cast", graph.op("IsInf", shares), to=11)
        some = graph.op("Greater", graph.op("ReduceMax", touching, graph.ints([1]), keepdims=1), zero)
        weights = graph.op("Where", known, graph.op("Where", some, touching, shares), zero)
    given = graph.op("Gather", graph.doubles(values), places)
    total = graph.op("ReduceSum", graph.op("Mul", weights, given), graph.ints([1]), keepdims=1)
    size = graph.op("ReduceSum", weights, graph.ints([1]), keepdims=1)
    alone = graph.op(
        "Not", graph.op("Greater", graph.op("ReduceMax", weights, graph.ints([1]), keepdims=1), zero)
    )
    mean = graph.doubles(float(np.ma.array(values).mean()))
    return graph.op("Where", alone, mean, graph.op("Div", total, size))
