"""Asking a model of tensors which sizes and numbers it takes.

Runs in the child process, against any framework: a model is a function from named arrays to named arrays that
raises for what it refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlpack.format.tensors import Dimension
from mlpack.packing.tensors.study import Arrays

__all__ = [
    "SEED",
    "Asker",
    "Axes",
    "batch_axes",
    "is_small",
    "learn_bounds",
    "learn_range",
    "resized",
    "sampled_rows",
    "tied",
]

Axes = Mapping[str, Sequence[tuple[str, int]]]
"""Dimension -> where it stands: (input, axis)."""

MOST_ROWS = 64
MOST_ELEMENTS = 1 << 22
"""Elements of one probe's input: enough to see, small enough to run."""

UNSTEADY = 1e-6
"""Error of single precision from which on an answer to made-up numbers says nothing about an export."""

SEED = 20260101

Model = Callable[[Arrays], Mapping[str, np.ndarray]]


@dataclass(kw_only=True)
class Asker:
    """The original, which may answer or refuse.

    Attributes:
        model: Answers, or raises to refuse.
        double: The same in double precision, where that exists.
    """

    model: Model
    double: Model | None = None

    def answer(self, inputs: Arrays) -> Mapping[str, np.ndarray] | None:
        """Return what it answers, or None when it refuses."""
        try:
            return self.model({name: value.copy() for name, value in inputs.items()})
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  (a refusal may be any exception of any library)
            return None

    def is_steady(self, inputs: Arrays, answer: Mapping[str, np.ndarray]) -> bool:
        """Return whether single precision determines the answer: double precision gives the same.

        Where it does not, as for the variance of equal numbers, no two runtimes round alike.
        """
        if any(part.dtype.kind in "iub" for part in answer.values()) and self._hangs_on_ties(inputs, answer):
            return False
        if self.double is None:
            return True
        try:
            exact = self.double(inputs)
        except Exception:  # noqa: BLE001  (not every model can be asked in double)
            return True
        for name, part in answer.items():
            if part.dtype.kind != "f" or exact[name].shape != part.shape:
                continue
            found, wanted = part.astype(np.float64), exact[name].astype(np.float64)
            both = np.isfinite(found) & np.isfinite(wanted)
            scale = float(wanted[both].std()) if both.any() else 0.0
            error = np.abs(found - wanted)[both] / ((scale or 1.0) + np.abs(wanted[both]))
            if error.size and float(error.max()) > UNSTEADY:
                return False
        return True

    def _hangs_on_ties(self, inputs: Arrays, answer: Mapping[str, np.ndarray]) -> bool:
        """Return whether whole numbers in the answer change when the inputs do by next to nothing.

        Which of equal numbers is the largest is nobody's promise.
        """
        rng = np.random.default_rng(SEED)
        moved = {
            name: value + (rng.normal(0, 1e-6, value.shape)).astype(value.dtype)
            if value.dtype.kind == "f"
            else value
            for name, value in inputs.items()
        }
        again = self.answer(moved)
        return again is None or any(
            not np.array_equal(part, again[name]) for name, part in answer.items() if part.dtype.kind in "iub"
        )

    def accepts(self, inputs: Arrays) -> bool:
        """Return whether it answers at all."""
        return self.answer(inputs) is not None


def sampled_rows(arrays: Arrays, rows: int) -> dict[str, np.ndarray]:
    """Return at most `rows` evenly spaced rows where all inputs have a first axis of one size."""
    if not (sizes := batch_axes(arrays)):
        return dict(arrays)
    count = min(sizes, rows)
    chosen = np.arange(count) * (sizes - 1) // max(count - 1, 1)
    return {name: value[chosen] for name, value in arrays.items()}


def batch_axes(arrays: Arrays) -> int:
    """Return the size of the first axis if all inputs share it, else 0."""
    sizes = {value.shape[0] if value.ndim else 0 for value in arrays.values()}
    return sizes.pop() if len(sizes) == 1 else 0


