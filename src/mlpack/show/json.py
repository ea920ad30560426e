"""Facts as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from mlpack.show.facts import Facts, Section

__all__ = ["render_json"]


def render_json(facts: Facts) -> str:
    """Return `facts` as a JSON object: title, warnings, sections with pairs, charts and a table or null.

    Args:
        facts: What to show.

    Returns:
        ASCII only, indented by two, keys in reading order, without a final line break: it prints in any
        locale, and escapes keep strange characters harmless in a terminal.
    """
    document = {
        "title": facts.title,
        "warnings": list(facts.warnings),
        "sections": [_section(section) for section in facts.sections],
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def _section(section: Section) -> dict[str, Any]:
    table = section.table
    return {
        "title": section.title,
        "pairs": [{"label": label, "value": value, "level": level} for label, value, level in section.pairs],
        "charts": [
            {"title": chart.title, "labels": list(chart.labels), "series": dict(chart.series)}
            for chart in section.charts
        ],
        "table": table and {"columns": list(table.columns), "rows": [list(row) for row in table.rows]},
    }
