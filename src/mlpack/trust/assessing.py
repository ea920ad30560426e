"""Assessing components against an OSV export: affected, not affected, or NOT ASSESSED.

One matcher: the gate of a policy and `mlpack scan` both read what this says. What cannot be assessed is never
taken for clean.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from mlpack.errors import PolicyError
from mlpack.trust.osv import Database, fixed_versions, read_database, record_hits
from mlpack.trust.rules import Severity
from mlpack.trust.vex import VexDocument, VexStatement, vex_statements

if TYPE_CHECKING:
    from mlpack.trust.components import Component
    from mlpack.trust.rules import Vulnerabilities

__all__ = ["Answer", "Assessment", "ComponentAnswer", "Finding", "assess"]

Answer = Literal["affected", "not affected", "not assessed"]

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A record of the database that is about a component.

    Attributes:
        id: Identifier of the record.
        aliases: Other identifiers of the same vulnerability.
        severity: As the record says in words; empty when it does not.
        fixed: Versions in which it is fixed.
        cleared: Why it does not count; empty when it does.
    """

    id: str
    aliases: tuple[str, ...]
    severity: str
    fixed: tuple[str, ...]
    cleared: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ComponentAnswer:
    """What became of one component.

    Attributes:
        component: The component.
        answer: Whether it is affected.
        findings: Records about it, those that are cleared included.
        why: Why nobody can tell; empty otherwise.
        waived: Whether the rule accepts that nobody can tell.
    """

    component: Component
    answer: Answer
    findings: tuple[Finding, ...] = ()
    why: str = ""
    waived: bool = False

    @property
    def open(self) -> tuple[Finding, ...]:
        """Findings that count."""
        return tuple(item for item in self.findings if not item.cleared)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What became of all components.

    Attributes:
        database: What they were compared with; None when it could not be read.
        unusable: Why the database says nothing; empty when it can be used. All components are then
            `not assessed`.
        answers: One for every component, in their order.
    """

    database: Database | None
    unusable: str
    answers: tuple[ComponentAnswer, ...]

    def of(self, answer: Answer, *, waived: bool = False) -> tuple[ComponentAnswer, ...]:
        """Return the components with this answer, and of those that nobody can tell of one kind."""
        return tuple(item for item in self.answers if item.answer == answer and item.waived == waived)

    @property
    def source(self) -> str:
        """The database in one line: date, size and digest."""
        if self.database is None:
            return "no database"
        date = self.database.newest.date().isoformat()
        return f"database of {date}, {self.database.count} records, {self.database.digest}"


def assess(
    rule: Vulnerabilities, components: Sequence[Component], vex: Sequence[VexDocument], now: dt.datetime
) -> Assessment:
    """Compare all components with the database that a rule names.

    Args:
        rule: Database, severities, and what is accepted.
        components: What to look at.
        vex: Documents of those whom one believes.
        now: Time of the assessment.
    """
    wanted = frozenset(item.name for item in components if item.ecosystem)
    try:
        database = read_database(rule.database, wanted)
    except PolicyError as error:
        return _nothing(components, None, str(error))
    if reason := _unusable(rule, database, now):
        return _nothing(components, database, reason)
    statements = tuple(vex_statements(vex, rule.vex_maximum_age, now))
    answers = tuple(_answer(rule, item, database, statements, now) for item in components)
    return Assessment(database=database, unusable="", answers=answers)


def _nothing(components: Sequence[Component], database: Database | None, reason: str) -> Assessment:
    answers = tuple(
        ComponentAnswer(component=item, answer="not assessed", why="no usable database")
        for item in components
    )
    return Assessment(database=database, unusable=reason, answers=answers)


def _unusable(rule: Vulnerabilities, database: Database, now: dt.datetime) -> str:
    """Return why a database says nothing, or an empty text."""
    if not database.covered:
        return "the database holds no record about PyPI"
    if database.newest > now + _DAY:
        return "the database is dated in the future"
    if now - database.newest > rule.maximum_age * _DAY:
        return f"the database is older than {rule.maximum_age} day(s)"
    return ""


def _answer(
    rule: Vulnerabilities,
    component: Component,
    database: Database,
    statements: Sequence[VexStatement],
    now: dt.datetime,
) -> ComponentAnswer:
    findings: list[Finding] = []
    unclear: list[str] = []
    for record in database.records.get(component.name, ()) if component.ecosystem else ():
        hit = record_hits(record, component.name, component.version)
        if hit:
            cleared = _cleared(rule, record, component, statements, now)
            findings.append(_finding(record, component, cleared))
        elif hit is None:
            unclear.append(str(record["id"]))
    found = tuple(findings)
    if any(not item.cleared for item in found):
        return ComponentAnswer(component=component, answer="affected", findings=found)
    if why := _unassessable(component, unclear):
        waived = any(fnmatch.fnmatchcase(component.name, pattern) for pattern in rule.unassessed)
        return ComponentAnswer(
            component=component, answer="not assessed", findings=found, why=why, waived=waived
        )
    return ComponentAnswer(component=component, answer="not affected", findings=found)


def _unassessable(component: Component, unclear: Sequence[str]) -> str:
    """Return why nobody can tell about a component without an open finding, or an empty text."""
    if not component.ecosystem:
        return "no package URL that the database knows"
    if not component.version:
        return "no version"
    if not _is_version(component.version):
        return "not a version by PEP 440"
    if unclear:
        return f"{', '.join(unclear[:5])} cannot be compared with its version"
    return ""


def _is_version(text: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _finding(record: Mapping[str, Any], component: Component, cleared: str) -> Finding:
    return Finding(
        id=str(record["id"]),
        aliases=tuple(_identifiers(record)[1:]),
        severity=_severity(record),
        fixed=fixed_versions(record, component.name, component.version),
        cleared=cleared,
    )


def _severity(record: Mapping[str, Any]) -> str:
    specific = record.get("database_specific")
    word = str(specific.get("severity") or "").lower() if isinstance(specific, dict) else ""
    return "moderate" if word == "medium" else word[:20]


def _severe(least: Severity, record: Mapping[str, Any]) -> bool:
    """Return whether a record is at least so severe; one that does not say in words is."""
    word, known = _severity(record), get_args(Severity)
    return word not in known or known.index(word) >= known.index(least)


def _identifiers(record: Mapping[str, Any]) -> list[str]:
    aliases = record.get("aliases")
    listed = aliases if isinstance(aliases, list) else []
    return [str(record["id"]), *(alias for alias in listed if isinstance(alias, str))]


def _cleared(
    rule: Vulnerabilities,
    record: Mapping[str, Any],
    component: Component,
    statements: Sequence[VexStatement],
    now: dt.datetime,
) -> str:
    """Return why a finding does not count, or an empty text."""
    names = _identifiers(record)
    for item in rule.accept:
        if item.id in names and now <= item.until:
            return f"accepted: {item.reason}"
    for statement in statements:
        if statement.vulnerability in names and statement.ref in component.refs:
            return f"VEX, {statement.source}"
    return "" if _severe(rule.severity, record) else f"less severe than {rule.severity}"
