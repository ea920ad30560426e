"""A model between functions of its author's: each is followed, not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from mlpack.packing.export.graph import Block, Columns, Kind, Tensor, Unsupported
from mlpack.packing.export.tracing import trace_answer

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Scope
    from mlpack.runtime.processed import Processed

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Processed, columns: Columns) -> Columns:
    """Emit `transform` of the model inside, between the functions."""
    made = scope.transform(model.estimator, _prepared(scope, model, columns))
    if model.postprocess is None or model.changed != "transform":
        return made
    kinds = set(made.kinds)
    table = scope.graph.matrix(made, made.kinds[0] if len(kinds) == 1 else "float64")
    answer = _changed(scope, model, table)
    return Columns((Block(answer, (None,) * (answer.width or 1)),))


def respond(scope: Scope, model: Processed, columns: Columns, method: Method) -> Tensor:
    """Emit another method of the model inside, between the functions."""
    answer = scope.respond(model.estimator, _prepared(scope, model, columns), method)
    if model.postprocess is None or model.changed != method:
        return answer
    if method == "predict" and answer.kind == "int64" and answer.width is None:
        answer = _labels(scope, model, answer)
    return _changed(scope, model, answer)


def _prepared(scope: Scope, model: Processed, columns: Columns) -> Columns:
    """Emit the first function, as the step of a pipeline that it would be."""
    if model.preprocess is None:
        return columns
    from sklearn.preprocessing import FunctionTransformer

    return scope.inner("preprocess").transform(FunctionTransformer(model.preprocess), columns)


def _labels(scope: Scope, model: Processed, index: Tensor) -> Tensor:
    """Return the labels of a classifier, which the second function takes, for their places."""
    classes = getattr(model.estimator, "classes_", None)
    if classes is None:
        return index
    labels = np.asarray(classes)
    if labels.ndim != 1 or labels.dtype.name not in ("int64", "float64", "bool"):
        raise Unsupported("postprocess", f"takes labels of type {labels.dtype}, which no graph computes with")
    name = scope.graph.op("Gather", scope.graph.const(labels), index.name, axis=0)
    return Tensor(name, cast("Kind", labels.dtype.name), None)


def _changed(scope: Scope, model: Processed, answer: Tensor) -> Tensor:
    assert model.postprocess is not None  # noqa: S101 (both callers have looked)
    name = getattr(model.postprocess, "__name__", "postprocess")
    try:
        return trace_answer(scope.graph, model.postprocess, answer)
    except Unsupported as refused:
        raise Unsupported("postprocess", f"{name} {refused.reason}") from refused
