"""The gate against known vulnerabilities. What cannot be assessed is refused, never taken for clean."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from mlpack.errors import PolicyError
from mlpack.trust.osv import Database, read_database, record_hits
from mlpack.trust.predicate_types import PREDICATE_TYPES
from mlpack.trust.rules import Severity
from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

if TYPE_CHECKING:
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.components import Component
    from mlpack.trust.rules import Vulnerabilities

__all__ = ["judge_vulnerabilities"]

_RULE = "vulnerabilities"
_DAY = dt.timedelta(days=1)


def judge_vulnerabilities(
    rule: Vulnerabilities,
    components: Sequence[Component],
    attestations: Sequence[Attestation],
    now: dt.datetime,
) -> RuleResult:
    """Judge all components against the database that the policy names."""
    wanted = frozenset(item.name for item in components if item.ecosystem)
    try:
        database = read_database(rule.database, wanted)
    except PolicyError as error:
        return not_assessed(_RULE, str(error))
    source = f"database of {database.newest.date().isoformat()}, {database.count} records, {database.digest}"
    if reason := _unusable(rule, database, now):
        return not_assessed(_RULE, f"{reason}; {source}")
    findings = _Findings()
    for component in components:
        _assess(rule, component, database, findings)
    statements = list(_vex_statements(rule, attestations, now))
    cleared: list[str] = []
    open_ones: list[str] = []
    for record, component in findings.hits:
        reason = _cleared(rule, record, component, statements, now)
        (cleared if reason else open_ones).append(f"{record['id']} in {component.label}{reason}"[:200])
    if open_ones:
        return failed(_RULE, f"{', '.join(open_ones[:20])}; {source}")
    if findings.unassessed:
        names = ", ".join(findings.unassessed[:20])
        return not_assessed(_RULE, f"nobody can tell about {names}; {source}")
    beside = f", {len(findings.waived)} unassessed and accepted" if findings.waived else ""
    beside += f", cleared: {', '.join(cleared[:20])}" if cleared else ""
    return passed(_RULE, f"{findings.assessed} components assessed{beside}; {source}")


@dataclass(kw_only=True, slots=True)
class _Findings:
    """What was found, component by component."""

    assessed: int = 0
    hits: list[tuple[Mapping[str, Any], Component]] = field(default_factory=list)
    unassessed: list[str] = field(default_factory=list)
    waived: list[str] = field(default_factory=list)


def _unusable(rule: Vulnerabilities, database: Database, now: dt.datetime) -> str:
    """Return why a database says nothing, or an empty text."""
    if not database.covered:
        return "the database holds no record about PyPI"
    if database.newest > now + _DAY:
        return "the database is dated in the future"
    if now - database.newest > rule.maximum_age * _DAY:
        return f"the database is older than {rule.maximum_age} day(s)"
    return ""


def _assess(rule: Vulnerabilities, component: Component, database: Database, findings: _Findings) -> None:
    verdicts: list[bool | None] = []
    for record in database.records.get(component.name, ()) if component.ecosystem else ():
        hit = record_hits(record, component.name, component.version)
        if hit and _severe(rule.severity, record):
            findings.hits.append((record, component))
        verdicts.append(hit)
    if component.ecosystem and None not in verdicts and _is_version(component.version):
        findings.assessed += 1
    elif any(fnmatch.fnmatchcase(component.name, pattern) for pattern in rule.unassessed):
        findings.waived.append(component.label)
    else:
        findings.unassessed.append(component.label)


def _is_version(text: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _severe(least: Severity, record: Mapping[str, Any]) -> bool:
    """Return whether a record is at least so severe; one that does not say in words is."""
    specific = record.get("database_specific")
    word = str(specific.get("severity")).lower() if isinstance(specific, dict) else ""
    known = get_args(Severity)
    word = "moderate" if word == "medium" else word
    return word not in known or known.index(word) >= known.index(least)


def _identifiers(record: Mapping[str, Any]) -> list[object]:
    aliases = record.get("aliases")
    return [record["id"], *(aliases if isinstance(aliases, list) else ())]


def _cleared(
    rule: Vulnerabilities,
    record: Mapping[str, Any],
    component: Component,
    statements: Sequence[tuple[object, object, str]],
    now: dt.datetime,
) -> str:
    """Return on whose word a finding is cleared, or an empty text."""
    names = _identifiers(record)
    for item in rule.accept:
        if item.id in names and now <= item.until:
            return f" (accepted: {item.reason})"
    for identifier, ref, signer in statements:
        if identifier in names and ref in component.refs:
            return f" (VEX, attested_by {signer})"
    return ""


_CLEARING = ("not_affected", "resolved", "false_positive")


def _vex_statements(
    rule: Vulnerabilities, attestations: Sequence[Attestation], now: dt.datetime
) -> Iterator[tuple[object, object, str]]:
    """Yield (vulnerability, component, who says so) for every current statement that clears one.

    Source: CycloneDX 1.6, vulnerabilities[].analysis; `not_affected` counts with a justification only.
    """
    for item in attestations:
        if (
            item.signer is None
            or item.signer.name not in rule.vex
            or item.type != PREDICATE_TYPES["cyclonedx"]
        ):
            continue
        if not _current(item.predicate.get("metadata"), rule.vex_maximum_age, now):
            continue
        listing = item.predicate.get("vulnerabilities")
        for entry in listing if isinstance(listing, list) else ():
            if isinstance(entry, dict) and _clears(entry.get("analysis")):
                affects = entry.get("affects")
                for target in affects if isinstance(affects, list) else ():
                    if isinstance(target, dict):
                        yield entry.get("id"), target.get("ref"), item.signer.name


def _clears(analysis: object) -> bool:
    if not isinstance(analysis, dict) or analysis.get("state") not in _CLEARING:
        return False
    return analysis["state"] != "not_affected" or bool(analysis.get("justification"))


def _current(metadata: object, days: int, now: dt.datetime) -> bool:
    """Return whether a VEX document says when it was made, and that is neither long ago nor to come."""
    text = metadata.get("timestamp") if isinstance(metadata, dict) else None
    try:
        made = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        return False
    return now - days * _DAY <= made <= now + _DAY
