"""The steps of a model, each with the rows that reach it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlpack.runtime.processed import Processed

__all__ = ["Step", "steps_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a model.

    Attributes:
        path: Names of the steps that lead here, joined by dots; empty for the model itself.
        kind: Class name, or `passthrough`, `drop`.
        model: The fitted step; None for `passthrough` and `drop`.
        rows: What reaches it, dense; None where the steps before it could not be asked.
        columns: Number of columns that reach it.
        methods: What the steps around it ask of it; None asks for all that it offers.
    """

    path: str
    kind: str
    model: Any
    rows: Any
    columns: int | None
    methods: Sequence[str] | None


def steps_of(model: Any, example: Any, limit: int) -> Iterator[Step]:  # noqa: ANN401  (any estimator)
    """Yield the steps of pipelines, column transformers, unions and search wrappers, outermost first.

    Models made of models in any other way (voting, stacking, calibration) are one step.

    Args:
        model: A fitted estimator.
        example: Rows that it takes.
        limit: Most rows to carry along.
    """
    yield from _walk(model, _head(example, limit), (), None)


def _walk(model: Any, rows: Any, path: tuple[str, ...], asked: Sequence[str] | None) -> Iterator[Step]:  # noqa: ANN401
    if isinstance(model, Processed):
        yield from _chain(_as_steps(model), rows, path, asked)
    elif hasattr(model, "steps"):
        yield from _chain(model.steps, rows, path, asked)
    elif hasattr(model, "transformers_"):
        yield from _by_column(model, rows, path)
    elif hasattr(model, "transformer_list"):
        for name, part in model.transformer_list:
            yield from _part(part, rows, (*path, name), ("transform",))
    elif hasattr(model, "best_estimator_"):
        yield from _walk(model.best_estimator_, rows, (*path, "best_estimator_"), asked)
    else:
        yield Step(
            path=".".join(path),
            kind=type(model).__name__,
            model=model,
            rows=rows,
            columns=_width(rows),
            methods=asked,
        )


def _as_steps(model: Processed) -> list[tuple[str, Any]]:
    """Return a model behind its function as the pipeline that they would be."""
    if model.preprocess is None:
        return [("model", model.estimator)]
    from sklearn.preprocessing import FunctionTransformer

    return [("preprocess", FunctionTransformer(model.preprocess)), ("model", model.estimator)]


def _part(part: Any, rows: Any, path: tuple[str, ...], asked: Sequence[str] | None) -> Iterator[Step]:  # noqa: ANN401
    if part is None or isinstance(part, str) or _hands_on(part):
        kind = "drop" if isinstance(part, str) and part == "drop" else "passthrough"
        yield Step(path=".".join(path), kind=kind, model=None, rows=rows, columns=_width(rows), methods=None)
    else:
        yield from _walk(part, rows, path, asked)


def _hands_on(part: Any) -> bool:  # noqa: ANN401
    """Whether a step is what scikit-learn makes of `passthrough` when it fits."""
    return type(part).__name__ == "FunctionTransformer" and part.func is None


def _chain(
    steps: Sequence[tuple[str, Any]],
    rows: Any,  # noqa: ANN401
    path: tuple[str, ...],
    asked: Sequence[str] | None,
) -> Iterator[Step]:
    for place, (name, part) in enumerate(steps):
        last = place == len(steps) - 1
        yield from _part(part, rows, (*path, name), asked if last else ("transform",))
        if not last and part is not None and not isinstance(part, str):
            rows = _transformed(part, rows)


def _by_column(model: Any, rows: Any, path: tuple[str, ...]) -> Iterator[Step]:  # noqa: ANN401
    from sklearn.utils import _safe_indexing

    selected = model._transformer_to_input_indices  # noqa: SLF001  (the fitted selection has no public name)
    for name, part, _ in model.transformers_:
        places = [int(place) for place in selected[name]]
        if not places:
            continue
        chosen = None
        if rows is not None and _width(rows) == model.n_features_in_:
            chosen = _safe_indexing(rows, places, axis=1)
        yield from _part(part, chosen, (*path, name), ("transform",))


def _transformed(part: Any, rows: Any) -> Any:  # noqa: ANN401
    """Return what a step makes of its rows, dense; None where it refuses them or they are already unknown."""
    if rows is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = part.transform(rows)
        except Exception:  # noqa: BLE001  (a refusal may be any exception of any library)
            return None
    return made.toarray() if hasattr(made, "toarray") else made


def _head(example: Any, limit: int) -> Any:  # noqa: ANN401
    """Return evenly spaced rows of the example, in its own type."""
    from mlpack.packing.evidence.rules import evenly

    count = len(example)
    places = evenly(count, limit)
    return example.iloc[places] if hasattr(example, "iloc") else example[places]


def _width(rows: Any) -> int | None:  # noqa: ANN401
    shape: tuple[int, ...] = getattr(rows, "shape", ())
    return shape[1] if len(shape) > 1 else None
