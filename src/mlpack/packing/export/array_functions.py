"""NumPy's functions of whole arrays on a table that is being traced."""

# ruff: noqa: ANN401 - a stranger's function hands in anything
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlpack.packing.export.graph import Columns, Kind, Tensor, Unsupported
from mlpack.packing.export.tracing import Traced, side_by_side

__all__ = ["FUNCTIONS", "where"]


def where(condition: Any, yes: Any, no: Any) -> Traced:
    """Trace np.where of a traced condition."""
    if not isinstance(condition, Traced) or set(condition.columns.kinds) != {"bool"}:
        raise Unsupported("its function", "chooses by something that is no comparison of its argument")
    graph, flat = condition.graph, condition.flat
    tensors = []
    for item in (yes, no):
        if isinstance(item, Traced):
            if item.flat != flat:
                raise Unsupported("its function", "combines a column with a table")
            tensors.append(graph.matrix(item.columns, _kind(item)))
            continue
        value = np.asarray(item)
        if value.dtype.kind == "U" and value.ndim == 0:
            tensors.append(Tensor(graph.const(value), "string", 1))
            continue
        if value.dtype.kind not in "fiu" or value.ndim > 1 or (flat and value.ndim):
            raise Unsupported("its function", "chooses something that is no number")
        kind: Kind = "float64" if value.dtype.kind == "f" else "int64"
        tensors.append(Tensor(graph.const(value.astype(kind)), kind, value.size))
    kinds = {tensor.kind for tensor in tensors}
    if "string" in kinds and len(kinds) > 1:
        raise Unsupported("its function", "chooses between texts and numbers")
    whole: Kind = kinds.pop() if kinds <= {"int64", "string"} and len(kinds) == 1 else "float64"
    mask = graph.matrix(condition.columns, "bool")
    name = graph.op("Where", mask.name, *(graph.cast(tensor, whole).name for tensor in tensors))
    width = max(mask.width or 1, *(tensor.width or 1 for tensor in tensors))
    return Traced(graph, Columns.of(Tensor(name, whole, width)), flat=flat)


def _kind(x: Traced) -> Kind:
    kinds = set(x.columns.kinds)
    if kinds == {"string"}:
        return "string"
    if not kinds <= {"float64", "int64", "bool"}:
        raise Unsupported("its function", f"computes on {', '.join(sorted(kinds))} columns")
    return "int64" if kinds == {"int64"} else "float64"


def _clip(x: Traced, a_min: Any = None, a_max: Any = None, **options: Any) -> Traced:
    return x.clip(a_min, a_max, **options)


def _concatenate(parts: Sequence[Any], axis: int | None = 0) -> Traced:
    if axis not in (1, -1) or any(part.flat for part in parts if isinstance(part, Traced)):
        raise Unsupported("its function", "puts rows below each other")
    return side_by_side(parts)


def _hstack(parts: Sequence[Any]) -> Traced:
    return _concatenate(parts, 1)


def _column_stack(parts: Sequence[Any]) -> Traced:
    return side_by_side(parts)


def _stack(parts: Sequence[Any], axis: int = 0) -> Traced:
    if axis not in (1, -1) or not all(isinstance(part, Traced) and part.flat for part in parts):
        raise Unsupported("its function", "stacks anything but columns side by side")
    return side_by_side(parts)


def _nan_to_num(x: Traced, *_: object, nan: float = 0.0, **limits: Any) -> Traced:
    posinf, neginf = limits.get("posinf"), limits.get("neginf")
    largest = float(np.finfo(np.float64).max)
    high, low = (largest if posinf is None else posinf), (-largest if neginf is None else neginf)
    result = where(np.isnan(x), nan, x)
    result = where(np.equal(x, np.inf), high, result)
    return where(np.equal(x, -np.inf), low, result)


def _expand_dims(x: Traced, axis: int) -> Traced:
    if axis not in (1, -1):
        raise Unsupported("its function", "changes the shape of its argument")
    return x.reshape(-1, 1)


def _reshape(x: Traced, *shape: Any, **options: Any) -> Traced:
    return x.reshape(*(shape or (options.get("shape", options.get("newshape")),)))


def _select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Traced:
    if len(conditions) != len(choices) or not conditions:
        raise Unsupported("its function", "chooses from another number of things than it has conditions")
    result = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = where(condition, choice, result)
    return result  # type: ignore[no-any-return]  # where() has run at least once


FUNCTIONS: dict[Callable[..., Any], Callable[..., Traced]] = {
    np.where: where,
    np.clip: _clip,
    np.concatenate: _concatenate,
    np.hstack: _hstack,
    np.column_stack: _column_stack,
    np.stack: _stack,
    np.nan_to_num: _nan_to_num,
    np.expand_dims: _expand_dims,
    np.reshape: _reshape,
    np.dot: np.matmul,
    np.round: lambda x, decimals=0: x.round(decimals),
    np.select: _select,
    np.ndim: lambda x: x.ndim,
    np.copy: lambda x, **_: x.copy(),
    np.sum: lambda x, axis=None, **options: x.sum(axis, **options),
    np.mean: lambda x, axis=None, **options: x.mean(axis, **options),
}
"""Function of NumPy -> what it does to a traced table."""
