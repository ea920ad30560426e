"""Several transfers at once: the first failure stops the others, and somebody may watch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mlpack.oci.sources import Remade

__all__ = ["Progress", "StoppedError", "Tally", "Watched", "transfer"]

WORKERS = 4
"""Transfers at once: enough to fill a line, few enough that memory stays small."""

_LARGE = 24 * 1024 * 1024

Item = TypeVar("Item")
Result = TypeVar("Result")


class Progress(Protocol):
    """Who watches a transfer."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Take note: of this step, so many bytes are done."""


class StoppedError(Exception):
    """Another transfer has failed; never seen outside of `transfer`."""


class Tally:
    """Counts the bytes of one step over all threads, and stops them."""

    def __init__(self, step: str, total: int, progress: Progress | None, *, passes: int = 1) -> None:
        """Start at nothing.

        Args:
            step: Such as `sending`.
            total: Bytes in all.
            progress: Who is told; may be None.
            passes: How often each byte is counted before it is done.
        """
        self._step, self._total, self._progress = step, total * passes, progress
        self._passes = passes
        self._done = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def add(self, count: int) -> None:
        """Count some bytes; a second try may count them again, but never more than there are.

        Raises:
            StoppedError: Another transfer has failed.
        """
        if self._stop.is_set():
            raise StoppedError
        with self._lock:
            self._done = min(self._total, self._done + count)
            if self._progress is not None:
                self._progress(self._step, self._done // self._passes, self._total // self._passes)

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces, counting them as they pass by."""
        for piece in pieces:
            self.add(len(piece))
            yield piece

    def stop(self) -> None:
        """Make the next `add` of every thread raise `StoppedError`."""
        self._stop.set()


@dataclass(frozen=True, slots=True)
class Watched:
    """Something whose bytes are counted as they are sent."""

    source: Remade
    tally: Tally

    def pieces(self, offset: int) -> Iterator[bytes]:
        """Yield the bytes from `offset` on."""
        return self.tally.watch(self.source.pieces(offset))


def transfer(
    work: Callable[[Item], Result], items: Sequence[Item], tally: Tally, *, workers: int = WORKERS
) -> list[Result]:
    """Return what `work` gives for each item, in order; the first failure ends the others and is raised."""
    # Having seen a large block come and go, glibc keeps what pieces free; else it returns that memory to the
    # system and takes it again for every piece, which cost half as much as hashing. Nothing is touched here.
    bytes(_LARGE)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failures = [future for future in done if future.exception() is not None]
            failures.sort(key=lambda future: isinstance(future.exception(), StoppedError))
            return [future.result() for future in failures[:1] or futures]
        except BaseException:
            tally.stop()
            for future in futures:
                future.cancel()
            raise
