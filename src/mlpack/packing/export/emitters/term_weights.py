"""TfidfTransformer on tables: counts weighed by how rare their column is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`; zeros stay zeros, as in the original's sparse matrix."""
    graph, zero = scope.graph, scope.graph.doubles(0.0)
    x = scope.doubles(model, columns)
    empty = graph.op("Equal", x, zero)
    if model.sublinear_tf:
        x = graph.op("Add", graph.op("Log", x), graph.doubles(1.0))
    if model.use_idf:
        x = graph.op("Mul", x, graph.doubles(np.reshape(model.idf_, (1, -1))))
    x = graph.op("Where", empty, zero, x)
    if model.norm is not None:
        sizes = graph.op("Abs", x) if model.norm == "l1" else graph.op("Mul", x, x)
        total = graph.op("ReduceSum", sizes, graph.ints([1]), keepdims=1)
        total = total if model.norm == "l1" else graph.op("Sqrt", total)
        total = graph.op("Where", graph.op("Equal", total, zero), graph.doubles(1.0), total)
        x = graph.op("Where", empty, zero, graph.op("Div", x, total))
    return Columns.of(Tensor(x, "float64", columns.width))
