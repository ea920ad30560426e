"""The page of the documentation, from the verdicts alone: no times, no machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

__all__ = ["table_text"]

_HEAD = """# Which models of tensors can be packed

Measured by `nox -s zoo_tensors`: every model below is packed with the defaults and judged against the
original by a judge that shares nothing with the probes of packing: fresh values, batches of 1, 2, 3, 7, 64
and 100, other lengths, values thirty times as large, NaN, infinities, integers outside every table.
**exact** and **tight** mean the same names, shapes, types and values within that certificate, and no answer
where the original refuses. **refused** means that `mlpack.pack` said no, and why. The last column tells
where the contract takes fewer calls than the original does.
"""


def table_text(rows: Sequence[Sequence[Any]]) -> str:
    """Return the whole page."""
    groups = list(dict.fromkeys(row[0] for row in rows))
    lines = [_HEAD, "| group | cases | exact | tight | refused | other |", "|---|---|---|---|---|---|"]
    for group in groups:
        mine = [row for row in rows if row[0] == group and row[2] != "unfit"]
        counts = Counter(row[3].split(",")[0] if row[2] == "agrees" else row[2] for row in mine)
        known = [counts.pop(name, 0) for name in ("exact", "tight", "refused")]
        other = ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "0"
        lines.append("| " + " | ".join(map(str, [group, len(mine), *known, other])) + " |")
    for group in groups:
        lines += [
            "",
            f"## {group}",
            "",
            "| model | verdict | by, or why not | takes fewer calls |",
            "|---|---|---|---|",
        ]
        lines += [_line(row) for row in rows if row[0] == group and row[2] != "unfit"]
    return "\n".join(lines) + "\n"


def _line(row: Sequence[Any]) -> str:
    _, name, verdict, detail, narrower = row
    if verdict == "agrees":
        verdict, _, detail = detail.partition(", ")
    if verdict == "refused":
        detail = detail.partition(" - ")[2] or detail
    few = "; ".join(narrower)
    return f"| {name} | {verdict} | {_plain(_short(detail))} | {_plain(_short(few))} |"


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."


def _plain(text: str) -> str:
    for character in "\\|<>*_`[]":
        text = text.replace(character, "\\" + character)
    return text
