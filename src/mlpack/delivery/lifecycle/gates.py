"""What must hold before a bundle is put into a stage: the policy says it, and here all of it is judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mlpack.trust.predicate_types import full_type
from mlpack.trust.requirements import judge_requirements
from mlpack.trust.verdict import RuleResult, failed, passed

if TYPE_CHECKING:
    from mlpack.trust.history.records import Chain
    from mlpack.trust.history.rule import StageRule
    from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

__all__ = ["judge_gates"]

_APPROVAL: Final = full_type("approval")


def judge_gates(
    stage: StageRule, verified: VerifiedBundle, chain: Chain, promoter: VerifiedSigner | None
) -> Iterator[RuleResult]:
    """Judge every gate of a stage over a bundle that was verified.

    Args:
        stage: The stage.
        verified: The bundle.
        chain: The history so far.
        promoter: Who promotes, if that is known already: an approval of one's own promotion does not count.
    """
    retired = chain.retired.get(verified.digest)
    if retired is not None:
        who = retired.signer.name if retired.signer else "?"
        yield failed("not retired", f"retired by {who}: {retired.event.reason}")
    else:
        yield passed("not retired", verified.digest)
    if stage.after:
        was = [
            record
            for record in chain.records
            if record.counts and (record.event.stage, record.event.bundle) == (stage.after, verified.digest)
        ]
        why = f"event {was[-1].event.sequence}" if was else f"this bundle was never in {stage.after}"
        yield (passed if was else failed)(f"after {stage.after}", why)
    yield from judge_requirements(stage.require, verified.attestations)
    if stage.approvals is not None:
        yield _approvals(stage, verified, promoter)


def _approvals(stage: StageRule, verified: VerifiedBundle, promoter: VerifiedSigner | None) -> RuleResult:
    rule = stage.approvals
    assert rule is not None  # noqa: S101
    found: dict[str, str] = {}
    for item in verified.attestations:
        if not item.counts or item.signer is None or item.type != _APPROVAL:
            continue
        own = promoter is not None and promoter.principal == item.signer.principal
        if item.signer.name in rule.of and not own and item.predicate.get("stage") == stage.name:
            found[item.signer.principal] = item.signer.name
    why = (
        f"{len(found)} of {rule.k} approved for {stage.name}: {', '.join(sorted(found.values())) or 'nobody'}"
    )
    if promoter is not None and promoter.name in rule.of:
        why += f" (not counting {promoter.name}, who promotes)"
    return (passed if len(found) >= rule.k else failed)("approvals", why)
