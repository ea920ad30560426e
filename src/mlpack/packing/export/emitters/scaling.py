"""Scalers, Normalizer, Binarizer and PolynomialFeatures."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of one of the classes above."""
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    steps = {
        "StandardScaler": _standard,
        "MinMaxScaler": _min_max,
        "MaxAbsScaler": _max_abs,
        "RobustScaler": _robust,
        "Normalizer": _normalize,
        "Binarizer": _binarize,
        "PolynomialFeatures": _polynomial,
    }
    return Columns.of(steps[type(model).__name__](scope, model, columns))


def _standard(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    x = scope.graph.matrix(columns, columns.float_kind)
    if model.with_mean:  # the attributes are cast to the type of the data first
        x = _combine(scope, "Sub", x, np.asarray(model.mean_).astype(x.kind))
    if model.with_std:
        x = _combine(scope, "Div", x, np.asarray(model.scale_).astype(x.kind))
    return x


def _min_max(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    x = scope.graph.matrix(columns, columns.float_kind)
    x = _combine(scope, "Add", _combine(scope, "Mul", x, model.scale_), model.min_)
    return _clipped(scope, x, model.feature_range) if model.clip else x


def _max_abs(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    x = _combine(scope, "Div", scope.graph.matrix(columns, columns.float_kind), model.scale_)
    return _clipped(scope, x, (-1.0, 1.0)) if getattr(model, "clip", False) else x


def _robust(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    x = scope.graph.matrix(columns, columns.float_kind)
    if model.with_centering:
        x = _combine(scope, "Sub", x, model.center_)
    return _combine(scope, "Div", x, model.scale_) if model.with_scaling else x


def _combine(scope: Scope, kind: str, x: Tensor, value: object) -> Tensor:
    """Emit NumPy's `x op= value`: computed in the wider type of the two, kept in the type of x."""
    value = np.asarray(value)
    wide = scope.graph.cast(x, "float64" if value.dtype != np.float32 else x.kind)
    name = scope.graph.op(kind, wide.name, scope.graph.const(value.astype(wide.kind).reshape(1, -1)))
    return scope.graph.cast(Tensor(name, wide.kind, x.width), x.kind)


def _clipped(scope: Scope, x: Tensor, limits: tuple[float, float]) -> Tensor:
    low, high = (scope.graph.const(np.array(limit, dtype=x.kind)) for limit in limits)
    return Tensor(formulas.clip(scope.graph, x.name, low, high), x.kind, x.width)


def _normalize(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    graph = scope.graph
    if columns.float_kind == "float32":
        raise scope.unsupported(model, "sums in float32, whose order is not defined; train on float64")
    x = graph.matrix(columns, "float64")
    if model.norm == "max":
        norm = graph.op("ReduceMax", graph.op("Abs", x.name), graph.ints([1]), keepdims=1)
    elif model.norm == "l1":
        norm = graph.op("ReduceSum", graph.op("Abs", x.name), graph.ints([1]), keepdims=1)
    else:
        squares = graph.op("ReduceSum", graph.op("Mul", x.name, x.name), graph.ints([1]), keepdims=1)
        norm = graph.op("Sqrt", squares)
    tiny = graph.op("Less", norm, graph.doubles(10 * np.finfo(np.float64).eps))
    norm = graph.op("Where", tiny, graph.doubles(1.0), norm)
    return Tensor(graph.op("Div", x.name, norm), "float64", x.width)


def _binarize(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    graph = scope.graph
    x = graph.matrix(columns, "int64" if set(columns.kinds) == {"int64"} else columns.float_kind)
    above = graph.op("Greater", graph.cast(x, "float64").name, graph.doubles(model.threshold))
    return graph.cast(Tensor(above, "bool", x.width), x.kind)


def _polynomial(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    """Emit the products in scikit-learn's order: each is one of a degree lower times one feature."""
    graph = scope.graph
    x = graph.matrix(columns, columns.float_kind)
    low, high = model.degree if isinstance(model.degree, tuple) else (0, model.degree)
    terms: dict[int, Tensor] = {1: x}
    before: list[tuple[int, ...]] = [(feature,) for feature in range(x.width or 0)]
    for degree in range(2, high + 1):
        now = list(
            chain.from_iterable(
                ((feature, *term) for term in before if term[0] >= feature + model.interaction_only)
                for feature in range(x.width or 0)
            )
        )
        if not now:
            break
        place = {term: index for index, term in enumerate(before)}
        lower = graph.pick(terms[degree - 1], [place[term[1:]] for term in now])
        factor = graph.pick(x, [term[0] for term in now])
        terms[degree] = Tensor(graph.op("Mul", lower.name, factor.name), x.kind, len(now))
        before = now
    parts = [terms[degree] for degree in sorted(terms) if low <= degree <= high]
    if model.include_bias:
        one = graph.const(np.ones((1, 1), dtype=x.kind))
        parts.insert(0, Tensor(formulas.each_row(graph, x.name, one, 1), x.kind, 1))
    return graph.concat(parts)
