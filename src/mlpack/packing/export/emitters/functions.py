"""FunctionTransformer: the function is followed, not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.packing.export.graph import Columns, Unsupported
from mlpack.packing.export.tracing import trace

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit the function of a FunctionTransformer."""
    if model.func is None:
        return columns
    if model.validate:  # an array, whatever came in
        if not columns.numeric:
            raise scope.unsupported(model, "validate=True on text columns")
        kinds = set(columns.kinds)
        columns = Columns.of(scope.graph.matrix(columns, columns.kinds[0] if len(kinds) == 1 else "float64"))
        scope.graph.guard(columns.blocks[0].tensor, nulls=False)
    name = getattr(model.func, "__name__", type(model.func).__name__)
    try:
        return trace(scope.graph, model.func, model.kw_args or {}, columns)
    except Unsupported as refused:
        raise scope.unsupported(model, f"{name} {refused.reason}; move it out of the pipeline") from refused
