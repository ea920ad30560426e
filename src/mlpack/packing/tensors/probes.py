"""Calls that try an export of a model of tensors, with the original's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mlpack.format.tensors import Dimension
from mlpack.packing.tensors.asking import SEED, Asker, Axes, is_small, resized
from mlpack.packing.tensors.study import Arrays, Call

__all__ = ["Probes", "ask_within"]

BATCHES = (1, 2, 7, 64)


@dataclass(frozen=True, kw_only=True)
class Probes:
    """The calls that try an export of one model.

    Attributes:
        example: The caller's own call, at most `MOST_ROWS` rows of it.
        base: A small call of the same kind.
        axes: Where each dimension stands.
        dimensions: Sizes that are allowed.
        bounds: Input -> integers that are allowed.
        narrow: Inputs of which the original takes other integers too, depending on what stands beside them.
    """

    example: Arrays
    base: Arrays
    axes: Axes
    dimensions: Mapping[str, Dimension]
    bounds: Mapping[str, tuple[int, int]]
    narrow: frozenset[str] = frozenset()

    def calls(self) -> Iterator[tuple[str, str, bool, Arrays]]:
        """Yield (name, kind, whether it may be stored, inputs)."""
        yield "example", "ordinary", False, self.example
        yield from self._sizes()
        yield from self._values()
        yield from self._edges()

    def _sizes(self) -> Iterator[tuple[str, str, bool, Arrays]]:
        rng = np.random.default_rng(SEED)
        for name, places in self.axes.items():
            have = self.base[places[0][0]].shape[places[0][1]]
            allowed = self.dimensions[name]
            sizes = BATCHES if name == "batch" else (1, have // 2, have + 1, have * 2 + 1, have + 7)
            ends = [allowed.minimum, *([allowed.maximum] if allowed.maximum else [])]
            for size in sorted({size for size in (*sizes, *ends) if size > 0 and size != have}):
                call = resized(self.base, places, size)
                if is_small(call) and allowed.allows(size):
                    yield f"{name} of {size}", "ordinary", False, self._drawn(call, rng)
            if allowed.minimum == 0:
                yield f"{name} of 0", "ordinary", False, resized(self.base, places, 0)
        if len(self.axes) > 1:
            call = dict(self.base)
            for name, places in self.axes.items():
                have = call[places[0][0]].shape[places[0][1]]
                size = have + 2 if self.dimensions[name].allows(have + 2) else have
                call = resized(call, places, size)
            yield "every size another", "ordinary", False, self._drawn(call, rng)

    def _values(self) -> Iterator[tuple[str, str, bool, Arrays]]:
        rng = np.random.default_rng(SEED + 1)
        for number in range(3):
            yield f"drawn, {number + 1}", "ordinary", True, self._drawn(self.base, rng)
        floats = [name for name, value in self.base.items() if value.dtype.kind == "f"]
        changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "negated": lambda value: -value,
            "positive": np.abs,
            "negative": lambda value: -np.abs(value),
            "zeros": np.zeros_like,
            "ones": np.ones_like,
            "ten times": lambda value: value * value.dtype.type(10),
            "a tenth": lambda value: value * value.dtype.type(0.1),
            "reversed rows": lambda value: value[::-1] if value.ndim else value,
            "sorted": lambda value: np.sort(value, axis=-1) if value.ndim else value,
            "rounded": np.round,
        }
        drawn = self._drawn(self.base, rng)
        for name, change in changes.items():
            if floats:
                changed = {
                    key: np.ascontiguousarray(change(drawn[key])).reshape(drawn[key].shape) for key in floats
                }
                yield name, "made-up", True, {**drawn, **changed}
        for name, value in self.base.items():
            if value.dtype.kind in "iu" and value.size:
                low, high = int(value.min()), int(value.max())
                for title, number in (("lowest", low), ("highest", high)):
                    yield f"{name}: {title}", "ordinary", True, {**drawn, name: np.full_like(value, number)}
            if value.dtype.kind == "b":
                for flag in (True, False):
                    yield f"{name}: {flag}", "ordinary", True, {**drawn, name: np.full_like(value, flag)}

    def _edges(self) -> Iterator[tuple[str, str, bool, Arrays]]:
        rng = np.random.default_rng(SEED + 2)
        drawn = self._drawn(self.base, rng)
        for name, value in drawn.items():
            if value.dtype.kind == "f" and value.size:
                for title, kind, number in (
                    ("NaN", "NaN", np.nan),
                    ("infinity", "infinity", np.inf),
                    ("minus infinity", "infinity", -np.inf),
                    ("large", "made-up", 1e4),
                    ("tiny", "made-up", 1e-30),
                ):
                    array = value.copy()
                    array.flat[array.size // 2] = number
                    yield f"{name}: {title}", kind, kind == "made-up", {**drawn, name: array}
                yield from self._scattered(name, drawn)
            if name in self.bounds:
                low, high = self.bounds[name]
                info = np.iinfo(value.dtype)
                outside = (
                    () if name in self.narrow else (max(low - 1, int(info.min)), min(high + 1, int(info.max)))
                )
                for number in sorted({low, high, *outside}):
                    array = value.copy()
                    array.flat[array.size // 2] = number
                    yield f"{name}: {number}", "ordinary", False, {**drawn, name: array}

    def _scattered(self, name: str, drawn: Arrays) -> Iterator[tuple[str, str, bool, Arrays]]:
        """Put what is no number into every row: into other columns each time, alone and in all inputs."""
        floats = [key for key, value in drawn.items() if value.dtype.kind == "f" and value.size]
        for title, kind, number in (
            ("NaN", "NaN", np.nan),
            ("infinity", "infinity", np.inf),
            ("minus infinity", "infinity", -np.inf),
        ):
            for shift in range(_SHIFTS):
                here = _scatter(drawn[name], number, shift)
                yield f"{name}: {title} in every row, {shift}", kind, False, {**drawn, name: here}
            if len(floats) > 1:
                everywhere = {key: _scatter(drawn[key], number, 0) for key in floats}
                yield f"{name}: {title} in all inputs", kind, False, {**drawn, **everywhere}

    def _drawn(self, call: Arrays, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return a call of the same shapes with numbers drawn as the example's are distributed."""
        return {name: _draw(value, self.example[name], rng) for name, value in call.items()}


