"""A chart as SVG that stands by itself: bars in groups, and the same numbers in words."""

from __future__ import annotations

from html import escape

from mlpack.show.facts import Chart, Level
from mlpack.show.visible import visible

__all__ = ["render_chart"]

_HEIGHT, _BAR, _GAP = 60, 8, 6
_COLOURS = 2
"""Series have one of so many colours; more of them repeat."""

_MARKS: dict[Level, str] = {"good": "✓ ", "plain": "", "warning": "! ", "bad": "✗ "}


def render_chart(chart: Chart) -> str:
    """Return a `<figure>`; everything in it is escaped."""
    group = _BAR * len(chart.series) + _GAP
    most = max((value for _, values in chart.series for value in values), default=0.0) or 1.0
    bars = []
    for place, label in enumerate(chart.labels):
        words = ", ".join(f"{name} {values[place]:.3g}" for name, values in chart.series)
        inner = "".join(
            f'<rect class="mlpack-s{number % _COLOURS}" x="{place * group + number * _BAR}" '
            f'y="{_HEIGHT - height:.2f}" width="{_BAR - 1}" height="{height:.2f}"/>'
            for number, (_, values) in enumerate(chart.series)
            for height in [values[place] / most * _HEIGHT]
        )
        bars.append(f"<g><title>{_text(label)}: {_text(words)}</title>{inner}</g>")
    key = "".join(
        f'<span><i class="mlpack-k{number % _COLOURS}"></i>{_text(name)}</span>'
        for number, (name, _) in enumerate(chart.series)
    )
    width = max(1, group * len(chart.labels) - _GAP)
    caption = f"<figcaption>{_MARKS[chart.level]}{_text(chart.title)}</figcaption>"
    drawing = (
        f'<svg viewBox="0 0 {width} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{_text(_summary(chart))}">{"".join(bars)}</svg>'
    )
    key = f'<div class="mlpack-key">{key}</div>'
    return f'<figure class="mlpack-{chart.level}">{caption}{drawing}{key}</figure>'


def _summary(chart: Chart) -> str:
    """Return the whole chart in words, for whoever does not see it."""
    groups = [
        f"{label}: " + ", ".join(f"{name} {values[place]:.3g}" for name, values in chart.series)
        for place, label in enumerate(chart.labels)
    ]
    return f"{chart.title}. " + "; ".join(groups)


def _text(text: str) -> str:
    return escape(visible(text), quote=True)
