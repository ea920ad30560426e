"""Calling a function of a notebook on a table under observation."""

# ruff: noqa: ANN401 - a stranger's functions and objects
from __future__ import annotations

import copy
import functools
import linecache
import traceback
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.export.tensors import Block, Columns, Tensor, Unsupported
from mlpack.packing.export.volatile import refuse_volatile
from mlpack.packing.export.watching.frame import TracedFrame, TracedPandas
from mlpack.packing.export.watching.series import NotTraceable, TracedSeries

if TYPE_CHECKING:
    from mlpack.packing.export.hosting import Hosting
    from mlpack.packing.export.registry import Fitted, Scope
    from mlpack.packing.export.tensors import Kind

__all__ = ["traced"]


def traced(scope: Scope, model: Fitted, columns: Columns) -> Columns | None:
    """Return what a FunctionTransformer, or a stranger's transformer, makes of columns of the caller.

    Returns:
        None when its columns are not those of a pandas DataFrame as the caller gave it.

    Raises:
        Unsupported: It does something that has no host step; the message names the line.
    """
    hosting = scope.graph.hosting
    if hosting is None or (function := _function(model)) is None:
        return None
    hosting.asked = True
    series: dict[str, TracedSeries] = {}
    for block in columns.blocks:
        value = hosting.columns.get(block.tensor.name)
        if value is None or value not in hosting.natives or block.width != 1:
            return None
        native, nulls = hosting.natives[value]
        series[str(block.names[0])] = TracedSeries(native, value, nulls, hosting)
    _refuse_volatile(scope, model)
    given: Any = next(iter(series.values())) if columns.flat and len(series) == 1 else TracedFrame(series)
    try:
        result = function(given)
    except NotTraceable as refused:
        raise scope.unsupported(model, f"{_place(refused)}{refused}; {_WAY_OUT}") from None
    except Exception as error:  # noqa: BLE001 - a stranger's function may fail in any way on a stand-in
        raise scope.unsupported(
            model, f"{_place(error)}{type(error).__name__} while it was watched: {error}; {_WAY_OUT}"
        ) from None
    return _columns(scope, model, result, hosting, columns)


_WAY_OUT = "do this before the model and pack the model on the result"


def _refuse_volatile(scope: Scope, model: Fitted) -> None:
    own = getattr(model, "func", None) or getattr(type(model), "transform", None)
    try:
        refuse_volatile(getattr(own, "__wrapped__", own))
    except Unsupported as refused:
        raise scope.unsupported(model, refused.reason) from None


def _function(model: Fitted) -> Callable[[Any], Any] | None:
    """Return what the step does to its table, with pandas under observation."""
    if type(model).__name__ == "FunctionTransformer" and type(model).__module__.startswith("sklearn."):
        if model.func is None:
            return None
        function = _watched(model.func)
        return functools.partial(function, **(model.kw_args or {}))
    transform = getattr(type(model), "transform", None)
    if isinstance(transform, types.FunctionType) and not type(model).__module__.startswith("sklearn."):
        original = getattr(transform, "__wrapped__", transform)  # without scikit-learn's wrapping of outputs
        return functools.partial(_watched(original), copy.copy(model))
    return None


def _watched(function: Any) -> Any:
    """Return a function whose module sees a stand-in where it has bound pandas."""
    if isinstance(function, functools.partial):
        return functools.partial(_watched(function.func), *function.args, **function.keywords)
    if not isinstance(function, types.FunctionType):
        return function
    import pandas as pd

    seen: dict[str, Any] = dict(function.__globals__)
    for name, item in function.__globals__.items():
        if item is pd:
            seen[name] = TracedPandas()
        elif isinstance(item, types.FunctionType) and item.__globals__ is function.__globals__:
            seen[name] = _rebound(item, seen)
    return _rebound(function, seen)


def _rebound(function: types.FunctionType, seen: dict[str, Any]) -> types.FunctionType:
    made = types.FunctionType(
        function.__code__, seen, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _place(error: BaseException) -> str:
    """Return the line of the stranger's code that led to an error, as it stands there."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "mlpack/packing/export/" not in frame.filename.replace("\\", "/")
    ]
    if not frames:
        return ""
    text = (linecache.getline(frames[-1].filename, frames[-1].lineno or 0) or "").strip()[:80]
    return f"line {frames[-1].lineno} ({text}): " if text else f"line {frames[-1].lineno}: "


def _columns(scope: Scope, model: Fitted, result: Any, hosting: Hosting, given: Columns) -> Columns:
    """Return the result as columns of the graph."""
    flat = isinstance(result, TracedSeries)
    if isinstance(result, TracedSeries):
        found = {str(result.name): result}
    elif isinstance(result, TracedFrame):
        found = dict(result.traced())
    else:
        raise scope.unsupported(model, f"returns {type(result).__name__}, not a table; {_WAY_OUT}")
    if not found:
        raise scope.unsupported(model, "leaves no column")
    known = {hosting.columns[block.tensor.name]: block for block in given.blocks}
    blocks = []
    for name, series in found.items():
        if series.value in known:
            tensor = known[series.value].tensor
        else:
            tensor = _tensor(scope, model, series, hosting)
        hosting.natives[series.value] = (series.native, series.nulls)
        blocks.append(Block(tensor, (name,)))
    return Columns(tuple(blocks), flat=flat)


def _tensor(scope: Scope, model: Fitted, series: TracedSeries, hosting: Hosting) -> Tensor:
    kind = _kind(series)
    if kind is None:
        raise scope.unsupported(model, f"makes a column of type {series.native.dtype}")
    if kind == "datetime":
        hosting.columns[series.value] = series.value
        return Tensor(series.value, "datetime", 1)
    return hosting.column_tensor(scope.graph, series.value, kind)


def _kind(series: TracedSeries) -> Kind | None:
    form, dtype = series.form, series.native.dtype
    if form == "date":
        return "datetime"
    if form == "text":
        return "string"
    if form == "boolean":
        return "bool"
    if form != "number":
        return None
    if np.dtype(dtype).kind in "iu":
        return "float64" if series.nulls else "int64"
    return "float32" if dtype == np.float32 else "float64" if dtype == np.float64 else None
