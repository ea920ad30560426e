"""`mlpack scan`: what is inside a bundle, compared with an offline export of known vulnerabilities."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, StorageError
from mlpack.format.documents import parse_json
from mlpack.format.integrity import MAX_DOCUMENT
from mlpack.format.lock import Lock
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.trust.assessing import Answer, Assessment, ComponentAnswer, Finding, assess
from mlpack.trust.components import Component, components_of
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.vex import VexDocument, is_current

if TYPE_CHECKING:
    from mlpack.trust.rules import Vulnerabilities

__all__ = ["ScanReport", "scan"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanReport:
    """What a scan found. Nothing in it says that the bundle is the one it claims to be: `verify` does.

    Attributes:
        subject: What was scanned: `bundle:sha256:<hex>`, or a BOM's file name.
        rule: What it was compared with, and what is accepted.
        assessment: One answer for every component.
    """

    subject: str
    rule: Vulnerabilities
    assessment: Assessment

    @property
    def answer(self) -> Answer:
        """`affected` when one component is; else `not assessed` when nobody can tell of one; else neither."""
        if self.assessment.of("affected"):
            return "affected"
        if self.assessment.unusable or self.assessment.of("not assessed") or not self.assessment.answers:
            return "not assessed"
        return "not affected"

    def facts(self) -> Facts:
        """Return what there is to say."""
        found = self.assessment
        warnings = [f"NOT ASSESSED: {found.unusable}"] if found.unusable else []
        if not found.answers:
            warnings.append("NOT ASSESSED: the bill of materials lists nothing")
        sections = [self._summary()]
        findings = [(item, finding) for item in found.answers for finding in item.findings]
        if findings:
            sections.append(_findings_section(findings))
        if not found.unusable and (unclear := [item for item in found.answers if item.why]):
            sections.append(_unassessed_section(unclear))
        return Facts(
            title=f"scan of {self.subject}: {_loud(self.answer)}",
            sections=tuple(sections),
            warnings=tuple(warnings),
        )

    def _summary(self) -> Section:
        found, levels = self.assessment, _LEVELS
        waived = len(found.of("not assessed", waived=True))
        counts = [(answer, len(found.of(answer)), levels[answer]) for answer in levels]
        return Section(
            title="Answer",
            pairs=(
                ("answer", _loud(self.answer), levels[self.answer]),
                *(
                    (_loud(answer), f"{count} component(s)", _mark(count, level))
                    for answer, count, level in counts
                ),
                *((("accepted without", f"{waived} component(s)", "warning"),) if waived else ()),
                *self._database(),
                ("severity that counts", f"{self.rule.severity} or worse", "plain"),
            ),
        )

    def _database(self) -> tuple[tuple[str, str, Level], ...]:
        database = self.assessment.database
        if database is None:
            return (("database", "cannot be used", "bad"),)
        level: Level = "bad" if self.assessment.unusable else "plain"
        return (
            ("database digest", database.digest, "plain"),
            ("database date", database.newest.isoformat(), level),
            ("database records", f"{database.count}, {database.covered} about PyPI", level),
        )


_LEVELS: Mapping[Answer, Level] = {"affected": "bad", "not assessed": "warning", "not affected": "good"}


def scan(
    bundle: BundleLike,
    rule: Vulnerabilities,
    *,
    vex: Sequence[Path] = (),
    now: dt.datetime | None = None,
) -> ScanReport:
    """Compare what is inside a bundle with an OSV export. The bundle is not trusted; nothing is contacted.

    Args:
        bundle: A bundle in any form, or a CycloneDX file called `*.json`.
        rule: Database, its largest age, severities, and what is accepted.
        vex: CycloneDX files whose statements the caller believes.
        now: Time of the assessment; None for now.

    Raises:
        FormatError: The bundle is not intact, or a document is no CycloneDX.
        StorageError: Something cannot be read.
    """
    if not rule.database.exists():
        raise StorageError("no such file or folder", where=str(rule.database), hint="get an OSV export first")
    moment = dt.datetime.now(dt.UTC) if now is None else now
    documents = [_vex_document(path, rule, moment) for path in vex]
    path = bundle_path(bundle)
    subject, components = _bom_file(path) if path.suffix == ".json" else _bundle(inspect(path))
    return ScanReport(subject=subject, rule=rule, assessment=assess(rule, components, documents, moment))


def _bundle(opened: UnverifiedBundle) -> tuple[str, tuple[Component, ...]]:
    place = opened.manifest.one("bom")
    bom: Mapping[str, Any] = parse_json(opened.read(place), where=place)
    lock = Lock.from_bytes(opened.read(opened.manifest.one("lock")))
    return opened.digest, components_of(bom, lock, opened.manifest.files)


def _bom_file(path: Path) -> tuple[str, tuple[Component, ...]]:
    """Return what a BOM lists; the files of the bundle that it describes are known by their references."""
    document = _cyclonedx(path)
    listed = document.get("components")
    own = {
        str(item["name"])
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and item.get("bom-ref") == f"file:{item.get('name')}"
    }
    return path.name, components_of(document, None, own)


def _vex_document(path: Path, rule: Vulnerabilities, now: dt.datetime) -> VexDocument:
    document = _cyclonedx(path)
    if not is_current(document.get("metadata"), rule.vex_maximum_age, now):
        raise FormatError(
            f"states no time, or one that is not within the last {rule.vex_maximum_age} days",
            where=str(path),
            hint="metadata.timestamp says when a VEX document was made; have it renewed",
        )
    return VexDocument(content=document, source=path.name)


def _cyclonedx(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > MAX_DOCUMENT:
        raise FormatError(f"more than {MAX_DOCUMENT} bytes", where=str(path))
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON", where=str(path)) from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise FormatError("not a CycloneDX document", where=str(path))
    return document


def _loud(answer: Answer) -> str:
    return answer if answer == "not affected" else answer.upper()


def _mark(count: int, level: Level) -> Level:
    return level if count else "plain"


def _findings_section(findings: Sequence[tuple[ComponentAnswer, Finding]]) -> Section:
    columns = ("component", "vulnerability", "severity", "fixed in", "counts")
    rows = tuple(
        (
            item.component.label,
            " ".join((finding.id, *finding.aliases))[:200],
            finding.severity or "not stated",
            ", ".join(finding.fixed) or "nothing yet",
            (finding.cleared and f"no: {finding.cleared}"[:200]) or "YES",
        )
        for item, finding in findings
    )
    return Section(title="Findings", table=Table(columns=columns, rows=rows))


def _unassessed_section(unclear: Sequence[ComponentAnswer]) -> Section:
    rows = tuple((item.component.label, item.why, "yes" if item.waived else "no") for item in unclear)
    return Section(title="Not assessed", table=Table(columns=("component", "why", "accepted"), rows=rows))
