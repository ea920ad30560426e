"""Saying what takes a while, to whoever watches: a terminal or a notebook, nobody else."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

__all__ = ["step"]


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is being done while it lasts, and how long it took."""
    stream = sys.stderr
    watched = stream is not None and (stream.isatty() or "ipykernel" in sys.modules)
    start = time.perf_counter()
    if watched:
        print(f"mlpack: {what} ...", end="", file=stream, flush=True)
    try:
        yield
    finally:
        if watched:
            print(f" {time.perf_counter() - start:.1f} s", file=stream, flush=True)
