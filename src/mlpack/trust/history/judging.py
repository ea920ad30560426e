"""Judging a history under a policy: is it whole, is it new enough, and what does it say of one bundle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import FormatError, VerificationError
from mlpack.trust.history.chain import accept_file, read_chain
from mlpack.trust.history.checkpoints import Checkpoint, parse_checkpoint, retired_digest
from mlpack.trust.history.records import Chain, Problem
from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

if TYPE_CHECKING:
    from mlpack.trust.history.evidence import HistoryEvidence
    from mlpack.trust.history.rule import CheckpointRule, HistoryRule
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import Moment
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["SignedCheckpoint", "judge_history", "newest_checkpoint", "standing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and who made it."""

    checkpoint: Checkpoint
    signer: VerifiedSigner


def newest_checkpoint(
    evidence: HistoryEvidence, policy: Policy, rule: CheckpointRule, log: str
) -> SignedCheckpoint | None:
    """Return the checkpoint of a history that has come furthest, of those that count."""
    found = []
    for data in evidence.checkpoints:
        try:
            payload, signer, problem = accept_file(data, policy)
            checkpoint = parse_checkpoint(payload)
        except (FormatError, VerificationError):
            continue
        if signer is not None and not problem and signer.name in rule.by and checkpoint.log == log:
            found.append(SignedCheckpoint(checkpoint=checkpoint, signer=signer))
    return max(found, key=lambda item: (item.checkpoint.sequence, item.checkpoint.expires), default=None)


def standing(
    evidence: HistoryEvidence, policy: Policy, rule: HistoryRule, *, moment: Moment, now: dt.datetime
) -> tuple[Chain, tuple[Problem, ...]]:
    """Return the chain, and every reason why it cannot be relied on at this moment."""
    chain = read_chain(evidence, policy, rule)
    problems = list(chain.problems)
    if chain.log and chain.sequence < rule.minimum_sequence:
        text = (
            f"has come to {chain.sequence}, and the policy has seen {rule.minimum_sequence}: it was cut off"
        )
        problems.append(Problem(code="history-rolled-back", text=text))
    if chain.log and rule.checkpoint is not None:
        ends = rule.checkpoint.when in ("both", moment)
        problems += _checkpoint_problems(evidence, policy, rule.checkpoint, chain, ends=ends, now=now)
    return chain, tuple(problems)


def _checkpoint_problems(
    evidence: HistoryEvidence,
    policy: Policy,
    rule: CheckpointRule,
    chain: Chain,
    *,
    ends: bool,
    now: dt.datetime,
) -> Iterator[Problem]:
    newest = newest_checkpoint(evidence, policy, rule, chain.log)
    if newest is None:
        text = f"no checkpoint of it by {' or '.join(rule.by)}"
        yield Problem(code="history-checkpoint", text=text)
        return
    checkpoint = newest.checkpoint
    if ends and now > checkpoint.expires:
        text = f"the newest checkpoint ended at {checkpoint.expires.isoformat()}"
        yield Problem(code="history-expired", text=text)
    if missing := [head for head in checkpoint.heads if chain.find(head) is None]:
        text = (
            f"the checkpoint of {checkpoint.time.isoformat()} has seen event {checkpoint.sequence}, and "
            f"{len(missing)} event(s) of then are not there: the end was cut off"
        )
        yield Problem(code="history-truncated", text=text)
        return
    if _retired_before(chain, checkpoint.heads) != checkpoint.retired:
        text = "the checkpoint names other retired bundles than the events before it"
        yield Problem(code="history-checkpoint", text=text)


def _retired_before(chain: Chain, heads: tuple[str, ...]) -> str:
    """Return the hash over what was retired up to `heads`, by whomever: two policies compute the same."""
    mask = 0
    for head in heads:
        record = chain.find(head)
        mask |= chain.ancestors[record.id] if record is not None else 0
    return retired_digest(
        record.event.bundle
        for place, record in enumerate(chain.records)
        if mask >> place & 1 and record.event.action == "retire"
    )


def judge_history(
    rule: HistoryRule,
    evidence: HistoryEvidence | None,
    policy: Policy,
    digest: str,
    *,
    moment: Moment,
    now: dt.datetime,
) -> Iterator[RuleResult]:
    """Judge what a history says about one bundle.

    Args:
        rule: The policy's rule.
        evidence: What lies in the repository; None when nobody has brought it.
        policy: Whose signers count.
        digest: `bundle:sha256:<hex>`.
        moment: Why this is asked.
        now: When.
    """
    if evidence is None:
        yield not_assessed(
            "history", "nobody has brought the history: pass it (--history), or name its source in the policy"
        )
        return
    chain, problems = standing(evidence, policy, rule, moment=moment, now=now)
    if not rule.log:
        found = f"; this one is {chain.log}" if chain.log else ""
        yield failed("history.log", f"the policy pins no history, so any other could stand here{found}")
    for problem in problems:
        yield failed("history", f"{problem.code}: {problem.text}")
    if not problems:
        yield passed("history", f"{len(chain.records)} event(s) of {chain.log}, from {evidence.source}")
    if digest in chain.retired:
        record = chain.retired[digest]
        who = record.signer.name if record.signer else "?"
        yield failed(
            "history.retired", f"retired by {who}, event {record.event.sequence}: {record.event.reason}"
        )
    elif problems:
        yield not_assessed("history.retired", "the history cannot be relied on")
    else:
        yield passed("history.retired", "not retired")
    if rule.in_force:
        yield _in_force(rule.in_force, chain, digest)


def _in_force(stage: str, chain: Chain, digest: str) -> RuleResult:
    name = f"history.in_force: {stage}"
    state = chain.stages.get(stage)
    if state is None:
        return failed(name, "nothing was ever promoted to it")
    alert = (
        f"; {len(state.tips)} events contend, so what all build on holds (history-fork)"
        if state.forked
        else ""
    )
    if state.record is None:
        return failed(name, f"nothing{alert}")
    event = state.record.event
    who = state.record.signer.name if state.record.signer else "?"
    said = f"{event.version}, {event.bundle[:26]}..., by {who}, event {event.sequence}{alert}"
    if event.bundle == digest:
        return passed(name, said)
    return failed(name, f"this bundle is not in force in {stage}; in force is {said}")
