"""Lifecycle results as facts for people, and as JSON values for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.trust.history.events import written

if TYPE_CHECKING:
    from mlpack.delivery.lifecycle.auditing import History
    from mlpack.delivery.lifecycle.listing import Listing
    from mlpack.delivery.lifecycle.results import Act
    from mlpack.trust.history.records import Record, StageState

__all__ = ["act_facts", "history_document", "history_facts", "listing_facts"]

_DONE = {"promote": "promoted to", "rollback": "rolled back", "retire": "retired"}


def _who(record: Record) -> str:
    return record.signer.name if record.signer is not None else "unknown"


def _when(record: Record) -> str:
    """Return when, by a trusted time if there is one."""
    trusted = record.signer.time if record.signer is not None else None
    return f"{written(trusted)} (trusted)" if trusted is not None else written(record.event.time)


def _short(digest: str) -> str:
    """Return enough of a digest to tell bundles of one repository apart."""
    return digest.rpartition(":")[2][:12]


def act_facts(act: Act) -> Facts:
    """Return what an act has done."""
    pairs: list[tuple[str, str, Level]] = []
    title = f"{act.repository}: nothing to do"
    if act.record is not None:
        event = act.record.event
        what = f"{event.version or _short(event.bundle)} {_DONE[event.action]} {event.stage}"
        title = f"{act.repository}: {what}".rstrip()
        pairs += [
            ("bundle", event.bundle, "good"),
            ("event", f"{event.sequence}, {act.record.id}", "plain"),
            ("by", _who(act.record), "plain"),
            ("why", event.reason, "plain"),
        ]
        if event.replaces and event.replaces != event.bundle:
            pairs.append(("instead of", event.replaces, "plain"))
    if act.in_force is not None:
        now = act.in_force.event
        pairs.append((f"in force in {now.stage}", f"{now.version}, {now.bundle}", "good"))
    if act.tag:
        pairs.append(("tag", act.tag, "plain"))
    pairs.append(("history", act.chain.log, "plain"))
    sections = [Section(title="Done", pairs=tuple(pairs))]
    if act.gates:
        table = Table(columns=("gate", "verdict", "why"), rows=tuple(gate.row for gate in act.gates))
        sections.append(Section(title="Gates", table=table))
    return Facts(title=title, sections=tuple(sections), warnings=act.warnings)


def history_facts(history: History, stage: str) -> Facts:
    """Return the audit trail."""
    chain = history.chain
    warnings = [f"{problem.code}: {problem.text}" for problem in history.problems]
    warnings += [
        f"history-fork: {len(state.tips)} events contend for {name}; what all of them build on holds"
        for name, state in chain.stages.items()
        if state.forked
    ]
    warnings += [
        f"{state.record.event.version} is retired, and still in force in {name}"
        for name, state in chain.stages.items()
        if state.record is not None and state.record.event.bundle in chain.retired
    ]
    if chain.log and history.policy.history is not None and not history.policy.history.log:
        warnings.append(f"the policy pins no history: add log: {chain.log} to its history")
    level: Level = "bad" if history.problems else "good"
    counted = sum(record.counts for record in chain.records)
    head = chain.records[-1].id if chain.records else "none"
    pairs: list[tuple[str, str, Level]] = [
        ("history", chain.log or "none", level),
        ("events", f"{counted} count, {len(chain.records) - counted} do not", "plain"),
        ("newest", f"{chain.sequence}, {head}", "plain"),
        (
            "policy",
            f"{history.policy.id} {history.policy.version}, policy:sha256:{history.policy.sha256}",
            "plain",
        ),
    ]
    if history.checkpoint is not None:
        said = history.checkpoint.checkpoint
        until = f"event {said.sequence}, by {history.checkpoint.signer.name}, until {written(said.expires)}"
        pairs.append(("checkpoint", until, "plain"))
    pairs += [("passed over", note, "plain") for note in chain.notes]
    sections = [Section(title="History", pairs=tuple(pairs))]
    if chain.stages:
        sections.append(Section(title="In force", table=_in_force(chain.stages)))
    if chain.retired:
        rows = tuple(
            (
                record.event.version or "?",
                record.event.bundle,
                _when(record),
                _who(record),
                record.event.reason,
            )
            for record in chain.retired.values()
        )
        sections.append(
            Section(
                title="Retired", table=Table(columns=("version", "bundle", "when", "who", "why"), rows=rows)
            )
        )
    shown = [
        record for record in chain.records if stage in ("", record.event.stage) or not record.event.stage
    ]
    if shown:
        sections.append(Section(title="Events", table=_events(shown)))
    return Facts(title=f"{history.repository}: history", sections=tuple(sections), warnings=tuple(warnings))


def _in_force(stages: Any) -> Table:  # noqa: ANN401
    rows = tuple(_stage_row(state) for state in stages.values())
    return Table(columns=("stage", "version", "bundle", "since", "by"), rows=rows)


def _stage_row(state: StageState) -> tuple[str, ...]:
    if state.record is None:
        return state.stage, "nothing", "", "", ""
    event = state.record.event
    return state.stage, event.version, event.bundle, _when(state.record), _who(state.record)


def _events(records: list[Record]) -> Table:
    names = {record.event.bundle: record.event.version for record in records if record.event.version}
    rows = []
    for record in records:
        event = record.event
        before = names.get(event.replaces, _short(event.replaces)) if event.replaces else "-"
        what = {"retire": "retire"}.get(event.action, f"{event.action} {event.stage}")
        evidence = ", ".join(
            f"{item.type.rpartition('/')[2] or item.type} by {item.signer}" for item in event.evidence
        )
        worth = "" if record.counts else f"does not count: {record.problem}"
        said = "; ".join(part for part in (worth, event.reason) if part)
        rows.append(
            (
                str(event.sequence),
                _when(record),
                _who(record),
                what,
                before,
                f"{event.version or '?'} ({_short(event.bundle)})",
                said,
                evidence or "-",
            )
        )
    columns = ("no", "when", "who", "what", "from", "to", "why", "evidence")
    return Table(columns=columns, rows=tuple(rows))


def history_document(history: History) -> dict[str, Any]:
    """Return a history as JSON values. Field names are those of events."""
    chain = history.chain
    return {
        "repository": history.repository,
        "log": chain.log,
        "sequence": chain.sequence,
        "heads": list(chain.heads),
        "policy": {
            "id": history.policy.id,
            "version": history.policy.version,
            "sha256": history.policy.sha256,
        },
        "reliable": not history.problems,
        "problems": [{"code": problem.code, "text": problem.text} for problem in history.problems],
        "notes": list(chain.notes),
        "checkpoint": None
        if history.checkpoint is None
        else {
            "sequence": history.checkpoint.checkpoint.sequence,
            "signer": history.checkpoint.signer.name,
            "expires": written(history.checkpoint.checkpoint.expires),
        },
        "stages": {
            name: {
                "bundle": state.record.event.bundle if state.record else None,
                "version": state.record.event.version if state.record else None,
                "event": state.record.id if state.record else None,
                "forked": state.forked,
                "tag": history.tags[name][0] or None,
            }
            for name, state in chain.stages.items()
        },
        "retired": {bundle: record.event.reason for bundle, record in chain.retired.items()},
        "events": [_event_document(record) for record in chain.records],
    }


def _event_document(record: Record) -> dict[str, Any]:
    event, signer = record.event, record.signer
    return {
        "id": record.id,
        "counts": record.counts,
        "problem": record.problem or None,
        "signer": None if signer is None else {"name": signer.name, "principal": signer.principal},
        "trusted_time": written(signer.time) if signer is not None and signer.time is not None else None,
        "sequence": event.sequence,
        "previous": list(event.previous),
        "action": event.action,
        "stage": event.stage or None,
        "bundle": event.bundle,
        "name": event.name,
        "version": event.version or None,
        "replaces": event.replaces or None,
        "manifests": list(event.manifests),
        "reason": event.reason,
        "policy": event.policy or None,
        "evidence": [{"type": e.type, "digest": e.digest, "signer": e.signer} for e in event.evidence],
        "time": written(event.time),
    }


def listing_facts(listing: Listing) -> Facts:
    """Return the bundles of a repository."""
    history = listing.history
    columns = ["tags", "name", "version", "bundle, as labelled"]
    rows = []
    for item in listing.bundles:
        row = [", ".join(item.tags), item.name or "?", item.version or "?", item.bundle or "?"]
        rows.append(row if history is None else [*row, _standing(history, item.digest)])
    if history is not None:
        columns.append("by the history")
    table = Table(columns=tuple(columns), rows=tuple(tuple(row) for row in rows))
    pairs: list[tuple[str, str, Level]] = [("bundles", str(len(listing.bundles)), "plain")]
    if listing.others:
        pairs.append(("other tags", str(listing.others), "plain"))
    problems = history.problems if history is not None else ()
    return Facts(
        title=f"{listing.repository}: bundles",
        sections=(Section(title="Bundles", pairs=tuple(pairs), table=table if rows else None),),
        warnings=tuple(f"{problem.code}: {problem.text}" for problem in problems),
    )


def _standing(history: History, manifest: str) -> str:
    """Return what the history says of an artifact: by what its signed events have seen, not by its label."""
    bundles = {
        record.event.bundle
        for record in history.chain.records
        if record.counts and manifest in record.event.manifests
    }
    said = [
        f"retired: {history.chain.retired[item].event.reason}"
        for item in sorted(bundles)
        if item in history.chain.retired
    ]
    said += [
        f"in force in {name}"
        for name, state in history.chain.stages.items()
        if state.record is not None and state.record.event.bundle in bundles
    ]
    if said:
        return "; ".join(said)
    return "was promoted before" if bundles else "never promoted"
