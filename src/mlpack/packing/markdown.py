"""Markdown that shows what it was given: nothing in a value can become markup, a link or a tag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlpack.show.visible import visible

__all__ = ["code", "inline", "paragraphs", "table"]

_SPECIAL = re.compile(
    r"[!#$&*+:<=>@\[\\\]^`{|}~]|(?<=\d)\)|(?<!\d)\.|\.(?!\d)|(?<![A-Za-z0-9])[_-]|[_-](?![A-Za-z0-9])"
)
"""Punctuation that can mean something in a line; CommonMark lets a backslash stand before any of it.

Left alone, so that the plain text stays readable, is what never does: commas, quotes, brackets, a point
between digits, a hyphen or an underscore inside a word.
"""


def inline(text: str) -> str:
    """Return `text` as one line of Markdown that renders as exactly these words.

    Line breaks become spaces; what a reader could not see is written as an escape. `&` and `<` become
    entities too, for readers that treat a README as HTML first.

    Source: CommonMark 0.31.2, 2.4 "Backslash escapes".
    """
    words = visible(" ".join(text.split()))
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found[0], "\\" + found[0]), words)


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def paragraphs(text: str) -> str:
    """Return `text` as Markdown paragraphs, split where it has blank lines."""
    return "\n\n".join(inline(part) for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def code(text: str) -> str:
    """Return a code span of `text`, longer fences around it where it holds backticks itself.

    For values that people copy. Not for table cells: a `|` ends those even inside code.
    """
    words = visible(" ".join(text.split())) or " "
    fence = "`" * (max((len(run) for run in re.findall(r"`+", words)), default=0) + 1)
    pad = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{pad}{words}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is escaped here.

    Args:
        head: Names of the columns.
        rows: Cells, as many as `head` has.

    Source: GitHub Flavored Markdown 0.29, 4.10 "Tables".
    """
    lines = [[inline(cell) for cell in row] for row in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return "\n".join("| " + " | ".join(cell or " " for cell in line) + " |" for line in lines)
