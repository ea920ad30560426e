"""Text that can do nothing but be read: no escape sequences, no reordering, no line breaks."""

from __future__ import annotations

import unicodedata

__all__ = ["display_width", "is_number", "visible"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are shown as escapes: controls, formats such as bidirectional overrides and
zero-width characters, lone surrogates, unassigned and private code points, line and paragraph separators."""


def visible(text: str) -> str:
    r"""Return `text` with every character that a reader cannot see written as an escape.

    Names in a bundle come from strangers. A terminal obeys escape sequences, a browser obeys bidirectional
    overrides, and both would let a name dress up as something else.

    Args:
        text: Anything, lone surrogates included.

    Returns:
        One line; `\n`, `\x1b` and `\u202e` stand for what was there.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def display_width(text: str) -> int:
    """Return how many terminal cells `text` takes: two for wide East Asian characters, none for accents."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def is_number(text: str) -> bool:
    """Tell whether a cell reads as a number, so that its column is aligned on the right."""
    bare = text.strip().removesuffix("%").rstrip().replace("\N{MINUS SIGN}", "-").replace(",", "")
    try:
        float(bare)
    except ValueError:
        return False
    return True


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
