"""A table times a matrix: of sparse rows only the weights that they meet are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlpack.packing.export.graph import Columns, GraphBuilder, Tensor
    from mlpack.packing.export.hosting import SparseForm

__all__ = ["product"]


def product(graph: GraphBuilder, columns: Columns, weights: np.ndarray, *, above: float | None = None) -> str:
    """Return `[N, c]` in double: all columns times weights of shape `(k, c)`.

    Args:
        graph: The graph.
        columns: Numbers, k columns.
        weights: Shape (k, c).
        above: Take 1 for numbers above this threshold and 0 for others instead of the numbers.
    """
    parts: list[str] = []
    dense: list[tuple[Tensor, int]] = []
    start = 0
    hosting = graph.hosting
    for block in columns.blocks:
        rows = hosting.sparse.get(block.tensor.name) if hosting else None
        if rows is None or (above is not None and above < 0):  # below zero, what is not stored counts too
            dense.append((graph.cast(block.tensor, "float64"), start))
        else:
            parts.append(_gathered(graph, rows, weights[start : start + rows.width], above))
        start += block.width
    if dense:
        matrix = graph.concat([tensor for tensor, _ in dense]).name
        if above is not None:
            matrix = _over(graph, matrix, above)
        kept = np.concatenate([weights[at : at + (tensor.width or 0)] for tensor, at in dense])
        parts.insert(0, graph.op("MatMul", matrix, graph.doubles(kept)))
    total = parts[0]
    for part in parts[1:]:
        total = graph.op("Add", total, part)
    return total


def _gathered(graph: GraphBuilder, rows: SparseForm, weights: np.ndarray, above: float | None) -> str:
    """Return the product of sparse rows; what pads them meets some weight, times zero."""
    met = graph.op("Gather", graph.doubles(weights), rows.indices, axis=0)
    values = rows.values if rows.kind == "float64" else graph.op("Cast", rows.values, to=11)
    if above is not None:
        values = _over(graph, values, above)
    line = graph.op("Unsqueeze", values, graph.ints([1]))
    return graph.op("Squeeze", graph.op("MatMul", line, met), graph.ints([1]))


def _over(graph: GraphBuilder, values: str, threshold: float) -> str:
    return graph.op("Cast", graph.op("Greater", values, graph.doubles(threshold)), to=11)
