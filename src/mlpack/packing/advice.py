"""What the author of a model can do about a step that packs badly or not at all."""

from __future__ import annotations

from typing import Any

__all__ = ["advice"]

_OURS = ("sklearn", "lightgbm", "xgboost", "catboost")

_TIGHTER = 'fit on float64 for a tighter certificate, or accept this one with certificate="loose"'


def advice(model: Any, *, route: str, certificate: str, reason: str) -> str:  # noqa: ANN401  (any step)
    """Return one sentence, or nothing where there is nothing to do.

    Args:
        model: The step.
        route: Rung that carries it; empty when none does.
        certificate: Certificate that it reaches by itself.
        reason: Why a route was refused.
    """
    if route and route != "native":
        return _TIGHTER if certificate == "loose" else ""
    if "float32 beside" in reason:
        return "give all numeric columns one type, such as float64, before fit()"
    if type(model).__name__ == "FunctionTransformer":
        return "use a NumPy function that has an emitter, or do it to the data before the pipeline"
    if type(model).__module__.partition(".")[0] not in _OURS:
        return (
            f"write an emitter for {type(model).__qualname__} (entry point mlpack.emitters), "
            "or build the step from scikit-learn's own"
        )
    if "no emitter" in reason:
        return "use another estimator for this step, or add an emitter for it (entry point mlpack.emitters)"
    return "change the option that the reason names, or use another estimator for this step"
