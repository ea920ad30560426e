"""What is missing, for every imputer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.format.contract import NULL_TEXT
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["indicated", "indicator_columns", "is_nan", "missing_mask", "missing_values"]


def indicated(scope: Scope, model: Fitted, filled: Columns, columns: Columns) -> Columns:
    """Return an imputer's result, with the columns that say what was missing where it adds them."""
    if not model.add_indicator or not len(model.indicator_.features_):
        return filled
    indicator = indicator_columns(scope, model.indicator_, columns)
    kind = filled.kinds[0] if filled.numeric else "bool"
    return Columns((*filled.blocks, *Columns.of(scope.graph.matrix(indicator, kind)).blocks))


def missing_mask(scope: Scope, model: Fitted, x: Tensor) -> str:
    """Return which of some doubles `(N, k)` are missing for an imputer."""
    mask = missing_values(scope, model, x)
    return mask or scope.graph.op("Not", scope.graph.op("Equal", x.name, x.name))


def missing_values(scope: Scope, model: Fitted, tensor: Tensor) -> str | None:
    """Return the mask of missing values `(N, k)`, or None where a column's type cannot hold one."""
    graph, wanted = scope.graph, model.missing_values
    null = wanted is None or is_nan(wanted)
    if tensor.name in graph.none_marked and null and wanted is not None:
        return None  # the caller's missing texts are None, which is not NaN: the original leaves them
    if tensor.kind == "string":
        text = NULL_TEXT if null else wanted
        if not isinstance(text, str):
            return None
        return graph.op("Equal", tensor.name, graph.const(np.array([[text]], dtype=object)))
    if null and wanted is not None and tensor.kind in ("float64", "float32"):
        return graph.op("IsNaN", tensor.name)
    if null or isinstance(wanted, str):
        return None
    if tensor.kind == "bool":
        raise scope.unsupported(model, f"missing_values={wanted!r} on a boolean column")
    value = np.array([[wanted]]).astype(tensor.kind)
    return graph.op("Equal", tensor.name, graph.const(value)) if value[0, 0] == wanted else None


def indicator_columns(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit the boolean columns of a MissingIndicator."""
    graph, masks = scope.graph, []
    for block in columns.blocks:
        mask = missing_values(scope, model, block.tensor)
        if mask is None:  # never missing: x != x is false for everything that is not NaN
            mask = graph.op("Not", graph.op("Equal", block.tensor.name, block.tensor.name))
        masks.append(Tensor(mask, "bool", block.width))
    features = [int(index) for index in model.features_]
    whole = graph.concat(masks)
    if not features:
        raise scope.unsupported(model, "no column had missing values, so the result has no columns")
    return Columns.of(graph.pick(whole, features) if model.features == "missing-only" else whole)


def is_nan(value: object) -> bool:
    """Whether a value is NaN or pandas' NA."""
    return type(value).__name__ == "NAType" or (
        isinstance(value, (float, np.floating)) and bool(np.isnan(value))
    )