def resized(arrays: Arrays, places: Sequence[tuple[str, int]], size: int) -> dict[str, np.ndarray]:
    """Return the arrays with some axes of another size: what is there, repeated or cut."""
    out = dict(arrays)
    for name, axis in places:
        have = out[name].shape[axis]
        if size and not have:
            raise ValueError("cannot repeat nothing")
        # A stride that has no factor in common with most sizes: rows differ from what stands beside them.
        index = (np.arange(size) * 7 + np.arange(size) // max(have, 1)) % max(have, 1)
        out[name] = np.take(out[name], index, axis=axis)
    return out


def is_small(arrays: Arrays) -> bool:
    """Return whether a call is small enough to be tried."""
    return max((value.size for value in arrays.values()), default=0) <= MOST_ELEMENTS


def learn_range(asker: Asker, base: Arrays, places: Sequence[tuple[str, int]], known: Dimension) -> Dimension:
    """Return the sizes that the original itself takes, within what the export says.

    Sizes 0 and 1 are what an export never says anything about, and few say where they end.
    """
    have = base[places[0][0]].shape[places[0][1]]
    low = known.minimum
    if low <= 2:
        low = next((size for size in (1, 2) if asker.accepts(resized(base, places, size))), have)
    high = known.maximum
    large = min(have * 4 + 5, high or have * 4 + 5)
    while high is None and large < 20_000 and is_small(bigger := resized(base, places, large)):
        if not asker.accepts(bigger):
            high = _bisect(lambda size: asker.accepts(resized(base, places, size)), have, large)
            break
        if large > 600:  # the usual limits of positions lie below or are powers of two
            break
        large *= 4
    return Dimension(minimum=low, maximum=high)


def _bisect(accepts: Callable[[int], bool], good: int, bad: int) -> int:
    """Return the accepted integer next to the refused ones, somewhere between two ends."""
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        if accepts(middle):
            good = middle
        else:
            bad = middle
    return good


def tied(
    asker: Asker,
    base: Arrays,
    axes: Axes,
    ranges: Mapping[str, Dimension],
) -> list[tuple[list[tuple[str, int]], Dimension]]:
    """Return the dimensions, with those made one that must be equal for the original to answer.

    An export knows which sizes its operators compare, but not those that only differ at a cost: indices into
    fewer rows than there are.
    """
    found: list[tuple[list[tuple[str, int]], Dimension]] = []
    by_size: dict[int, int] = {}
    for symbol, places in axes.items():
        have = base[places[0][0]].shape[places[0][1]]
        alone = all(asker.accepts(resized(base, places, have + step)) for step in (1, -1))
        if alone or have not in by_size:
            if not alone:
                by_size[have] = len(found)
            found.append((list(places), ranges[symbol]))
            continue
        others, known = found[by_size[have]]
        highest = [item.maximum for item in (known, ranges[symbol]) if item.maximum is not None]
        both = Dimension(
            minimum=max(known.minimum, ranges[symbol].minimum), maximum=min(highest, default=None)
        )
        found[by_size[have]] = ([*others, *places], both)
    return found


def learn_bounds(asker: Asker, base: Arrays, name: str) -> tuple[int, int] | None:
    """Return the smallest and largest integer that the original accepts in one element; None for all."""
    info = np.iinfo(base[name].dtype)
    if not base[name].size:
        return None

    def accepts(value: int) -> bool:
        array = base[name].copy()
        array.flat[array.size // 2] = value
        return asker.accepts({**base, name: array})

    low, high = int(base[name].min()), int(base[name].max())
    # A size of memory may hang on the number: two to the 31 is far enough to be outside any table.
    ends = (max(int(info.min), -(2**31)), min(int(info.max), 2**31 - 1))
    lowest = int(info.min) if accepts(ends[0]) else _bisect(accepts, low, ends[0])
    highest = int(info.max) if accepts(ends[1]) else _bisect(accepts, high, ends[1])
    return None if (lowest, highest) == (int(info.min), int(info.max)) else (lowest, highest)
