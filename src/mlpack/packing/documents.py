"""Which columns a fitted model reads as texts rather than as categories, and words that it knows there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["documents", "holds_text"]

_MODULE = "sklearn.feature_extraction.text"
_VECTORIZERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
_WORDS = 200
_COMMON = ("the", "good", "bad", "not", "price", "day", "service", "time", "water", "house", "was", "very")
"""Words for models that keep none, such as hashes."""


def documents(model: Any, names: Sequence[str]) -> dict[str, tuple[str, ...]]:  # noqa: ANN401
    """Return column -> words of the vocabulary, for every column that a vectorizer reads.

    Args:
        model: A fitted estimator.
        names: The columns that it is given.
    """
    return {name: tuple(dict.fromkeys(words)) for name, words in _found(model, list(names))}


def holds_text(model: object) -> bool:
    """Return whether there is a text vectorizer anywhere in a model."""
    return any(_is_vectorizer(part) for part in _parts(model, set()))


def _is_vectorizer(model: object) -> bool:
    return any(base.__module__ == _MODULE and base.__name__ in _VECTORIZERS for base in type(model).__mro__)


def _parts(value: object, seen: set[int]) -> Iterator[object]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, (list, tuple)):
        for item in value[:100]:
            yield from _parts(item, seen)
    elif isinstance(value, dict):
        yield from _parts(list(value.values())[:100], seen)
    elif hasattr(value, "get_params"):
        yield value
        yield from _parts(vars(value), seen)


def _found(model: Any, names: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:  # noqa: ANN401
    if _is_vectorizer(model):
        if len(names) == 1:
            yield names[0], _words(model)
    elif hasattr(model, "steps"):
        yield from _along(model.steps, names)
    elif hasattr(model, "transformers_"):
        selected = model._transformer_to_input_indices  # noqa: SLF001 (the fitted selection has no public name)
        own = [str(name) for name in getattr(model, "feature_names_in_", names)]
        for name, step, _ in model.transformers_:
            yield from _found(step, [own[int(index)] for index in selected.get(name, ())])
    else:
        for step in _inside(model):
            yield from _found(step, names)


def _inside(model: Any) -> list[Any]:  # noqa: ANN401
    """Return models that are given the same columns as the one around them; of many alike, the first."""
    inside = [step for _, step in getattr(model, "transformer_list", ())]
    inside += [
        getattr(model, name, None) for name in ("best_estimator_", "estimator_", "estimator", "regressor_")
    ]
    for name in ("estimators_", "calibrated_classifiers_"):
        several = getattr(model, name, ())
        inside += list(several)[:1] if isinstance(several, (list, tuple)) else []
    return [step for step in inside if step is not None and not isinstance(step, (str, type))]


def _along(steps: Sequence[tuple[str, Any]], names: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Follow a pipeline: a single column stays the same column until something reads it."""
    for _, step in steps:
        if step is None or isinstance(step, str):
            continue
        yield from _found(step, names)
        if len(names) != 1 or _is_vectorizer(step):
            return


def _words(model: Any) -> tuple[str, ...]:  # noqa: ANN401
    places = getattr(model, "vocabulary_", None) or {}
    terms = sorted(term for term in places if isinstance(term, str))
    step = max(len(terms) // _WORDS, 1)
    return tuple(terms[::step][:_WORDS]) or _COMMON
