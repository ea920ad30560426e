"""What mlpack needs to put a Winsorizer into a graph. Only `pack` imports this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.packing.export.plugins import Columns, Tensor, formulas

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Scope
    from winsor.transformer import Winsorizer

CHECKS_INPUT = True
"""`check_array` refuses missing values and infinities; the graph has to refuse them too."""


def transform(scope: Scope, model: Winsorizer, columns: Columns) -> Columns:
    """Emit the two comparisons."""
    graph = scope.graph
    x = graph.matrix(columns, "float64")
    low, high = graph.doubles(model.low_.reshape(1, -1)), graph.doubles(model.high_.reshape(1, -1))
    return Columns.of(Tensor(formulas.clip(graph, x.name, low, high), "float64", x.width))
