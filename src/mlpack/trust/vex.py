"""What others have said of vulnerabilities: CycloneDX VEX documents that clear a finding.

Source: CycloneDX 1.6, vulnerabilities[].analysis; `not_affected` counts with a justification only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["VexDocument", "VexStatement", "is_current", "vex_statements"]

_CLEARING = ("not_affected", "resolved", "false_positive")
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class VexDocument:
    """A CycloneDX document with statements on vulnerabilities.

    Attributes:
        content: Its JSON.
        source: On whose word it rests, for people.
    """

    content: Mapping[str, Any]
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VexStatement:
    """One statement that one vulnerability does not matter for one component.

    Attributes:
        vulnerability: Its identifier.
        ref: Package URL or BOM reference of the component.
        source: On whose word.
    """

    vulnerability: str
    ref: str
    source: str


def vex_statements(documents: Sequence[VexDocument], days: int, now: dt.datetime) -> Iterator[VexStatement]:
    """Yield every statement of a current document that clears a vulnerability.

    Args:
        documents: Whom one believes; nothing else is checked here.
        days: Largest age of a document.
        now: Time of the assessment.
    """
    for document in documents:
        if not is_current(document.content.get("metadata"), days, now):
            continue
        for entry in _list(document.content.get("vulnerabilities")):
            if not isinstance(entry, dict) or not _clears(entry.get("analysis")):
                continue
            for target in _list(entry.get("affects")):
                ref = target.get("ref") if isinstance(target, dict) else None
                if isinstance(ref, str) and isinstance(entry.get("id"), str):
                    yield VexStatement(vulnerability=entry["id"], ref=ref, source=document.source)


def is_current(metadata: object, days: int, now: dt.datetime) -> bool:
    """Return whether a VEX document says when it was made, and that is neither long ago nor to come."""
    text = metadata.get("timestamp") if isinstance(metadata, dict) else None
    try:
        made = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        return False
    return now - days * _DAY <= made <= now + _DAY


def _clears(analysis: object) -> bool:
    if not isinstance(analysis, dict) or analysis.get("state") not in _CLEARING:
        return False
    return analysis["state"] != "not_affected" or bool(analysis.get("justification"))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
