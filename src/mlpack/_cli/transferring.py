"""What a transfer shows while it runs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Self

__all__ = ["TransferMeter"]

_OFTEN, _QUIET = 0.1, 10.0
"""Seconds between two looks, on a terminal and elsewhere."""


class TransferMeter:
    """Always on standard error; nothing at all when the transfer is over before the first look."""

    def __init__(self) -> None:
        """Start the clock."""
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._drawn = False

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show how far a step is, in bytes."""
        now = time.monotonic()
        if now - self._last < (_OFTEN if self._terminal else _QUIET):
            return
        self._last = now
        share = done / total if total else 1.0
        text = f"{step} {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        if self._terminal:
            full = round(30 * share)
            bar = f"[{'#' * full}{'.' * (30 - full)}] {share:4.0%}"
            print(f"\r\x1b[K{bar}  {text}", end="", file=sys.stderr, flush=True)
            self._drawn = True
        else:
            print(f"mlpack: {text}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the line clean for what follows."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
