"""Judging the rules of a policy over an image whose signatures were checked.

Not every rule can be held against an image. One that cannot must not look as if it had been: it refuses, and
says what to ask for instead. Only what merely allows something for loading a model rests, because nothing is
loaded here.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlpack.trust.judging import judge_age, judge_expiry, judge_threshold
from mlpack.trust.revocation import judge_manifests
from mlpack.trust.verdict import RuleResult, failed, not_assessed

if TYPE_CHECKING:
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import Moment
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["ImageCase", "judge_image", "judge_policy"]

_JUDGED: Final = frozenset(
    {
        *("id", "version", "schema", "source", "sha256", "signers", "attesters"),
        *("expires", "expires_when", "threshold", "minimum_age", "revoked", "require"),
    }
)
_RESTING: Final = frozenset({"formats", "allow_code"})
"""They allow more or less when a model is loaded, and nothing is loaded here."""

_INSTEAD: Final = "which a signature of an image does not show; require an attestation of the image instead: "
_REASONS: Final = {
    "name": "it is the name of a bundle, and images are named by whoever pulls them: deploy by digest",
    "pins": "they are digests of bundles: deploy an image by its own digest",
    "grandfathered": "they are digests of bundles, and an image is another thing",
    "format_major": "it is about the format of a bundle",
    "minimum_version": f"it is the version of a bundle, {_INSTEAD}slsa-provenance",
    "evidence": f"it is in the bundle, {_INSTEAD}test-result",
    "licenses": f"they are in the bundle's bill of materials, {_INSTEAD}vsa",
    "vulnerabilities": f"they are judged by the bundle's bill of materials, {_INSTEAD}vsa",
}
"""Why a rule of bundles cannot be held against an image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageCase:
    """What the rules look at.

    Attributes:
        digest: `manifest:sha256:<hex>`.
        signers: Everybody whose signature, or whose attestation when one is asked for, counts; once each.
        attestations: Attestations that the policy requires and that count.
        moment: Why the image is verified.
        now: Time of verification.
    """

    digest: str
    signers: tuple[VerifiedSigner, ...]
    attestations: Sequence[Attestation]
    moment: Moment
    now: dt.datetime

    @property
    def signed_at(self) -> dt.datetime | None:
        """Earliest trusted time at which somebody signed, or None."""
        return min((signer.time for signer in self.signers if signer.time is not None), default=None)


def judge_policy(policy: Policy, moment: Moment, now: dt.datetime) -> list[RuleResult]:
    """Judge whether a policy can be held against an image at all."""
    results = []
    if expiry := judge_expiry(policy, moment, now):
        results.append(expiry)
    if not policy.signers:
        results.append(failed("signers", "the policy names no signer, and its pins are about bundles"))
    for name in _given(policy):
        if name in _RESTING:
            results.append(
                not_assessed(name, "about loading a model, and none is loaded here", refuses=False)
            )
        elif name not in _JUDGED:
            reason = _REASONS.get(name, "nobody has said what it means for one")
            results.append(not_assessed(name, f"cannot be held against an image: {reason}"))
    for item in policy.revoked:
        if item.kind in ("bundle", "file"):
            why = f"cannot be held against an image: a signature does not say which {item.kind}s are inside"
            results.append(not_assessed(f"revoked: {item.value[:26]}...", why))
    return results


def _given(policy: Policy) -> list[str]:
    """Return the fields of a policy that say something."""
    return [
        field.name
        for field in dataclasses.fields(policy)
        if field.default is not dataclasses.MISSING and getattr(policy, field.name) != field.default
    ]


def judge_image(case: ImageCase, policy: Policy) -> Iterator[RuleResult]:
    """Judge the rules that ask something of an image."""
    yield from judge_manifests(policy.revoked, case.digest, case.signed_at)
    if policy.threshold is not None:
        yield judge_threshold(policy.threshold, case.signers)
    if policy.minimum_age is not None:
        yield judge_age(policy.minimum_age, case.signed_at, case.moment, case.now)
    if policy.require:
        from mlpack.trust.requirements import judge_requirements

        yield from judge_requirements(policy.require, case.attestations)
