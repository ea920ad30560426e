"""How well the original does on the example, for the card: measured here, not claimed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlpack.errors import ExampleError
from mlpack.packing.environment.wording import plain_reason

if TYPE_CHECKING:
    import numpy as np

    from mlpack.packing.evidence.native import NativeModel

__all__ = ["example_metrics"]


def example_metrics(native: NativeModel, task: str, targets: object) -> dict[str, float]:
    """Return metrics of the original's predictions for the example; their names say that it was the example.

    Args:
        native: The original with its example.
        task: Task of the model; only classification and regression have metrics.
        targets: True values, shape (n,) or (n, k), one per row of the example.

    Raises:
        ExampleError: The number of targets is not that of the rows, the task has no targets, or they are not
            of the kind that the model predicts.
    """
    import numpy as np

    truth = np.asarray(targets)
    if task not in ("classification", "regression") or "predict" not in native.methods:
        raise ExampleError(f"a model for {task} cannot be compared with targets", where="targets")
    if truth.ndim not in (1, 2) or len(truth) != native.example.rows:
        raise ExampleError(
            f"expected {native.example.rows} values, one per row of the example; found shape {truth.shape}",
            where="targets",
        )
    predicted = _predict(native)
    try:
        found = _scores(task, truth, predicted)
    except (TypeError, ValueError) as error:
        raise ExampleError(
            f"cannot be compared with what the model predicts: {plain_reason(str(error))}",
            where="targets",
            hint="pass them in the form that the model was fitted on, with no missing values",
        ) from error
    return {f"{name} (example)": float(value) for name, value in found.items() if math.isfinite(value)}


def _scores(task: str, truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    if task == "classification":
        return {
            "accuracy": metrics.accuracy_score(truth, predicted),
            "balanced accuracy": metrics.balanced_accuracy_score(truth, predicted),
        }
    return {
        "R2": metrics.r2_score(truth, predicted),
        "mean absolute error": metrics.mean_absolute_error(truth, predicted),
        "root mean squared error": metrics.root_mean_squared_error(truth, predicted),
    }


def _predict(native: NativeModel) -> np.ndarray:
    rows = native.example.build({column.name: column.values for column in native.example.columns})
    return native.adapter.call(native.model, "predict", rows)
