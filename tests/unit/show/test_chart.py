"""Charts in all three renderings."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from mlpack.show.facts import Chart, Facts, Section
from mlpack.show.html import render_html
from mlpack.show.json import render_json
from mlpack.show.text import render_text

CHART = Chart(title="age <x>", labels=("0", "1"), series=(("training", (0.25, 0.75)), ("now", (1.0, 0.0))))
FACTS = Facts(title="Drift", sections=(Section(title="Columns", charts=(CHART,)),))


def test_text_draws_bars_of_one_scale() -> None:
    assert render_text(FACTS).splitlines()[-2:] == ["    training  ▃▆", "    now       █▁"]


def test_json_has_the_numbers() -> None:
    (chart,) = json.loads(render_json(FACTS))["sections"][0]["charts"]

    assert chart == {
        "title": "age <x>",
        "labels": ["0", "1"],
        "series": {"training": [0.25, 0.75], "now": [1.0, 0.0]},
    }


def test_html_is_well_formed_escaped_and_says_the_same_in_words() -> None:
    html = render_html(FACTS)
    figure = ET.fromstring(html[html.index("<figure") : html.index("</figure>") + 9])  # noqa: S314

    svg = figure.find("svg")
    assert svg is not None
    assert "1: training 0.75, now 0" in svg.attrib["aria-label"]
    assert figure.findtext("figcaption") == "age <x>"


def test_a_chart_of_nothing_is_drawn_flat() -> None:
    empty = Chart(title="x", labels=("0",), series=(("now", (0.0,)),))

    assert 'height="0.00"' in render_html(Facts(title="", sections=(Section(title="", charts=(empty,)),)))
