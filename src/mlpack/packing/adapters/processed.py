"""Models between functions of their author's."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from mlpack.errors import ModelError, UsageError
from mlpack.packing.adapters import Description, find_adapter

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    from mlpack.runtime.processed import Processed

__all__ = ["call", "describe"]


def describe(model: Processed) -> Description:
    """Return what the model inside says of itself, as the functions around it leave it.

    Raises:
        ModelError: The model cannot be used, or is code itself.
    """
    inside = find_adapter(model.estimator).describe(model.estimator)
    if inside.framework[0] == "python":
        raise ModelError(
            "this model is code already", where="preprocess", hint="call the function in the model's own code"
        )
    if model.changed not in inside.methods:
        raise UsageError(f"{inside.original} does not offer {model.changed!r}", where="postprocess")
    steps = [
        *(["preprocess"] if model.preprocess else []),
        *inside.architecture,
        *(["postprocess"] if model.postprocess else []),
    ]
    made = replace(inside, architecture=tuple(steps))
    if model.preprocess is not None:
        made = replace(made, columns=model.columns, width=None)
    if model.postprocess is not None:
        made = replace(made, changed=model.changed)
        if model.changed == "predict":
            made = replace(made, task="regression")  # as far as anybody can tell: numbers, or texts
    return made


def call(model: Processed, method: str, rows: Any) -> np.ndarray:  # noqa: ANN401
    """Return what the original answers; errors of all three pass through."""
    import numpy as np

    adapter = find_adapter(model.estimator)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.asarray(model.ask(method, rows, adapter.call))
