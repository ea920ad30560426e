"""Functions of rows, and classes with `save`, `load` and `predict`."""

from __future__ import annotations

import platform
import warnings
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast, get_args

from mlpack.format.contract import Method
from mlpack.packing.adapters import Description

if TYPE_CHECKING:
    import numpy as np

__all__ = ["call", "describe"]


def describe(model: Any) -> Description:  # noqa: ANN401  (a function, or an object of anybody's class)
    """Return what there is to say of a function or a Model."""
    import numpy as np

    function = isinstance(model, FunctionType)
    kind = model if function else type(model)
    methods = ("predict",) if function else tuple(name for name in get_args(Method) if hasattr(model, name))
    classes = None if function else getattr(model, "classes_", None)
    return Description(
        original=f"{kind.__module__}.{kind.__qualname__}",
        architecture=(kind.__name__,),
        framework=("python", platform.python_version()),
        task="regression" if classes is None else "classification",
        methods=cast("tuple[Method, ...]", methods),
        classes=None if classes is None else np.asarray(classes),
        columns=None,
        width=None,
    )


def call(model: Any, method: str, rows: Any) -> np.ndarray:  # noqa: ANN401
    """Return what the original answers; its errors pass through."""
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):  # as the engine that will run it
        warnings.simplefilter("ignore")
        answer = model(rows) if isinstance(model, FunctionType) else getattr(model, method)(rows)
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
