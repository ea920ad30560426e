"""Whatever a value holds, a reader sees the value and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mlpack.packing.markdown import code, inline, paragraphs, table

if TYPE_CHECKING:
    from markdown_it.token import Token

READER = MarkdownIt("commonmark", {"html": True}).enable("table")
NASTY = [
    "<script>alert(1)</script>",
    "[click](https://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "a | b",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "> quote",
    "***",
    "`code`",
    "``` fence",
    "a\n\n# b",
    "    indented",
    "&lt;b&gt;",
    "<https://evil.example>",
    "https://evil.example",
    "www.evil.example",
    "[x]: https://evil.example",
    "~~gone~~",
    "$x$",
    "a\\",
    "\\|",
    ":smile:",
    "@someone",
    "---",
    "=",
    "+ x",
    "| a |\n| --- |",
]


def tokens(markdown: str) -> list[Token]:
    found = []
    for token in READER.parse(markdown):
        found.append(token)
        found += token.children or []
    return found


def kinds(markdown: str) -> set[str]:
    return {token.type for token in tokens(markdown)}


def words(text: str) -> str:
    return " ".join(text.split())


def shown(markdown: str) -> str:
    """Return the text that a reader sees."""
    return "".join(
        token.content for token in tokens(markdown) if token.type in ("text", "code_inline", "text_special")
    )


@pytest.mark.parametrize("text", NASTY)
def test_inline_shows_the_words_and_nothing_else(text: str) -> None:
    assert kinds(inline(text)) <= {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}
    assert shown(inline(text)) == words(text)


@given(st.text(alphabet=st.characters(max_codepoint=126, min_codepoint=32), max_size=60))
def test_inline_shows_any_ascii(text: str) -> None:
    assert kinds(inline(text)) <= {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}
    assert shown(inline(text)) == words(text)


@pytest.mark.parametrize("text", NASTY)
def test_cells_stay_in_their_cell(text: str) -> None:
    found = tokens(table(("A", "B"), [(text, "end")]))
    assert sum(token.type == "td_open" for token in found) == 2
    assert {t.type for t in found} & {
        "link_open",
        "image",
        "html_inline",
        "html_block",
        "code_inline",
    } == set()
    cells = [t.content for t in found if t.type == "inline"]
    assert shown(cells[2]) == words(text)


@given(st.text(alphabet=st.characters(max_codepoint=126, min_codepoint=32), max_size=40))
def test_code_shows_any_ascii(text: str) -> None:
    markdown = "x " + code(text)
    assert [t.content.strip() for t in tokens(markdown) if t.type == "code_inline"] == [words(text)]


def test_no_address_is_linked_by_forges() -> None:
    assert re.search(r"https?://|www\.|\w@\w", inline("https://a.example www.a.example a@b.example")) is None


def test_what_cannot_be_seen_is_written_out() -> None:
    assert inline("a\u202eb\x1b[0m") == r"a\\u202eb\\x1b\[0m"


def test_paragraphs_keep_blank_lines() -> None:
    assert paragraphs("one\ntwo\n\n \n# three\n") == "one two\n\n\\# three"
