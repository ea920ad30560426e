"""Feature selectors: the columns that their fitted mask keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import Columns, Tensor
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit the selection."""
    kept = [int(index) for index in model.get_support(indices=True)]
    if not kept:
        raise scope.unsupported(model, "selects no column")
    return scope.graph.select(columns, kept)


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method of the estimator inside RFE or RFECV, on the columns that it keeps."""
    if type(model).__name__ not in ("RFE", "RFECV"):
        raise scope.unsupported(model, f"has no {method}")
    return scope.inner("estimator_").respond(model.estimator_, transform(scope, model, columns), method)
