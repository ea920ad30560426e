"""One event of a history: who put which bundle where, after what, and why.

An event is an in-toto statement about a bundle. It names the events before it by the hash of their signature
files, so nobody can take one out, exchange it or its signature, or move it to another repository without
everybody seeing it.

Source: in-toto Attestation Framework, Statement v1.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from mlpack.errors import FormatError
from mlpack.format.documents import Fields, compact_json, parse_json
from mlpack.format.names import CHECKSUMS

__all__ = [
    "EVENT_TYPE",
    "MAX_REASON",
    "STAGE",
    "Action",
    "Event",
    "EvidenceOf",
    "check_time",
    "event_id",
    "event_statement",
    "parse_event",
    "written",
]

EVENT_TYPE: Final = "urn:mlpack:lifecycle-event:1"
"""Predicate type of an event."""

Action = Literal["promote", "rollback", "retire"]
"""What an event does: put a bundle into a stage, put back one that was there, or refuse it for good."""

STAGE: Final = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
"""Name of a stage. It is also a tag, and no version looks like it."""

MAX_REASON: Final = 2000
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_ID: Final = re.compile(r"event:sha256:[0-9a-f]{64}")
_BUNDLE: Final = re.compile(r"bundle:sha256:[0-9a-f]{64}")
_MANIFEST: Final = re.compile(r"manifest:sha256:[0-9a-f]{64}")
_POLICY: Final = re.compile(r"policy:sha256:[0-9a-f]{64}")
_FILE: Final = re.compile(r"file:sha256:[0-9a-f]{64}")
_LOG: Final = re.compile(r"[0-9a-f]{32}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_MAX_LINKS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceOf:
    """An attestation that was there when a bundle was promoted.

    Attributes:
        type: Its predicate type.
        digest: `file:sha256:<hex>` of the attestation file.
        signer: What the promoter's policy calls who made it.
    """

    type: str
    digest: str
    signer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event. Who signed it stands beside, never inside.

    Attributes:
        log: Which history it belongs to: 32 hex digits, drawn at random for the first event.
        sequence: 1 for the first event, and one more than the latest that it follows.
        previous: `event:sha256:<hex>` of the events that it follows directly, sorted; none for the first.
        action: What it does.
        bundle: `bundle:sha256:<hex>`.
        name: The bundle's name.
        version: The bundle's version.
        stage: Which stage it concerns; empty for `retire`, which concerns all.
        replaces: Bundle that was in force in the stage, as the signer saw it; empty for none.
        manifests: `manifest:sha256:<hex>` of the artifacts in which the signer saw the bundle.
        reason: Why, in the signer's words.
        policy: `policy:sha256:<hex>` of the policy that the bundle fulfilled; empty when none was asked.
        evidence: Attestations that counted.
        time: When, by the signer's clock.
    """

    log: str
    sequence: int
    previous: tuple[str, ...]
    action: Action
    bundle: str
    name: str
    version: str
    stage: str = ""
    replaces: str = ""
    manifests: tuple[str, ...] = ()
    reason: str
    policy: str = ""
    evidence: tuple[EvidenceOf, ...] = ()
    time: dt.datetime

    def __post_init__(self) -> None:
        """Refuse an event that contradicts itself.

        Raises:
            FormatError: It does.
        """
        _check(self)


def event_id(file: bytes) -> str:
    """Return `event:sha256:<hex>`, the hash of a signature file.

    The hash of the statement alone would not do: whoever broke the signature of an event in the middle would
    make it count for nothing, with every link still in place.
    """
    return "event:sha256:" + hashlib.sha256(file).hexdigest()


