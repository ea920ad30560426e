"""SimpleImputer and MissingIndicator, for numbers and strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.contract import NULL_TEXT
from mlpack.packing.export.graph import Block, Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["indicated", "missing_mask", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of an imputer or an indicator."""
    columns = _as_array(scope, model, columns)
    if hasattr(model, "statistics_"):
        return indicated(scope, model, _impute(scope, model, columns), columns)
    return _indicate(scope, model, columns)


def indicated(scope: Scope, model: Fitted, filled: Columns, columns: Columns) -> Columns:
    """Return an imputer's result, with the columns that say what was missing where it adds them."""
    if not model.add_indicator or not len(model.indicator_.features_):
        return filled
    indicator = _indicate(scope, model.indicator_, columns)
    kind = filled.kinds[0] if filled.numeric else "bool"
    return Columns((*filled.blocks, *Columns.of(scope.graph.matrix(indicator, kind)).blocks))


def missing_mask(scope: Scope, model: Fitted, x: Tensor) -> str:
    """Return which of some doubles `(N, k)` are missing for an imputer."""
    mask = _missing(scope, model, x)
    return mask or scope.graph.op("Not", scope.graph.op("Equal", x.name, x.name))


def _as_array(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Return the columns as scikit-learn's input check would: numbers get one type."""
    if not columns.numeric:
        return columns
    floats = getattr(model, "strategy", "") in ("mean", "median") or not set(columns.kinds) <= {"int64"}
    return Columns.of(scope.graph.matrix(columns, columns.float_kind if floats else "int64"))


def _impute(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    blocks, start = [], 0
    for block in columns.blocks:
        fill = list(model.statistics_[start : start + block.width])
        start += block.width
        kept = [index for index, value in enumerate(fill) if model.keep_empty_features or not _is_nan(value)]
        if not kept:
            continue
        tensor = scope.graph.pick(block.tensor, kept)
        mask = _missing(scope, model, tensor)
        if mask is not None:
            row = _fill_row(scope, model, tensor, [fill[index] for index in kept])
            tensor = Tensor(scope.graph.op("Where", mask, row, tensor.name), tensor.kind, tensor.width)
        blocks.append(Block(tensor, (None,) * len(kept)))
    return Columns(tuple(blocks))


def _fill_row(scope: Scope, model: Fitted, tensor: Tensor, fill: list[Any]) -> str:
    graph = scope.graph
    if tensor.kind == "string":
        if not all(isinstance(value, str) for value in fill):
            raise scope.unsupported(model, "fills a text column with something that is not text")
        return graph.const(np.array([fill], dtype=object))
    try:
        row = np.array([fill], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise scope.unsupported(model, "fills a number column with something that is not a number") from error
    exact = row.astype(tensor.kind)
    if tensor.kind == "int64" and not np.array_equal(exact, row):
        raise scope.unsupported(model, "fills integers with fractions, which NumPy cuts off")
    return graph.const(exact)


def _missing(scope: Scope, model: Fitted, tensor: Tensor) -> str | None:
    """Return the mask of missing values `(N, k)`, or None where a column's type cannot hold one."""
    graph, wanted = scope.graph, model.missing_values
    null = wanted is None or _is_nan(wanted)
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


def _indicate(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit the boolean columns of a MissingIndicator."""
    graph, masks = scope.graph, []
    for block in columns.blocks:
        mask = _missing(scope, model, block.tensor)
        if mask is None:  # never missing: x != x is false for everything that is not NaN
            mask = graph.op("Not", graph.op("Equal", block.tensor.name, block.tensor.name))
        masks.append(Tensor(mask, "bool", block.width))
    features = [int(index) for index in model.features_]
    whole = graph.concat(masks)
    if not features:
        raise scope.unsupported(model, "no column had missing values, so the result has no columns")
    return Columns.of(graph.pick(whole, features) if model.features == "missing-only" else whole)


def _is_nan(value: object) -> bool:
    """Whether a value is NaN or pandas' NA."""
    return type(value).__name__ == "NAType" or (
        isinstance(value, (float, np.floating)) and bool(np.isnan(value))
    )
