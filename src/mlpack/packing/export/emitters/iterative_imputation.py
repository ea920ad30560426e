"""IterativeImputer: every column with missing values predicted from the others, round after round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.missing import indicated, missing_mask

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform`."""
    graph = scope.graph
    if model.sample_posterior:
        raise scope.unsupported(model, "sample_posterior answers at random")
    x = Tensor(scope.doubles(model, columns), "float64", columns.width)
    missing = missing_mask(scope, model, x)
    filled = graph.matrix(
        scope.inner("initial_imputer_").transform(model.initial_imputer_, Columns.of(x)), "float64"
    )
    graph.finite.add(filled.name)
    empty = np.asarray(model._is_empty_feature)  # noqa: SLF001 - columns that training never saw filled
    kept = list(range(columns.width)) if model.keep_empty_features else np.flatnonzero(~empty).tolist()
    if filled.width != len(kept):
        raise scope.unsupported(model, "the first imputer drops other columns")
    mask = Tensor(graph.op("Gather", missing, graph.ints(kept), axis=1), "bool", len(kept))
    parts = [graph.pick(filled, [index]) for index in range(len(kept))]
    for number, step in enumerate(model.imputation_sequence_ if model.n_iter_ else []):
        at = int(step.feat_idx)
        others = graph.concat([parts[int(index)] for index in step.neighbor_feat_idx])
        graph.finite.add(others.name)
        inner = scope.inner(f"imputation_sequence_[{number}]")
        guess = inner.respond(step.estimator, Columns.of(others), "predict")
        low, high = (graph.doubles(limits[at]) for limits in (model._min_value, model._max_value))  # noqa: SLF001
        limited = formulas.clip(graph, graph.op("Reshape", guess.name, graph.ints([-1, 1])), low, high)
        hole = graph.pick(mask, [at]).name
        if model.keep_empty_features and empty[at]:
            continue
        parts[at] = Tensor(graph.op("Where", hole, limited, parts[at].name), "float64", 1)
    return indicated(scope, model, Columns.of(graph.concat(parts)), columns)
