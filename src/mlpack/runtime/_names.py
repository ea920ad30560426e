"""Which of the caller's columns is which input."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from mlpack.runtime._findings import Findings, shown

__all__ = ["match_names"]


def match_names(
    names: Sequence[str], found: Sequence[object], findings: Findings, *, row: int | None = None
) -> list[int]:
    """Return the position in `found` of every name, in the order of `names`.

    A label that is not a string (pandas allows integers) is known by `str(label)`, as at packing time.
    Columns that nobody needs are remarked on. What is missing or there twice goes to `findings`.
    """
    labels = [label if isinstance(label, str) else str(label) for label in found]
    places = {label: position for position, label in reversed(list(enumerate(labels)))}
    where = "" if row is None else f"row {row}: "
    if len(places) != len(labels):
        for name in names:
            if labels.count(name) > 1:
                findings.broken(name, f"{where}expected once, found {labels.count(name)} times")
    positions = [places.get(name, -1) for name in names]
    if -1 in positions:
        for name, position in zip(names, positions, strict=True):
            if position < 0:
                close = difflib.get_close_matches(name, labels, n=1)
                near = f"; there is {shown(close[0])}, did you mean that?" if close else ""
                findings.broken(name, f"{where}expected, but missing{near}")
    elif len(labels) > len(names):
        findings.remark("*", "extra columns ignored", 1)
    return positions
