"""RandomTreesEmbedding: a column per leaf, one where the row comes to lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export.ensembles import Trees
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`: every tree gives the number of its node, and the encoder's categories are nodes."""
    graph, ensemble = scope.graph, Trees()
    if not columns.numeric or np.dtype(model.one_hot_encoder_.dtype) != np.float64:
        raise scope.unsupported(model, "meets text columns, or gives something other than doubles")
    x = graph.cast(graph.matrix(columns, "float32"), "float64").name
    for target, tree in enumerate(model.estimators_):
        ensemble.add_fitted(tree.tree_, np.arange(float(tree.tree_.node_count)), target)
    reached = Tensor(ensemble.emit(graph, x, len(model.estimators_)), "float64", len(model.estimators_))
    parts = []
    for index, nodes in enumerate(model.one_hot_encoder_.categories_):
        row = graph.doubles(np.asarray(nodes, dtype=np.float64).reshape(1, -1))
        parts.append(Tensor(graph.op("Equal", graph.pick(reached, [index]).name, row), "bool", len(nodes)))
    return Columns.of(graph.cast(graph.concat(parts), "float64"))
