"""A difference as facts, as JSON values, and as Markdown for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpack.packing.markdown import code, inline, table
from mlpack.release.difference.changes import AREAS, Change
from mlpack.show.facts import Facts, Level, Section, Table

if TYPE_CHECKING:
    from mlpack.release.difference.comparing import Difference, Side

__all__ = ["difference_document", "difference_facts", "difference_markdown"]

_MARKS = {"breaking": "BREAKING", "look": "look", "plain": ""}
_MAX_MARKDOWN_ROWS = 50


def _verdict(difference: Difference) -> tuple[str, Level]:
    count, breaking = len(difference.changes), len(difference.breaking)
    if not count:
        return "nothing changed", "good"
    changes = f"{count} change{'' if count == 1 else 's'}"
    if breaking:
        return f"{changes}, {breaking} breaking", "bad"
    looks = sum(change.weight == "look" for change in difference.changes)
    more = f", {looks} to look at" if looks else ""
    return f"{changes}, none breaking{more}", "warning" if looks else "good"


def _side_text(side: Side) -> str:
    return f"{side.name} {side.version}, {side.digest}"


def difference_facts(difference: Difference) -> Facts:
    """Return the changes, area by area; areas without any are named in one line."""
    a, b = difference.before, difference.after
    verdict, level = _verdict(difference)
    changed = {change.area for change in difference.changes}
    same = [title.lower() for area, title in AREAS.items() if area not in changed]
    pairs: list[tuple[str, str, Level]] = [
        ("before", _side_text(a), "plain"),
        ("after", _side_text(b), "plain"),
        ("signers", f"{a.signer} -> {b.signer}" if a.signer != b.signer else a.signer, "plain"),
        ("verdict", verdict, level),
    ]
    if same:
        pairs.append(("the same", "; ".join(same), "plain"))
    sections = [Section(title="Compared", pairs=tuple(pairs))]
    for area, title in AREAS.items():
        rows = tuple(_row(change) for change in difference.changes if change.area == area)
        if rows:
            columns = ("", "what", "before", "after", "why it matters")
            sections.append(Section(title=title, table=Table(columns=columns, rows=rows)))
    refused = [f"the policy refuses {side.version}" for side in (a, b) if side.verified is False]
    warnings = (*refused, *_breaking(difference))
    name = a.name if a.name == b.name else f"{a.name} -> {b.name}"
    return Facts(title=f"{name} {a.version} -> {b.version}", sections=tuple(sections), warnings=warnings)


def _breaking(difference: Difference) -> tuple[str, ...]:
    return tuple(f"breaking: {change.what}: {change.why}" for change in difference.breaking)


def _row(change: Change) -> tuple[str, ...]:
    return _MARKS[change.weight], change.what, change.before or "-", change.after or "-", change.why


def difference_markdown(difference: Difference) -> str:
    """Return a comment for a pull request: the verdict first, breaking changes next, the rest folded away."""
    a, b = difference.before, difference.after
    verdict, _ = _verdict(difference)
    lines = [
        f"### {inline(b.name)} {inline(a.version)} → {inline(b.version)}: {verdict}",
        "",
        f"before {code(a.digest)}, signed by: {inline(a.signer)}  ",
        f"after {code(b.digest)}, signed by: {inline(b.signer)}",
    ]
    if difference.breaking:
        lines += ["", "**Breaking**", "", _markdown_table(difference.breaking)]
    looks = [change for change in difference.changes if change.weight == "look"]
    if looks:
        lines += ["", "**To look at**", "", _markdown_table(looks)]
    for area, title in AREAS.items():
        rest = [change for change in difference.changes if change.area == area and change.weight == "plain"]
        if rest:
            summary = f"<summary>{title} ({len(rest)})</summary>"
            lines += ["", "<details>", summary, "", _markdown_table(rest), "", "</details>"]
    return "\n".join(lines) + "\n"


def _markdown_table(changes: list[Change] | tuple[Change, ...]) -> str:
    head = ("what", "before", "after", "why it matters")
    rows = [(item.what, item.before or "-", item.after or "-", item.why) for item in changes]
    shown = table(head, rows[:_MAX_MARKDOWN_ROWS])
    if len(rows) > _MAX_MARKDOWN_ROWS:
        shown += f"\n\nand {len(rows) - _MAX_MARKDOWN_ROWS} more"
    return shown


def difference_document(difference: Difference) -> dict[str, Any]:
    """Return everything as JSON values."""
    return {
        "before": _side_document(difference.before),
        "after": _side_document(difference.after),
        "breaking": len(difference.breaking),
        "changes": [
            {
                "area": change.area,
                "what": change.what,
                "before": change.before or None,
                "after": change.after or None,
                "weight": change.weight,
                "why": change.why or None,
            }
            for change in difference.changes
        ],
    }


def _side_document(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "version": side.version,
        "digest": side.digest,
        "signer": side.signer,
        "verified": side.verified,
    }
