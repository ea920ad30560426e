"""KBinsDiscretizer: numbers become bins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`: how many inner edges each value has reached, as a number or one-hot."""
    graph = scope.graph
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    kind = columns.float_kind if model.dtype is None else np.dtype(model.dtype).name
    if kind != columns.float_kind:
        raise scope.unsupported(model, f"dtype={kind} on {columns.float_kind} columns")
    x = graph.cast(graph.matrix(columns, columns.float_kind), "float64")
    parts = []
    for index, edges in enumerate(model.bin_edges_):
        column = graph.pick(x, [index]).name
        reached = graph.op("GreaterOrEqual", column, graph.doubles(np.reshape(edges[1:-1], (1, -1))))
        places = graph.op("ReduceSum", graph.op("Cast", reached, to=11), graph.ints([1]), keepdims=1)
        part = Tensor(places, "float64", 1)
        if model.encode != "ordinal":
            bins = int(model.n_bins_[index])
            hits = graph.op("Equal", places, graph.doubles(np.arange(float(bins)).reshape(1, -1)))
            part = Tensor(hits, "bool", bins)
        parts.append(graph.cast(part, columns.float_kind))
    return Columns.of(graph.concat(parts))
