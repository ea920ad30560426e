from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.show.html import render_html
from mlpack.show.json import render_json
from mlpack.show.text import render_text
from mlpack.show.visible import display_width, visible

words = st.text(max_size=60)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(st.integers(1, 4))
    rows = st.lists(st.tuples(*[words] * columns), max_size=4).map(tuple)
    return Table(columns=draw(st.tuples(*[words] * columns)), rows=draw(rows))


levels: st.SearchStrategy[Level] = st.sampled_from(get_args(Level))
sections = st.builds(
    Section,
    title=words,
    pairs=st.lists(st.tuples(words, words, levels), max_size=4).map(tuple),
    table=st.none() | tables(),
)
facts = st.builds(
    Facts,
    title=words,
    sections=st.lists(sections, max_size=3).map(tuple),
    warnings=st.lists(words, max_size=3).map(tuple),
)


class Words(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data


@given(facts=facts, width=st.none() | st.integers(20, 100))
def test_text_obeys_nothing_and_has_no_trailing_blanks(facts: Facts, width: int | None) -> None:
    text = render_text(facts, width=width)
    assert all(char.isprintable() or char in "\n\u3000\xa0" or char.isspace() for char in text)
    assert "\r" not in text
    assert all(line == line.rstrip() for line in text.split("\n"))


@given(table=tables(), width=st.integers(70, 120))
def test_a_table_fits_into_the_width(table: Table, width: int) -> None:
    text = render_text(Facts(title="t", sections=(Section(title="s", table=table),)), width=width)
    assert max(map(display_width, text.split("\n"))) <= width


@given(facts=facts)
def test_html_says_every_word_and_nothing_but_words(facts: Facts) -> None:
    text = Words(render_html(facts)).text
    for section in facts.sections:
        for label, value, _ in section.pairs:
            assert visible(label) in text
            assert visible(value) in text


@given(facts=facts)
def test_json_gives_back_what_went_in(facts: Facts) -> None:
    document = json.loads(render_json(facts))
    assert document["title"] == facts.title
    assert document["warnings"] == list(facts.warnings)
    assert [part["title"] for part in document["sections"]] == [part.title for part in facts.sections]
