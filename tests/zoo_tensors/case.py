"""What one animal of this zoo is: a model, an example call, and calls that neither has seen."""

# ruff: noqa: ANN401 - a model has no type of its own
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Call", "Case", "Made", "calls_like"]

Call = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A model, how it is packed, and how it is asked natively.

    Attributes:
        model: What `pack` gets.
        example: What `pack` gets.
        native: Calls the original: named arrays in, named arrays (or one, under "") out; raises to refuse.
        fresh: (what, call) of named arrays.
    """

    model: Any
    example: Any
    native: Callable[[Call], Mapping[str, np.ndarray]]
    fresh: Sequence[tuple[str, Call]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model of the zoo; it is only made where it is judged."""

    group: str
    name: str
    make: Callable[[], Made]
    quick: bool = False


def calls_like(
    example: Call, *, lengths: bool = False, draw: Callable[[str, tuple[int, ...], Any], Any] | None = None
) -> list[tuple[str, Call]]:
    """Return fresh calls: other values and batches; with `lengths`, other sizes of the second axis."""
    rng = np.random.default_rng(4242)

    def value(name: str, shape: tuple[int, ...], like: Any) -> Any:
        if draw is not None:
            return draw(name, shape, like)
        if like.dtype.kind == "f":
            return rng.normal(float(like.mean()), float(like.std()) or 1.0, shape).astype(like.dtype)
        if like.dtype.kind == "b":
            return rng.random(shape) < 0.5
        return rng.integers(int(like.min()), int(like.max()) + 1, shape).astype(like.dtype)

    def made(batch: int | None, extra: int = 0) -> Call:
        call = {}
        for name, like in example.items():
            shape = list(like.shape)
            if batch is not None and shape:
                shape[0] = batch
            if extra and len(shape) > 1:
                shape[1] += extra
            call[name] = value(name, tuple(shape), like)
        return call

    found: list[tuple[str, Call]] = [("the example", dict(example)), ("fresh values", made(None))]
    found += [(f"batch of {size}", made(size)) for size in (1, 2, 3, 7, 64, 100)]
    if lengths:
        found += [(f"length + {extra}", made(4, extra)) for extra in (1, 5, -1)]
    scaled = {
        name: (item * item.dtype.type(30) if item.dtype.kind == "f" else item)
        for name, item in made(6).items()
    }
    found.append(("thirty times as large", scaled))
    found += list(_edges(made(4)))
    return found


def _edges(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield calls with one unusual number per input of a kind that has such numbers."""
    changes: list[tuple[str, str, Callable[[Any], Any]]] = [
        ("NaN", "f", lambda _: np.nan),
        ("infinity", "f", lambda _: np.inf),
        ("an integer below", "iu", lambda item: item.min() - 3),
        ("an integer above", "iu", lambda item: item.max() + 10_000),
    ]
    for title, kinds, number in changes:
        changed = {name: item.copy() for name, item in call.items()}
        touched = [item for item in changed.values() if item.dtype.kind in kinds and item.size]
        for item in touched:
            item.flat[0] = number(item)
        if touched:
            yield title, changed
