"""Facts: what a result has to say, as plain sections that know nothing of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Chart", "Facts", "Level", "Section", "Table"]

Level = Literal["good", "plain", "warning", "bad"]
"""How a value should strike the reader. Text shows a mark, HTML a colour, JSON the word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table of text cells.

    Attributes:
        columns: Headings.
        rows: Cells, each row as long as `columns`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Groups of bars: one group per label, one bar per series in each.

    Attributes:
        title: What is drawn.
        labels: What each group is.
        series: Name -> heights, 0 or more, one per label.
        level: How the whole should strike the reader.
    """

    title: str
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    level: Level = "plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A titled part: pairs, a table, charts, or several of them.

    Attributes:
        title: Heading.
        pairs: (label, value, level) in reading order.
        table: A table below the pairs.
        charts: Drawings below the table.
    """

    title: str
    pairs: tuple[tuple[str, str, Level], ...] = ()
    table: Table | None = None
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything one result says, in reading order.

    Attributes:
        title: One line that names the result.
        sections: Parts, most important first.
        warnings: Sentences that a person should not miss.
    """

    title: str
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
