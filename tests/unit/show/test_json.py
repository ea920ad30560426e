from __future__ import annotations

import json

from mlpack.show.facts import Facts, Section, Table
from mlpack.show.json import render_json


def test_everything_is_there_and_in_order() -> None:
    table = Table(columns=("a", "b"), rows=(("1", "2"),))
    sections = (Section(title="S", pairs=(("l", "v", "good"),), table=table), Section(title="T"))
    assert json.loads(render_json(Facts(title="t", sections=sections, warnings=("w",)))) == {
        "title": "t",
        "warnings": ["w"],
        "sections": [
            {
                "title": "S",
                "pairs": [{"label": "l", "value": "v", "level": "good"}],
                "charts": [],
                "table": {"columns": ["a", "b"], "rows": [["1", "2"]]},
            },
            {"title": "T", "pairs": [], "charts": [], "table": None},
        ],
    }


def test_strange_characters_are_escaped_and_come_back() -> None:
    title = "\x1b[2J \u202e \ud800 é"
    text = render_json(Facts(title=title, sections=()))
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["title"] == title
