"""Facts as a self-contained piece of HTML, for notebooks."""

from __future__ import annotations

from html import escape

from mlpack.show.chart import render_chart
from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.show.style import STYLE
from mlpack.show.visible import is_number, visible

__all__ = ["render_html"]

_MARKS: dict[Level, str] = {"good": "✓", "plain": "", "warning": "!", "bad": "✗"}
_SPOKEN: dict[Level, str] = {"good": "good: ", "plain": "", "warning": "warning: ", "bad": "bad: "}

_CODE_LENGTH = 24
"""A word at least this long is a digest or a path, and is set in a fixed-width font."""


def render_html(facts: Facts) -> str:
    """Return `facts` as one HTML element with its style, for `_repr_html_`.

    It loads nothing, runs nothing and touches nothing outside itself; it follows the light or dark theme of
    the notebook or of the system, and says in words what it says in colour. Without its style, as on a forge
    that strips it, it is still a readable list.

    Args:
        facts: What to show. Everything in it is escaped.

    Returns:
        A `<div>` with a `<style>` inside.
    """
    warnings = "".join(
        f'<li><span class="mlpack-mark" aria-hidden="true">! </span><span>{_text(warning)}</span></li>'
        for warning in facts.warnings
    )
    if warnings:
        warnings = f'<ul class="mlpack-warnings" aria-label="Warnings">{warnings}</ul>'
    sections = "".join(map(_section, facts.sections))
    # The two "ignore" classes keep a dollar sign in a name from being typeset as mathematics.
    return (
        '<div class="mlpack-facts tex2jax_ignore mathjax_ignore">'
        f"<style>{STYLE}</style>"
        f'<div class="mlpack-title" role="heading" aria-level="3">{_text(facts.title)}</div>'
        f"{warnings}{sections}</div>"
    )


def _text(text: str) -> str:
    return escape(visible(text), quote=True)


def _section(section: Section) -> str:
    pairs = "".join(_pair(*pair) for pair in section.pairs)
    if pairs:
        pairs = f'<dl class="mlpack-pairs">{pairs}</dl>'
    table = _table(section.table, section.title) if section.table is not None else ""
    charts = "".join(map(render_chart, section.charts))
    if charts:
        charts = f'<div class="mlpack-charts">{charts}</div>'
    return (
        f'<div class="mlpack-section"><div class="mlpack-heading" role="heading" aria-level="4">'
        f"{_text(section.title)}</div>{pairs}{table}{charts}</div>"
    )


def _pair(label: str, value: str, level: Level) -> str:
    mark = ""
    if level != "plain":
        mark = (
            f'<span class="mlpack-mark" aria-hidden="true">{_MARKS[level]} </span>'
            f'<span class="mlpack-spoken">{_SPOKEN[level]}</span>'
        )
    words = " ".join(map(_word, visible(value).split(" ")))
    return f'<dt>{_text(label)}</dt><dd class="mlpack-{level}">{mark}<span>{words}</span></dd>'


def _word(word: str) -> str:
    safe = escape(word, quote=True)
    return f"<code>{safe}</code>" if len(word) >= _CODE_LENGTH else safe


def _table(table: Table, title: str) -> str:
    """Return the table in a frame that scrolls by itself, with the mouse and with the keyboard."""
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    kinds = [' class="mlpack-number"' if column and all(map(is_number, column)) else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{_text(name)}</th>' for name, kind in zip(table.columns, kinds, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{_text(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="mlpack-frame" role="region" tabindex="0" aria-label="{_text(title)}">'
        f'<table class="mlpack-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
