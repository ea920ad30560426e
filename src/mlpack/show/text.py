"""Facts as aligned text, for terminals and logs."""

from __future__ import annotations

from mlpack.show.facts import Chart, Facts, Level, Section, Table
from mlpack.show.folding import fold, pad, squeeze
from mlpack.show.visible import display_width, is_number, visible

__all__ = ["render_text"]

_MARKS: dict[Level, str] = {"good": "✓", "plain": " ", "warning": "!", "bad": "✗"}
_COLOURS: dict[Level, str] = {"good": "32", "plain": "", "warning": "33", "bad": "31"}
_BARS = "▁▂▃▄▅▆▇█"
_BOLD, _DIM = "1", "2"

_GUTTER = 4  # "  ✓ " before every label and table row
_GAP = "  "  # between columns
_LONGEST_LABEL = 28  # a longer one gets a line of its own
_NARROWEST = 12  # neither a value nor a table column is squeezed below this, even where a line gets too long


def render_text(facts: Facts, *, width: int | None = None, color: bool = False) -> str:
    """Return `facts` as text, with the marks ✓ ! ✗ before what is good, needs a look, or is bad.

    Args:
        facts: What to show.
        width: Terminal cells in a line; longer values are folded under themselves. None folds nothing,
            which suits files and pipes.
        color: Whether to add ANSI colours. The marks say the same without them.

    Returns:
        Lines without trailing blanks, and no final line break. Characters that a terminal would obey
        instead of showing stand there as escapes.
    """
    lines = [_paint(line, _BOLD, color) for line in fold(visible(facts.title), width)]
    for number, warning in enumerate(facts.warnings):
        lines += [] if number else [""]
        first, *others = fold(visible(warning), _room(width, _GUTTER))
        lines += [f"  {_paint(f'! {first}', _COLOURS['warning'], color)}"]
        lines += [" " * _GUTTER + _paint(line, _COLOURS["warning"], color) for line in others]
    for section in facts.sections:
        lines += ["", *(_paint(line, _BOLD, color) for line in fold(visible(section.title), width))]
        lines += _pairs(section, width, color)
        if section.table is not None:
            lines += [""] if section.pairs else []
            lines += _table(section.table, width, color)
        for chart in section.charts:
            lines += [
                "",
                f"  {_paint(_MARKS[chart.level], _COLOURS[chart.level], color)} {visible(chart.title)}",
            ]
            lines += _bars(chart, color)
    return "\n".join(line.rstrip() for line in lines)


def _paint(text: str, code: str, color: bool) -> str:  # noqa: FBT001 - private, always the last word
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text.strip() else text


def _room(width: int | None, taken: int) -> int | None:
    return None if width is None else max(_NARROWEST, width - taken)


def _pairs(section: Section, width: int | None, color: bool) -> list[str]:  # noqa: FBT001
    """Return one line for each pair, or more where the value is folded."""
    labels = [visible(label) for label, _, _ in section.pairs]
    widths = [size for size in map(display_width, labels) if size <= _LONGEST_LABEL]
    column = max(widths, default=0)
    start = _GUTTER + column + len(_GAP)
    lines = []
    for label, (_, value, level) in zip(labels, section.pairs, strict=True):
        mark = _paint(_MARKS[level], _COLOURS[level], color)
        values = [_paint(line, _COLOURS[level], color) for line in fold(visible(value), _room(width, start))]
        head = f"  {mark} {_paint(pad(label, column), _DIM, color)}"
        if display_width(label) > column:
            lines.append(head)
        else:
            lines.append(f"{head}{_GAP}{values.pop(0)}")
        lines += [" " * start + value for value in values]
    return lines


def _table(table: Table, width: int | None, color: bool) -> list[str]:  # noqa: FBT001
    """Return the headings, a rule and the rows; columns of numbers are aligned on the right."""
    rows = [[visible(cell) for cell in row] for row in (table.columns, *table.rows)]
    columns = list(zip(*rows, strict=True))
    right = [len(column) > 1 and all(map(is_number, column[1:])) for column in columns]
    widths = [max(map(display_width, column)) for column in columns]
    if width is not None and columns:
        widths = squeeze(widths, width - _GUTTER - len(_GAP) * (len(columns) - 1), _NARROWEST)
    head, *body = [_row(row, widths, right) for row in rows]
    rule = _GAP.join("─" * size for size in widths)
    lines = [_paint(line, _DIM, color) for line in (*head, rule)]
    lines += [line for row in body for line in row]
    return [" " * _GUTTER + line for line in lines]


def _bars(chart: Chart, color: bool) -> list[str]:  # noqa: FBT001
    """Return one line of bars per series, all of one scale."""
    names = [visible(name) for name, _ in chart.series]
    column = max(map(display_width, names), default=0)
    most = max((value for _, values in chart.series for value in values), default=0.0)
    steps = len(_BARS) - 1
    return [
        " " * _GUTTER
        + _paint(pad(name, column), _DIM, color)
        + _GAP
        + "".join(_BARS[round(value / most * steps) if most else 0] for value in values)
        for name, (_, values) in zip(names, chart.series, strict=True)
    ]


def _row(cells: list[str], widths: list[int], right: list[bool]) -> list[str]:
    """Return the lines of one row: as many as its most folded cell needs."""
    folded = [fold(cell, max(size, 2), chop=True) for cell, size in zip(cells, widths, strict=True)]
    height = max(map(len, folded), default=0)
    columns = [
        [pad(line, size, right=on_right) for line in (*lines, *[""] * (height - len(lines)))]
        for lines, size, on_right in zip(folded, widths, right, strict=True)
    ]
    return [_GAP.join(line) for line in zip(*columns, strict=True)]
