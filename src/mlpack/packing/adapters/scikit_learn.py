"""scikit-learn estimators and pipelines."""

from __future__ import annotations

import sys
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast, get_args

from mlpack.errors import ModelError
from mlpack.format.contract import Method
from mlpack.packing.adapters import Description
from mlpack.packing.notices import PackWarning

if TYPE_CHECKING:
    import numpy as np

__all__ = ["call", "describe"]


def describe(model: Any) -> Description:  # noqa: ANN401  (any estimator)
    """Return what a fitted estimator says of itself.

    Raises:
        ModelError: It is not fitted, or offers no method that a bundle can hold.
    """
    import numpy as np
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise ModelError(
            f"this {type(model).__name__} is not fitted", where="model", hint="call fit() before packing"
        ) from error
    except TypeError as error:
        raise ModelError(f"{type(model).__name__} cannot be used: {error}", where="model") from error
    methods = tuple(method for method in get_args(Method) if hasattr(model, method))
    if not methods:
        raise ModelError(
            f"this {type(model).__name__} offers none of {', '.join(get_args(Method))}",
            where="model",
            hint="pack an estimator that can answer for rows that it was not fitted on",
        )
    classes = getattr(model, "classes_", None)
    if isinstance(classes, list):  # several targets: shares are a list of arrays, but for a chain's
        chained = type(model).__name__ == "ClassifierChain"
        kept = tuple(method for method in methods if chained or method == "predict")
        if left_out := [method for method in methods if method not in kept]:
            warnings.warn(
                f"{', '.join(left_out)} left out of the bundle: lists of arrays, for several targets",
                PackWarning,
                stacklevel=5,
            )
        methods, classes = kept, None
    columns = _columns_read(model)
    return Description(
        original=f"{type(model).__module__}.{type(model).__qualname__}",
        architecture=tuple(_architecture(model)),
        framework=_framework(model),
        task=_task(model),
        methods=cast("tuple[Method, ...]", methods),
        classes=None if classes is None else np.asarray(classes),
        columns=columns,
        width=getattr(model, "n_features_in_", None),
        precision="float32" if _holds_single(model) else "float64",
    )


def _framework(model: Any) -> tuple[str, str]:  # noqa: ANN401
    """Return distribution and version of the model's library; a stranger counts as scikit-learn's."""
    import sklearn

    package = type(model).__module__.partition(".")[0]
    if package in ("lightgbm", "xgboost"):
        return package, str(sys.modules[package].__version__)
    return "scikit-learn", sklearn.__version__


def _holds_single(model: Any) -> bool:  # noqa: ANN401
    """Return whether a model is, or holds somewhere, one that computes in float32 whatever it is given."""
    waiting, seen = [model], set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, (list, tuple)):
            waiting += item
        elif isinstance(item, dict):
            waiting += item.values()
        elif hasattr(item, "get_params") and not isinstance(item, type):
            if type(item).__module__.startswith("xgboost."):
                return True
            waiting += vars(item).values()
        elif type(item).__name__ == "_CalibratedClassifier":
            waiting.append(item.estimator)
    return False


def _columns_read(model: Any) -> tuple[str, ...] | None:  # noqa: ANN401
    """Return the names of the columns that the model reads; None when it was fitted on an array.

    A ColumnTransformer that stands first does not miss the columns that it drops, so neither do we.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is None or type(model).__module__.startswith("lightgbm."):
        return None  # LightGBM writes its own names over the caller's
    first = _first_step(model)
    if not hasattr(first, "transformers_"):
        return tuple(str(name) for name in names)
    selected = first._transformer_to_input_indices  # noqa: SLF001  (the fitted selection has no public name)
    used = {
        int(index)
        for name, step, _ in first.transformers_
        if not (isinstance(step, str) and step == "drop")
        for index in selected[name]
    }
    return tuple(str(names[index]) for index in sorted(used))


def _first_step(model: Any) -> Any:  # noqa: ANN401
    while True:
        if hasattr(model, "steps"):
            model = model.steps[0][1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model


def _task(model: Any) -> str:  # noqa: ANN401
    from sklearn.base import is_classifier, is_outlier_detector, is_regressor

    if is_classifier(model):
        return "classification"
    if is_regressor(model):
        return "regression"
    if is_outlier_detector(model):
        return "outlier-detection"
    if _is_clusterer(model):
        return "clustering"
    # Rankers are none of these: they give a number per row.
    return "transformation" if hasattr(model, "transform") or not hasattr(model, "predict") else "regression"


def _is_clusterer(model: Any) -> bool:  # noqa: ANN401
    import sklearn.base

    if hasattr(sklearn.base, "is_clusterer"):
        return bool(sklearn.base.is_clusterer(model))
    return getattr(model, "_estimator_type", "") == "clusterer"  # before scikit-learn 1.6


def _architecture(model: Any) -> list[str]:  # noqa: ANN401
    """Return the class names of the model and of its steps, outermost first."""
    names = [type(model).__name__]
    steps = getattr(model, "steps", None)
    if steps is not None:
        children = [step for _, step in steps]
    elif hasattr(model, "transformers_"):
        children = [entry[1] for entry in model.transformers_]
    elif hasattr(model, "best_estimator_"):
        children = [model.best_estimator_]
    else:
        children = []
    for child in children:
        if hasattr(child, "get_params"):
            names += _architecture(child)
    return names


@lru_cache(maxsize=1)
def _thread_pools(modules: int) -> Any:  # noqa: ANN401, ARG001
    """Return the thread pools of this process; looked for again once more modules are imported."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def call(model: Any, method: str, rows: Any) -> np.ndarray:  # noqa: ANN401
    """Return what the original answers, dense, on one thread so that the last bit is the same every time.

    Args:
        model: The fitted estimator.
        method: One of its methods.
        rows: What the method takes; never empty.

    Returns:
        Shape (n,) or (n, k), whatever the estimator returned.

    Raises:
        Exception: Whatever the estimator raises for these rows.
    """
    import joblib
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with joblib.parallel_config(backend="sequential"), _thread_pools(len(sys.modules)).limit(limits=1):
            answer = getattr(model, method)(rows)
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    return np.asarray(answer)
