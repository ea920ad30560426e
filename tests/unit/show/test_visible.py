from __future__ import annotations

import pytest

from mlpack.show.visible import display_width, is_number, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age", "age"),
        ("größe · 価値", "größe · 価値"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj\u202eexe", "gpj\\u202eexe"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("a\u2028b", "a\\u2028b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
    ids=["ascii", "letters", "lines", "escape", "c1", "bidi", "zero-width", "separator", "surrogate", "tag"],
)
def test_what_a_reader_cannot_see_becomes_an_escape(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(("text", "cells"), [("abc", 3), ("価値", 4), ("e\u0301", 1), ("", 0)])
def test_width_is_counted_in_terminal_cells(text: str, cells: int) -> None:
    assert display_width(text) == cells


@pytest.mark.parametrize("text", ["0", "-1", "1,024", "3.3e-16", "97 %", "nan", "\u22125"])
def test_numbers_are_recognised(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["", "1.2.0", "18 to 90", "none"])
def test_other_cells_are_no_numbers(text: str) -> None:
    assert not is_number(text)
