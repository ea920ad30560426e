"""`preprocess=` and `postprocess=`: functions around a model, and the columns that they need."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from mlpack.errors import UsageError
from mlpack.packing.unsafe import UnsafePickle
from mlpack.runtime.processed import Processed

__all__ = ["between"]

_ROWS = 300
"""Rows that a function is tried with when its columns are looked for."""

_COLUMNS = 300
"""Most columns that are looked at one by one."""

Function = Callable[[Any], Any]


def between(
    model: object,
    example: object,
    *,
    preprocess: Function | None,
    postprocess: Function | None,
    methods: Sequence[str] | None,
) -> object:
    """Return the model between its functions, or the model itself where there are none.

    Raises:
        UsageError: They are no functions.
    """
    for name, function in (("preprocess", preprocess), ("postprocess", postprocess)):
        if function is not None and not callable(function):
            raise UsageError(f"expected a function, found {type(function).__name__}", where=name)
    if preprocess is None and postprocess is None:
        return model
    if isinstance(model, UnsafePickle):
        raise UsageError(
            "a pickle takes no functions around it",
            where="preprocess",
            hint="put them into the pickled model, or pack the model itself",
        )
    return Processed(
        estimator=model,
        preprocess=preprocess,
        postprocess=postprocess,
        changed=_changed(model, methods),
        columns=None if preprocess is None else _columns_needed(preprocess, example),
    )


def _changed(model: object, methods: Sequence[str] | None) -> str:
    """Return the method whose answers `postprocess` takes: `predict`, or the first one that is offered."""
    if methods is not None and not isinstance(methods, str) and "predict" not in methods:
        return next(iter(methods), "predict")
    return "predict" if hasattr(model, "predict") or not hasattr(model, "transform") else "transform"


def _columns_needed(function: Function, example: Any) -> tuple[str, ...] | None:  # noqa: ANN401
    """Return the columns of a frame without which a function fails or gives something else.

    Returns:
        None where that cannot be told: for rows that are no frame, or a function that fails on them all.
    """
    names = getattr(example, "columns", None)
    if names is None or not 1 < len(names) <= _COLUMNS or not all(isinstance(name, str) for name in names):
        return None
    rows = example[:_ROWS]
    try:
        whole = function(copy.deepcopy(rows))
    except Exception:  # noqa: BLE001 (a stranger's function; asking the model says what is wrong)
        return None
    kept = list(names)
    for name in names:
        fewer = [other for other in kept if other != name]
        if fewer and _gives(function, rows[fewer], whole):
            kept = fewer
    return tuple(kept)


def _gives(function: Function, rows: Any, whole: Any) -> bool:  # noqa: ANN401
    try:
        made = function(copy.deepcopy(rows))
    except Exception:  # noqa: BLE001 (so it needs the column)
        return False
    if type(made) is not type(whole) or getattr(made, "shape", 0) != getattr(whole, "shape", 1):
        return False
    if hasattr(whole, "equals"):
        return list(getattr(whole, "columns", ())) == list(getattr(made, "columns", ())) and bool(
            whole.equals(made)
        )
    import numpy as np

    if not isinstance(whole, np.ndarray) or whole.dtype.kind not in "fiub":
        return False
    return bool(np.array_equal(whole, made, equal_nan=True))
