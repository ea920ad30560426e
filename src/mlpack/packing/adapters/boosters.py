"""Bare boosters of XGBoost and LightGBM, as their `train` functions return them: they only predict."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from mlpack.packing.adapters import Description

if TYPE_CHECKING:
    import numpy as np

__all__ = ["call", "describe"]


def describe(model: Any) -> Description:  # noqa: ANN401  (the libraries ship no types)
    """Return what a booster says of itself."""
    package = type(model).__module__.partition(".")[0]
    single = package == "xgboost"
    names = model.feature_names if single else None  # LightGBM writes its own names over the caller's
    return Description(
        original=f"{type(model).__module__}.{type(model).__qualname__}",
        architecture=(type(model).__name__,),
        framework=(package, str(sys.modules[package].__version__)),
        task="regression",
        methods=("predict",),
        classes=None,
        columns=None if names is None else tuple(names),
        width=model.num_features() if single else model.num_feature(),
        precision="float32" if single else "float64",
    )


def call(model: Any, method: str, rows: Any) -> np.ndarray:  # noqa: ANN401
    """Return what the original answers, on one thread.

    Raises:
        Exception: Whatever the library raises for these rows.
    """
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if type(model).__module__.startswith("lightgbm."):
            return np.asarray(getattr(model, method)(rows, num_threads=1))
        library = sys.modules["xgboost"]  # the model came from it
        table = library.DMatrix(rows, enable_categorical=True, feature_types=_types(model, rows), nthread=1)
        return np.asarray(getattr(model, method)(table))


def _types(model: Any, rows: Any) -> Any:  # noqa: ANN401
    """Return the column types for rows that name none themselves."""
    import numpy as np

    return model.feature_types if isinstance(rows, np.ndarray) else None
