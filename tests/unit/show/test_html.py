from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.show.html import render_html
from mlpack.show.style import STYLE

EVIL = "</style><script>alert(1)</script><img src=x onerror='alert(1)'>\"&amp;\x1b\u202e$x$"


class Elements(HTMLParser):
    """Collects tags, attribute names and text, and checks that elements nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


@pytest.fixture
def hostile() -> str:
    table = Table(columns=(EVIL, "n"), rows=((EVIL, "1"), ("b", "2")))
    section = Section(title=EVIL, pairs=((EVIL, EVIL, "bad"), (EVIL, "x", "warning")), table=table)
    return render_html(Facts(title=EVIL, sections=(section,), warnings=(EVIL,)))


def test_no_text_becomes_an_element_or_an_attribute(hostile: str) -> None:
    elements = Elements(hostile)
    known = {"div", "style", "ul", "li", "span", "dl", "dt", "dd", "code"}
    known |= {"table", "thead", "tbody", "tr", "th", "td"}
    assert elements.tags == known
    aria = {"aria-hidden", "aria-label", "aria-level"}
    assert elements.attributes == {"class", "role", "scope", "tabindex"} | aria


def test_elements_are_closed_where_they_were_opened(hostile: str) -> None:
    assert Elements(hostile).open == []


def test_hidden_characters_are_shown_as_escapes(hostile: str) -> None:
    assert all(char.isprintable() for char in hostile)
    assert "\\x1b\\u202e" in hostile


def test_nothing_is_fetched(hostile: str) -> None:
    assert not re.search(r"url\(|@import|https?:|src=[\"']|href=", hostile.replace("src=x", ""))


def test_the_dollar_sign_is_not_typeset(hostile: str) -> None:
    assert hostile.startswith('<div class="mlpack-facts tex2jax_ignore mathjax_ignore">')


def test_levels_are_said_in_words_too() -> None:
    levels: tuple[Level, ...] = ("good", "warning", "bad", "plain")
    pairs = tuple((level, f"is {level}", level) for level in levels)
    text = "".join(Elements(render_html(Facts(title="t", sections=(Section(title="S", pairs=pairs),)))).text)
    assert "✓ good: is good" in text
    assert "! warning: is warning" in text
    assert "✗ bad: is bad" in text


def test_a_digest_is_set_as_code() -> None:
    digest = "sha256:" + "0f" * 32
    section = Section(title="S", pairs=(("policy", f"policy.yaml, {digest}", "plain"),))
    assert f"policy.yaml, <code>{digest}</code>" in render_html(Facts(title="t", sections=(section,)))


def test_a_table_without_rows_still_has_its_headings() -> None:
    html = render_html(Facts(title="t", sections=(Section(title="S", table=Table(columns=("a",), rows=())),)))
    assert '<th scope="col">a</th>' in html


def test_every_rule_of_the_style_stays_inside_the_element() -> None:
    bare = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", STYLE)
    selectors = [part for group in re.findall(r"([^{}]+)\{", bare) for part in group.split(",")]
    assert selectors
    assert [selector for selector in selectors if ".mlpack-facts" not in selector] == []


def test_the_style_follows_the_system_and_the_notebook() -> None:
    assert "@media (prefers-color-scheme:dark)" in STYLE
    assert 'body[data-jp-theme-light="false"]' in STYLE
    assert "--jp-layout-color1" in STYLE
