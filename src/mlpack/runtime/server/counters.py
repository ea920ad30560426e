"""Numbers that workers count in memory that all of them share: any one of them tells the sum.

One row of 64-bit floats per worker, in an anonymous mapping made before the workers are forked. Each worker
writes its own row only, so that nothing is locked; one that takes another's place goes on with its row, so
that counters never fall.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BUCKETS", "Counter", "Counters", "Histogram", "Vector"]

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of latency buckets in seconds: a small model answers within the first two."""


class Counters:
    """Cells in shared memory. Declare all of them, then `share`, then fork, then `claim` a row."""

    def __init__(self) -> None:
        """Start with nothing declared."""
        self._size = 0
        self._workers = 0
        self._all: memoryview[float] = memoryview(b"").cast("d")
        self._mine = self._all

    def reserve(self, cells: int) -> int:
        """Declare some cells; return the number of the first."""
        if self._workers:
            raise RuntimeError("the cells are shared already")
        first, self._size = self._size, self._size + cells
        return first

    def share(self, workers: int) -> None:
        """Make the memory, all zero."""
        self._workers = workers
        self._all = memoryview(mmap.mmap(-1, max(8, 8 * self._size * workers))).cast("d")
        self.claim(0)

    def claim(self, worker: int) -> None:
        """Write to this worker's row from now on."""
        self._mine = self._all[worker * self._size : (worker + 1) * self._size]

    @property
    def row(self) -> memoryview[float]:
        """This worker's cells, of 64-bit floats."""
        return self._mine

    def add(self, cell: int, value: float) -> None:
        """Add to one cell."""
        self._mine[cell] += value

    def put(self, cell: int, value: float) -> None:
        """Set this worker's part of a cell."""
        self._mine[cell] = value

    def total(self, cell: int) -> float:
        """Return the sum of one cell over all workers."""
        return float(sum(self._all[cell + worker * self._size] for worker in range(self._workers)))

    def totals(self, first: int, cells: int) -> list[float]:
        """Return the sums of neighbouring cells."""
        return [self.total(cell) for cell in range(first, first + cells)]


@dataclass(frozen=True, slots=True)
class Counter:
    """One number."""

    counters: Counters
    cell: int

    @classmethod
    def of(cls, counters: Counters) -> Counter:
        """Declare one."""
        return cls(counters, counters.reserve(1))

    def add(self, value: float = 1.0) -> None:
        """Count."""
        self.counters.row[self.cell] += value

    def put(self, value: float) -> None:
        """Set this worker's part."""
        self.counters.put(self.cell, value)

    @property
    def total(self) -> float:
        """The sum over all workers."""
        return self.counters.total(self.cell)


@dataclass(frozen=True, slots=True)
class Vector:
    """Neighbouring numbers that are counted together, such as the bins of a column."""

    counters: Counters
    first: int
    size: int

    @classmethod
    def of(cls, counters: Counters, size: int) -> Vector:
        """Declare `size` of them."""
        return cls(counters, counters.reserve(size), size)

    def add(self, values: Sequence[float]) -> None:
        """Count, one value per cell."""
        row = self.counters.row
        for cell, value in enumerate(values, self.first):
            if value:
                row[cell] += value

    @property
    def totals(self) -> list[float]:
        """The sums over all workers."""
        return self.counters.totals(self.first, self.size)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values fell into buckets, and their sum: a histogram as Prometheus has it.

    Attributes:
        counters: Where the numbers are.
        first: The first bucket; after the buckets comes one without bound, then the sum.
        bounds: Upper bounds, each within its bucket.
    """

    counters: Counters
    first: int
    bounds: tuple[float, ...]

    @classmethod
    def of(cls, counters: Counters, bounds: tuple[float, ...] = BUCKETS) -> Histogram:
        """Declare one."""
        return cls(counters, counters.reserve(len(bounds) + 2), bounds)

    def observe(self, value: float) -> None:
        """Count one value."""
        row = self.counters.row
        row[self.first + bisect_left(self.bounds, value)] += 1.0
        row[self.first + len(self.bounds) + 1] += value

    @property
    def totals(self) -> tuple[list[float], float]:
        """How many values each bucket holds, the last one without bound, and their sum, over all workers."""
        numbers = self.counters.totals(self.first, len(self.bounds) + 2)
        return numbers[:-1], numbers[-1]
