"""SimpleImputer and MissingIndicator, for numbers and strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.export.graph import Block, Columns, Tensor
from mlpack.packing.export.missing import indicated, indicator_columns, is_nan, missing_values

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of an imputer or an indicator."""
    columns = _as_array(scope, model, columns)
    if hasattr(model, "statistics_"):
        return indicated(scope, model, _impute(scope, model, columns), columns)
    return indicator_columns(scope, model, columns)


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
        kept = [index for index, value in enumerate(fill) if model.keep_empty_features or not is_nan(value)]
        if not kept:
            continue
        tensor = scope.graph.pick(block.tensor, kept)
        mask = missing_values(scope, model, tensor)
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
