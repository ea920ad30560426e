"""Steps of a stranger's own class that compute with NumPy: their methods are followed, not read.

The class gets a double whose functions see stand-ins where they have bound NumPy and scikit-learn's checks of
input; everything else of it is its own. Whether the graph answers as the class does is measured like any
other.
"""

# ruff: noqa: ANN401 - a stranger's objects
from __future__ import annotations

import copy
import types
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.packing.export.graph import Columns, Tensor, Unsupported
from mlpack.packing.export.tracing import Traced, trace
from mlpack.packing.export.volatile import refuse_volatile

if TYPE_CHECKING:
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["followed_answer", "followed_columns"]

_LIBRARIES = ("sklearn", "lightgbm", "xgboost", "catboost", "mlpack")
"""Packages whose classes have emitters of their own or none."""


def followed_columns(scope: Scope, model: Fitted, columns: Columns) -> Columns | None:
    """Return what `transform` of a stranger's class makes of columns; None when it is no stranger's.

    Raises:
        Unsupported: It does something that a graph does not reproduce.
    """
    config = getattr(model, "_sklearn_output_config", {})
    if not _is_strangers(model, "transform") or config.get("transform", "default") != "default":
        return None
    try:
        return trace(scope.graph, _double(model).transform, {}, columns)
    except Unsupported as refused:
        raise scope.unsupported(model, f"its transform {refused.reason}") from refused


def followed_answer(scope: Scope, model: Fitted, columns: Columns, method: str) -> Tensor | None:
    """Return what another method of a stranger's class answers; None when it is no stranger's, or for labels.

    Raises:
        Unsupported: It does something that a graph does not reproduce.
    """
    if not _is_strangers(model, method) or (method == "predict" and hasattr(model, "classes_")):
        return None
    try:
        result = getattr(_double(model), method)(Traced(scope.graph, columns))
    except Unsupported as refused:
        raise scope.unsupported(model, f"its {method} {refused.reason}") from refused
    except Exception as error:
        reason = f"its {method} cannot be followed ({type(error).__name__}: {error})"
        raise scope.unsupported(model, reason) from error
    if not isinstance(result, Traced) or len(set(result.columns.kinds)) != 1:
        raise scope.unsupported(model, f"its {method} returns something that is not made from its argument")
    made = scope.graph.matrix(result.columns, result.columns.kinds[0])
    return scope.graph.flat(made) if result.flat else made


def _is_strangers(model: Fitted, method: str) -> bool:
    """Return whether a method is a function of a class that no library of models brought."""
    function = _plain(getattr(type(model), method, None))
    return isinstance(function, types.FunctionType) and _top(function) not in _LIBRARIES


def _top(function: types.FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _plain(function: Any) -> Any:
    """Return a method without scikit-learn's wrapping of outputs."""
    return getattr(function, "__wrapped__", function)


def _double(model: Fitted) -> Any:
    """Return a copy of the model whose own functions see the stand-ins."""
    kind = type(model)
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        for name, member in vars(base).items():
            function = _plain(member)
            if isinstance(function, types.FunctionType) and _top(function) not in _LIBRARIES:
                if not name.startswith("__") and name != "fit":
                    refuse_volatile(function)
                members[name] = _rebound(function)
    double = copy.copy(model)
    double.__class__ = type(kind.__name__, (kind,), {**members, "__module__": kind.__module__})
    return double


def _rebound(function: types.FunctionType) -> types.FunctionType:
    seen: dict[str, Any] = dict(function.__globals__)
    for name, item in function.__globals__.items():
        if item is np:
            seen[name] = _Numpy()
        elif isinstance(item, types.FunctionType) and (stand_in := _stand_in(item)) is not None:
            seen[name] = stand_in
        elif isinstance(item, types.FunctionType) and item.__globals__ is function.__globals__:
            seen[name] = _copied(item, seen)
    return _copied(function, seen)


def _copied(function: types.FunctionType, seen: dict[str, Any]) -> types.FunctionType:
    made = types.FunctionType(
        function.__code__, seen, function.__name__, function.__defaults__, function.__closure__
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


class _Numpy:
    """The module NumPy, but for functions that make arrays of their argument."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def asarray(value: Any, dtype: Any = None, **options: Any) -> Any:
        """Return the table as an array would be: without names, in one type."""
        if not isinstance(value, Traced):
            return np.asarray(value, dtype=dtype, **options)
        kinds = set(value.columns.kinds)
        if len(kinds) > 1 and "bool" in kinds:
            raise Unsupported("its function", "makes one array of numbers and truth values")
        plain = value.to_numpy()
        if any(name is not None for name in plain.columns.names):
            table = value.graph.matrix(plain.columns, plain.columns.kinds[0])
            plain = Traced(value.graph, Columns.of(table), flat=value.flat)
        return plain if dtype is None else plain.astype(dtype)

    asanyarray = ascontiguousarray = asarray

    def array(self, value: Any, dtype: Any = None, **options: Any) -> Any:
        """Return a copy of the table."""
        if not isinstance(value, Traced):
            return np.array(value, dtype=dtype, **options)
        return self.asarray(value, dtype).copy()


def _checked(value: Any, *_: Any, dtype: Any = "numeric", **options: Any) -> Any:
    """Stand for scikit-learn's `check_array`: refuse what is not finite, and make an array."""
    if not isinstance(value, Traced):
        raise Unsupported("its function", "checks something that is not its argument")
    plain = _Numpy.asarray(value, None if dtype in (None, "numeric") else dtype)
    finite = options.get("ensure_all_finite", options.get("force_all_finite", True))
    if finite is not False:
        for block in plain.columns.blocks:
            plain.graph.guard(block.tensor, nulls=finite == "allow-nan")
    return plain


def _validated(_: Any, value: Any = None, *rest: Any, **options: Any) -> Any:
    """Stand for scikit-learn's `validate_data` of rows alone."""
    if rest or options.get("y") is not None or options.get("reset", True):
        raise Unsupported("its function", "validates more than its rows (reset=False)")
    options.pop("y", None)
    return _checked(options.pop("X", value), **options)


def _stand_in(function: types.FunctionType) -> Any:
    if not (function.__module__ or "").startswith("sklearn.utils"):
        return None
    return {
        "check_array": _checked,
        "validate_data": _validated,
        "check_is_fitted": lambda *_, **__: None,
    }.get(function.__name__)
