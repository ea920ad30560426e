"""Rows as CSV has them, where everything is text and an empty cell is a missing value."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.errors import InputError

if TYPE_CHECKING:
    from mlpack.format.contract import Input

__all__ = ["read_csv"]


def read_csv(file: Iterable[str], inputs: Sequence[Input], *, header: bool = True) -> dict[str, list[Any]]:
    """Return rows of CSV as columns of Python values.

    Args:
        file: Lines, read without translation of their ends.
        inputs: What the model reads.
        header: Whether the first row has names; otherwise cells are taken by position, and the
            first row may still be the names themselves.

    Raises:
        InputError: The text is no CSV, or a cell is not of its column's type.
    """
    reader = csv.reader(file, strict=True)
    columns: dict[str, list[Any]] = {item.name: [] for item in inputs}
    try:
        first = next(reader, [])
        named = header or set(first) >= set(columns)
        places = _places(first, inputs) if named else list(zip(inputs, range(len(inputs)), strict=True))
        width = len(first) if named else len(inputs)
        rows = reader if named or not first else itertools.chain([first], reader)
        for index, row in enumerate(rows):
            if len(row) != width:
                raise InputError(f"expected {width} cells, found {len(row)}", where=f"row {index}")
            for item, place in places:
                columns[item.name].append(_cell(item, row[place], index))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", where=f"line {reader.line_num}") from error
    return columns


def _places(header: Sequence[str], inputs: Sequence[Input]) -> list[tuple[Input, int]]:
    """Return where each input stands."""
    if missing := [item.name for item in inputs if item.name not in header]:
        raise InputError(f"columns are missing: {', '.join(missing[:20])}", where="CSV header")
    if doubled := [item.name for item in inputs if header.count(item.name) > 1]:
        raise InputError(f"columns appear twice: {', '.join(doubled[:20])}", where="CSV header")
    return [(item, header.index(item.name)) for item in inputs]


def _cell(item: Input, text: str, row: int) -> object:
    """Return a cell of a CSV file, where everything is text and an empty cell is a missing value."""
    if text == "":
        return None
    if item.dtype == "string":
        return text
    if item.dtype == "bool":
        if text.lower() not in ("true", "false", "0", "1"):
            raise InputError("expected true or false", where=f"row {row}, {item.name!r}")
        return text.lower() in ("true", "1")
    if item.dtype == "datetime":
        return text  # ISO 8601, which the contract reads
    whole = item.dtype == "int64"
    # Python would also take 1_000, digits of other scripts and blanks around them.
    if (_INTEGER if whole else _NUMBER).fullmatch(text) is None or len(text) > _LONGEST:
        kind = "an integer" if whole else "a number"
        raise InputError(f"expected {kind}", where=f"row {row}, {item.name!r}")
    return int(text) if whole else float(text)


_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE
)
_LONGEST = 400
"""Characters of a number: the smallest double, spelled out, has fewer."""