def written(moment: dt.datetime) -> str:
    """Return a moment as events write it: UTC, whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_time(text: str, where: str) -> dt.datetime:
    """Return a moment from how events write it.

    Raises:
        FormatError: It is none.
    """
    try:
        found = dt.datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        raise FormatError("expected YYYY-MM-DDTHH:MM:SSZ", where=where)
    return found


def event_statement(event: Event) -> bytes:
    """Return the in-toto statement of an event: the bytes to sign."""
    predicate: dict[str, Any] = {
        "log": event.log,
        "sequence": event.sequence,
        "previous": list(event.previous),
        "action": event.action,
        "stage": event.stage,
        "bundle": event.bundle,
        "name": event.name,
        "version": event.version,
        "replaces": event.replaces,
        "manifests": list(event.manifests),
        "reason": event.reason,
        "policy": event.policy,
        "evidence": [
            {"type": item.type, "digest": item.digest, "signer": item.signer} for item in event.evidence
        ],
        "time": written(event.time),
    }
    digest = event.bundle.removeprefix("bundle:sha256:")
    return compact_json(
        {
            "_type": _STATEMENT,
            "subject": [{"name": CHECKSUMS, "digest": {"sha256": digest}}],
            "predicateType": EVENT_TYPE,
            "predicate": predicate,
        }
    )


def parse_event(payload: bytes) -> Event:
    """Parse a statement strictly; a field that we do not know could mean anything, so it is refused.

    Raises:
        FormatError: It is no event, or has another form.
    """
    top = Fields(parse_json(payload, where="event"), "event")
    top.choice("_type", (_STATEMENT,))
    top.choice("predicateType", (EVENT_TYPE,))
    predicate = top.fields("predicate")
    event = Event(
        log=predicate.text("log"),
        sequence=predicate.integer("sequence", minimum=1),
        previous=predicate.texts("previous"),
        action=cast("Action", predicate.choice("action", get_args(Action))),
        stage=predicate.text("stage"),
        bundle=predicate.text("bundle"),
        name=predicate.text("name"),
        version=predicate.text("version"),
        replaces=predicate.text("replaces"),
        manifests=predicate.texts("manifests"),
        reason=predicate.text("reason"),
        policy=predicate.text("policy"),
        evidence=tuple(_evidence(item) for item in predicate.each("evidence")),
        time=check_time(predicate.text("time"), "event.predicate.time"),
    )
    predicate.done()
    top.mapping("predicate")
    top.items("subject")
    top.done()
    if event_statement(event) != payload:
        # One event, one text, and the subject says the same as the predicate.
        raise FormatError("not written in the one form that events have", where="event")
    return event


def _evidence(item: Fields) -> EvidenceOf:
    found = EvidenceOf(type=item.text("type"), digest=item.text("digest"), signer=item.text("signer"))
    item.done()
    return found


def _check(event: Event) -> None:
    stage_fits = not event.stage if event.action == "retire" else STAGE.fullmatch(event.stage) is not None
    rules = (
        ("log", _LOG.fullmatch(event.log) is not None),
        ("sequence", event.sequence >= 1 and (event.sequence == 1) == (not event.previous)),
        ("previous", _sorted(event.previous, _ID)),
        ("stage", stage_fits and len(event.stage) <= 64),
        ("bundle", _BUNDLE.fullmatch(event.bundle) is not None),
        ("name", 1 <= len(event.name) <= 64 and event.name.isascii() and event.name.isprintable()),
        ("version", _version(event)),
        ("replaces", not event.replaces or _BUNDLE.fullmatch(event.replaces) is not None),
        ("manifests", _sorted(event.manifests, _MANIFEST)),
        ("reason", len(event.reason) <= MAX_REASON),
        ("policy", not event.policy or _POLICY.fullmatch(event.policy) is not None),
        ("evidence", len(event.evidence) <= _MAX_LINKS),
        ("evidence.digest", all(_FILE.fullmatch(item.digest) for item in event.evidence)),
        ("time", event.time.tzinfo is not None),
    )
    for field, holds in rules:
        if not holds:
            raise FormatError("not what an event can have", where=f"event.{field}")


def _version(event: Event) -> bool:
    if not event.version:
        return event.action == "retire"  # of a bundle of which nothing is known but its digest
    return len(event.version) <= 64 and event.version.isascii() and event.version.isprintable()


def _sorted(items: tuple[str, ...], form: re.Pattern[str]) -> bool:
    fits = all(form.fullmatch(item) for item in items) and len(items) <= _MAX_LINKS
    return fits and list(items) == sorted(set(items))
