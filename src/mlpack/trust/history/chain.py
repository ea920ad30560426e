"""From signature files to what is in force: whose events count, how they hang together, what is missing.

Events that nobody whom the policy names may have made are dropped before anything else is looked at. Of what
is left, hash links say what came after what; times never do. In one stage the newest event holds. Where two
events follow the same one and neither knows the other (a fork), what both build on holds until somebody who
may do so settles it with an event that follows both. A retirement holds on whichever branch it stands.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlpack.errors import FormatError, VerificationError
from mlpack.show.visible import visible
from mlpack.trust.accepting import accept_signer
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.history.events import Event, event_id, parse_event
from mlpack.trust.history.records import Chain, Problem, Record, StageState
from mlpack.trust.revocation import signer_revocation

if TYPE_CHECKING:
    from mlpack.trust.history.evidence import HistoryEvidence
    from mlpack.trust.history.rule import HistoryRule
    from mlpack.trust.policy import Policy
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["accept_file", "first_events", "judge_file", "read_chain"]

_NOT_PROVEN: Final = "not by anybody whom the policy names"


def accept_file(data: bytes, policy: Policy) -> tuple[bytes, VerifiedSigner | None, str]:
    """Return what a signature file is over, who made it, and why that does not count.

    Raises:
        FormatError: It is no signature file.
        VerificationError: The same.
    """
    envelope = parse_envelope(data)
    try:
        signer = accept_signer(envelope, (*policy.signers, *policy.attesters))
    except VerificationError as error:
        return envelope.payload, None, visible(error.message)[:300]
    return envelope.payload, signer, signer_revocation(signer, policy.revoked)


def read_chain(evidence: HistoryEvidence, policy: Policy, rule: HistoryRule) -> Chain:
    """Work out what a history says under a policy. Never raises for what is in it."""
    notes = list(evidence.notes)
    known = _records(evidence.events, policy, rule, notes)
    entitled = [record for record in known.values() if record.counts]
    logs = sorted({record.event.log for record in entitled})
    if rule.log:
        others = sum(record.event.log != rule.log for record in entitled)
        if others:
            notes.append(f"{others} event(s) of another history, which do not count here")
        logs = [log for log in logs if log == rule.log]
    if len(logs) != 1:
        return _without_log(rule, logs, notes, {record.problem for record in known.values()})
    return _linked(known, logs[0], notes)


def first_events(evidence: HistoryEvidence, policy: Policy, rule: HistoryRule) -> list[tuple[str, str]]:
    """Return (event, log) of every event that begins a history, of those that count."""
    known = _records(evidence.events, policy, rule, [])
    found = [
        (name, item.event.log) for name, item in known.items() if item.counts and not item.event.previous
    ]
    return sorted(found)


def judge_file(data: bytes, policy: Policy, rule: HistoryRule) -> tuple[VerifiedSigner | None, str]:
    """Return who made an event, and why it would not count wherever it stands; empty when it would.

    Raises:
        FormatError: It is no event.
        VerificationError: It is no signature file.
    """
    payload, signer, problem = accept_file(data, policy)
    if problem or signer is None:
        return signer, problem or _NOT_PROVEN
    return signer, _unentitled(parse_event(payload), signer, policy, rule)


def _without_log(rule: HistoryRule, logs: Sequence[str], notes: Sequence[str], why: set[str]) -> Chain:
    if logs:
        text = f"{len(logs)} histories stand here ({', '.join(logs[:5])}); the policy pins none of them"
        problem = Problem(code="history-ambiguous", text=text)
    else:
        pinned = f" {rule.log}" if rule.log else ""
        text = f"no event of the history{pinned} counts"
        if reasons := "; ".join(sorted(why - {""})[:3]):
            text += f": {reasons}"
        problem = Problem(code="history-empty", text=text)
    return Chain(log="", records=(), heads=(), stages={}, retired={}, problems=(problem,), notes=tuple(notes))


def _records(
    files: Iterable[bytes], policy: Policy, rule: HistoryRule, notes: list[str]
) -> dict[str, Record]:
    """Return every event by the id of the copy that counts, or else of the first one."""
    copies: dict[bytes, list[Record]] = {}
    broken = 0
    for data in sorted(set(files)):
        try:
            payload, signer, problem = accept_file(data, policy)
            event = parse_event(payload)
        except (FormatError, VerificationError):
            broken += 1
            continue
        problem = problem or (_unentitled(event, signer, policy, rule) if signer else _NOT_PROVEN)
        copies.setdefault(payload, []).append(
            Record(id=event_id(data), event=event, signer=signer, problem=problem)
        )
    if broken:
        notes.append(f"{broken} file(s) that are no events")
    found = {}
    for same in copies.values():
        best = min(same, key=lambda record: (bool(record.problem), record.id))
        found[best.id] = replace(best, copies=tuple(sorted(record.id for record in same)))
    return found


def _unentitled(event: Event, signer: VerifiedSigner, policy: Policy, rule: HistoryRule) -> str:
    """Return why this signer may not do this, or an empty text."""
    if event.name != policy.name:
        return f"about {event.name!r}, and the policy is about {policy.name!r}"
    if event.action == "retire":
        return "" if signer.name in rule.retire else f"{signer.name} may not retire"
    stage = rule.stage(event.stage)
    if stage is None:
        return f"{event.stage} is no stage of the policy"
    may = stage.promote if event.action == "promote" else stage.rollback
    words = "promote to" if event.action == "promote" else "roll back"
    return "" if signer.name in may else f"{signer.name} may not {words} {event.stage}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Node:
    """An event in the chain, and what it follows directly."""

    record: Record
    before: tuple[str, ...]


def _linked(known: Mapping[str, Record], log: str, notes: Sequence[str]) -> Chain:
    """Follow the links from every event that counts, and fold what they do."""
    problems: list[Problem] = []
    files = {copy: name for name, record in known.items() for copy in record.copies}
    nodes: dict[str, _Node] = {}
    waiting = sorted(name for name, record in known.items() if record.counts and record.event.log == log)
    while waiting:
        name = waiting.pop()
        if name in nodes:
            continue
        record = known[name]
        there = [file for file in record.event.previous if file in files]
        nodes[name] = _Node(record=record, before=tuple(dict.fromkeys(files[file] for file in there)))
        for before in nodes[name].before:
            if known[before].event.log != log:
                text = f"{_short(name)} follows another history"
                problems.append(Problem(code="history-malformed", text=text))
            waiting.append(before)
    order = _in_order(nodes)
    for name in order:
        record = nodes[name].record
        problems += [_cut(record, file) for file in record.event.previous if file not in files]
    records, ancestors = _judged(order, nodes)
    counted = {record.id: record for record in records if record.counts}
    followed = {before for node in nodes.values() for before in node.before}
    dropped = {record.problem for name, record in known.items() if name not in nodes and record.problem}
    notes = [*notes, *(f"an event that does not count: {problem}" for problem in sorted(dropped)[:20])]
    stages = sorted({record.event.stage for record in counted.values()} - {""})
    retired: dict[str, Record] = {}
    for record in counted.values():
        if record.event.action == "retire":
            retired.setdefault(record.event.bundle, record)
    return Chain(
        log=log,
        records=tuple(records),
        heads=tuple(sorted(name for name in nodes if name not in followed)),
        stages={stage: _state(stage, counted, ancestors, order) for stage in stages},
        retired=retired,
        problems=tuple(problems),
        notes=tuple(notes),
        ancestors=ancestors,
    )


def _cut(record: Record, missing: str) -> Problem:
    text = (
        f"event {record.event.sequence} ({_short(record.id)}) follows {_short(missing)}, which is not there: "
        "an event was deleted, or not copied along"
    )
    return Problem(code="history-truncated", text=text)


def _short(name: str) -> str:
    return name.removeprefix("event:sha256:")[:12]


def _in_order(nodes: Mapping[str, _Node]) -> list[str]:
    """Return every event after those that it follows; where that leaves a choice, by number and hash."""
    left = {name: len(node.before) for name, node in nodes.items()}
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for before in node.before:
            after[before].append(name)
    ready = [(nodes[name].record.event.sequence, name) for name, count in left.items() if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, name = heapq.heappop(ready)
        order.append(name)
        for later in after[name]:
            left[later] -= 1
            if not left[later]:
                heapq.heappush(ready, (nodes[later].record.event.sequence, later))
    return order


def _judged(order: Sequence[str], nodes: Mapping[str, _Node]) -> tuple[list[Record], dict[str, int]]:
    """Judge what can only be seen in the chain; return events in order, and what is before each."""
    ancestors: dict[str, int] = {}
    judged: list[Record] = []
    for place, name in enumerate(order):
        node = nodes[name]
        record, event = node.record, node.record.event
        mask = 1 << place
        for item in node.before:
            mask |= ancestors[item]
        ancestors[name] = mask
        expected = 1 + max((nodes[item].record.event.sequence for item in node.before), default=0)
        whole = len(node.before) == len(event.previous)
        problem = record.problem
        if not problem and whole and event.sequence != expected:
            problem = f"numbered {event.sequence}, where {expected} comes next"
        if not problem and event.action == "rollback" and not _was_there(event, mask, judged):
            problem = f"rolls back to a bundle that was never in {event.stage}"
        judged.append(replace(record, problem=problem))
    return judged, ancestors


def _was_there(event: Event, mask: int, judged: Sequence[Record]) -> bool:
    return any(
        record.counts
        and mask >> place & 1
        and (record.event.stage, record.event.bundle) == (event.stage, event.bundle)
        for place, record in enumerate(judged)
    )


def _state(
    stage: str, counted: Mapping[str, Record], ancestors: Mapping[str, int], order: Sequence[str]
) -> StageState:
    """Return what is in force in a stage: the newest event, or what all newest ones build on."""
    mine = [(1 << place, name) for place, name in enumerate(order) if name in counted]
    mine = [(bit, name) for bit, name in mine if counted[name].event.stage == stage]
    tips = _newest(mine, ancestors)
    if len(tips) == 1:
        return StageState(stage=stage, record=counted[tips[0]], tips=tips)
    common = [(bit, name) for bit, name in mine if all(ancestors[tip] & bit and tip != name for tip in tips)]
    agreed = _newest(common, ancestors)
    return StageState(stage=stage, record=counted[agreed[0]] if len(agreed) == 1 else None, tips=tips)


def _newest(mine: Sequence[tuple[int, str]], ancestors: Mapping[str, int]) -> tuple[str, ...]:
    """Return the events that none of the others follows, directly or not."""
    behind = 0
    for bit, name in mine:
        behind |= ancestors[name] & ~bit
    return tuple(sorted(name for bit, name in mine if not behind & bit))