_SHIFTS = 3
"""How often numbers that are none are put into other columns."""


def _scatter(value: np.ndarray, number: float, shift: int) -> np.ndarray:
    """Return a copy with this number once in every row, in another column in each."""
    array = np.ascontiguousarray(value).copy().reshape(value.shape)
    if array.ndim < 2:
        array.flat[shift % max(1, array.size) :: _SHIFTS] = number
        return array
    rows = array.reshape(len(array), -1)
    places = np.arange(len(rows))
    rows[places, (places + shift * len(rows)) % rows.shape[1]] = number
    return array


def _draw(value: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if value.dtype.kind == "f":
        finite = seen[np.isfinite(seen)].astype(np.float64)
        mean, spread = (float(finite.mean()), float(finite.std())) if finite.size else (0.0, 1.0)
        return np.asarray(rng.normal(mean, spread or 1.0, value.shape)).astype(value.dtype)
    if value.dtype.kind in "iu" and seen.size:
        drawn = rng.integers(int(seen.min()), int(seen.max()), value.shape, dtype=np.int64, endpoint=True)
        return np.asarray(drawn).astype(value.dtype)
    if value.dtype.kind == "b":
        return np.asarray(rng.random(value.shape) < 0.5)
    return value


def ask_within(asker: Asker, probes: Probes) -> tuple[Probes, list[Call]]:
    """Return every probe with the original's answer, within bounds that hold whatever stands beside a number.

    Where the original refuses a number that it took in another call, as of a mask from which positions are
    counted, the bounds are those of the example.
    """
    calls = _ask(asker, probes)
    refused = {call.name for call in calls if call.outputs is None}
    unsure = [
        name
        for name, ends in probes.bounds.items()
        if not refused.isdisjoint(f"{name}: {number}" for number in ends)
    ]
    if not unsure:
        return probes, calls
    seen = {name: (int(probes.example[name].min()), int(probes.example[name].max())) for name in unsure}
    narrow = replace(probes, bounds={**probes.bounds, **seen}, narrow=frozenset(unsure))
    return narrow, _ask(asker, narrow)


def _ask(asker: Asker, probes: Probes) -> list[Call]:
    """Return every probe with the original's answer."""
    calls = []
    for name, kind, golden, inputs in probes.calls():
        answer = asker.answer(inputs)
        if kind == "made-up" and answer is not None and not asker.is_steady(inputs, answer):
            continue
        calls.append(
            Call(
                name=name,
                inputs=dict(inputs),
                outputs=answer,
                kind="ordinary" if kind == "made-up" else kind,
                golden=golden,
            )
        )
    return calls
