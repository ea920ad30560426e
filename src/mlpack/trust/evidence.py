"""Judging the evidence that a bundle carries, and saying on whose word it rests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from mlpack.trust.predicate_types import PREDICATE_TYPES
from mlpack.trust.rules import Certificate
from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

if TYPE_CHECKING:
    from mlpack.format.manifest import Manifest
    from mlpack.format.parts import Parts
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.rules import Evidence
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["judge_evidence", "vouched_by"]


def judge_evidence(
    rule: Evidence,
    manifest: Manifest,
    parts: Parts,
    word: str,
) -> Iterator[RuleResult]:
    """Judge parity and golden rows; `word`, from `vouched_by`, says on whose word the parity rests."""
    if parts.parity is None:
        yield not_assessed("evidence.parity", "there is no parity evidence")
        return
    strengths = get_args(Certificate)
    found = parts.parity.certificate
    why = f"{found}, and at least {rule.parity} is accepted ({word})"
    good = strengths.index(found) <= strengths.index(rule.parity)
    yield (passed if good else failed)("evidence.parity", why)
    if rule.golden is not None:
        why = f"{manifest.golden} rows, and {rule.golden} ones are accepted (claimed)"
        yield (passed if manifest.golden == rule.golden else failed)("evidence.golden", why)


def vouched_by(
    digest: str, attestations: tuple[Attestation, ...], signers: tuple[VerifiedSigner, ...]
) -> str:
    """Return `attested_by NAME` when somebody who did not sign the bundle says so too, or else `claimed`.

    A test result counts that passed and names the evidence file, by its hex SHA-256, as its configuration.
    """
    own = {signer.principal for signer in signers}
    for item in attestations:
        if item.signer is None or item.signer.principal in own or item.type != PREDICATE_TYPES["test-result"]:
            continue
        if item.predicate.get("result") == "PASSED" and digest in _digests(item.predicate):
            return f"attested_by {item.signer.name}"
    return "claimed"


def _digests(predicate: Mapping[str, Any]) -> list[object]:
    configuration = predicate.get("configuration")
    found = []
    for resource in configuration if isinstance(configuration, list) else ():
        digest = resource.get("digest") if isinstance(resource, dict) else None
        found.append(digest.get("sha256") if isinstance(digest, dict) else None)
    return found
