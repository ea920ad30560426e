"""CatBoost models, which follow scikit-learn's names but not its classes."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from mlpack.errors import ModelError
from mlpack.packing.adapters import Description

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.contract import Method

__all__ = ["call", "describe"]


def describe(model: Any) -> Description:  # noqa: ANN401  (CatBoost ships no types)
    """Return what a fitted CatBoost model says of itself.

    Raises:
        ModelError: It is not fitted.
    """
    import numpy as np

    kind = type(model).__name__
    if not model.is_fitted():
        raise ModelError(f"this {kind} is not fitted", where="model", hint="call fit() before packing")
    classifies = hasattr(model, "predict_proba")
    methods: tuple[Method, ...] = ("predict",)
    if classifies:
        methods = ("predict", "predict_proba", "predict_log_proba")
    names = tuple(str(name) for name in model.feature_names_)
    return Description(
        original=f"{type(model).__module__}.{type(model).__qualname__}",
        architecture=(kind,),
        framework=("catboost", str(sys.modules["catboost"].__version__)),
        task="classification" if classifies else "regression",
        methods=methods,
        classes=np.asarray(model.classes_) if classifies else None,
        columns=None if names == tuple(str(index) for index in range(len(names))) else names,
        width=len(names),
    )


def call(model: Any, method: str, rows: Any) -> np.ndarray:  # noqa: ANN401
    """Return what the original answers, on one thread.

    Raises:
        Exception: Whatever CatBoost raises for these rows.
    """
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.asarray(getattr(model, method)(rows, thread_count=1))
