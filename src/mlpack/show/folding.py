"""Fitting text into a number of terminal cells."""

from __future__ import annotations

from mlpack.show.visible import display_width

__all__ = ["fold", "pad", "squeeze"]


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled with blanks up to `width` cells, on its left when `right` aligned."""
    blanks = " " * max(0, width - display_width(text))
    return blanks + text if right else text + blanks


def fold(text: str, width: int | None, *, chop: bool = False) -> list[str]:
    """Break `text` at blanks into lines of at most `width` cells.

    Args:
        text: One line.
        width: Cells, at least two (a wide character takes two); None keeps the line whole.
        chop: Whether a longer word is cut. Otherwise it stays whole, on a line that is too long, so that a
            digest can still be copied from a terminal.

    Returns:
        At least one line.
    """
    if width is None or display_width(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if display_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _chop(word, width) if chop else [word]
        lines += full
    return [*lines, line]


def squeeze(widths: list[int], total: int, narrowest: int) -> list[int]:
    """Take cells from the widest columns until all fit into `total`, none below `narrowest`.

    Args:
        widths: What each column would like.
        total: Cells for all of them together.
        narrowest: Columns that like less keep what they like.

    Returns:
        Widths whose sum is at most `total`, or as near as `narrowest` allows.
    """
    squeezed = list(widths)
    while sum(squeezed) > total:
        widest = max(range(len(squeezed)), key=squeezed.__getitem__)
        if squeezed[widest] <= narrowest:
            break
        squeezed[widest] -= 1
    return squeezed


def _chop(word: str, width: int) -> list[str]:
    """Cut a word that is wider than a line; the last piece may be filled further."""
    pieces = [""]
    for char in word:
        if pieces[-1] and display_width(pieces[-1] + char) > width:
            pieces.append("")
        pieces[-1] += char
    return pieces
