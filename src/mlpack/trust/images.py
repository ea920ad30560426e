"""Verification of images and artifacts: from what a registry holds about one digest to a verdict.

 1. The policy is usable: it has not expired, names signers, and asks nothing that an image cannot show.
 2. The manifest's bytes have the digest that was asked for; a tag is never believed.
 3. Each candidate is attached to exactly this manifest and has the exact media types.
 4. It is one well-formed signature.
 5. A signer whom the policy names made it (a key, a Sigstore identity, a certificate's subject) at a time
    that the policy accepts. What a candidate brings along only selects among these.
 6. The signed statement is about this digest and has exactly the predicate type that is asked for. An
    attestation is no signature, whoever signed it.
 7. At least one candidate passed all of this, by a signer who is not revoked.
 8. The policy's other rules hold: `image_judging` has them.

Whoever can write to a repository can add junk, so a candidate that fails is passed over and reported; only
when none is left is the image refused. There is no network here: `delivery.images` fetches the bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import (
    ContentMismatchError,
    PolicyViolationError,
    RegistryError,
    SignatureInvalidError,
    VerificationError,
)
from mlpack.oci.descriptors import parse_manifest, sha256
from mlpack.show.visible import visible
from mlpack.trust.image_candidates import (
    AttachedBundle,
    Candidates,
    ImageEvidence,
    ImageSignature,
    LegacySignature,
)
from mlpack.trust.image_judging import ImageCase, judge_image, judge_policy
from mlpack.trust.image_statements import SIGNATURE_TYPE
from mlpack.trust.verdict import RuleResult, failed, passed, verdict_section

if TYPE_CHECKING:
    from mlpack.show.facts import Facts
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import Moment
    from mlpack.trust.verified import VerifiedSigner

__all__ = [
    "AttachedBundle",
    "ImageEvidence",
    "ImageSignature",
    "LegacySignature",
    "VerifiedImage",
    "check_image",
]

_MAX_REPORTED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedImage:
    """An image or artifact that fulfilled a policy. It says nothing about a model bundle inside.

    Attributes:
        source: Where it was: transport only.
        digest: `manifest:sha256:<hex>`: deploy this, never a tag.
        media_type: Manifest or index.
        predicate_type: What was asked for: a signature, or an attestation of this type.
        signatures: Everything that the policy accepts, at least one.
        ignored: What was found and not accepted, and why.
        policy: What it was checked against.
        rules: What became of every rule.
        attestations: Attestations that the policy requires and that count.
    """

    source: str
    digest: str
    media_type: str
    predicate_type: str
    signatures: tuple[ImageSignature, ...]
    ignored: tuple[str, ...]
    policy: Policy
    rules: tuple[RuleResult, ...] = ()
    attestations: tuple[Attestation, ...] = ()

    @property
    def signed_at(self) -> dt.datetime | None:
        """Earliest trusted time of an accepted signature, or None."""
        times = [item.signer.time for item in self.signatures if item.signer.time is not None]
        return min(times, default=None)

    def facts(self, *, explain: bool = False) -> Facts:
        """Return what there is to say: the identity, who vouches for it, under which policy, from where.

        Args:
            explain: Whether to add every rule with its verdict.
        """
        from mlpack.show.facts import Facts, Section, Table

        policy = self.policy
        rows = tuple((item.signer.name, _who(item.signer), item.form) for item in self.signatures)
        what = "signature" if self.predicate_type == SIGNATURE_TYPE else f"attestation {self.predicate_type}"
        when = f"trusted time {self.signed_at:%Y-%m-%dT%H:%M:%SZ}" if self.signed_at else "no trusted time"
        return Facts(
            title=f"{self.source}: verified",
            sections=(
                Section(
                    title="Verified",
                    pairs=(
                        ("image (deploy this)", self.digest, "good"),
                        ("kind", self.media_type, "plain"),
                        ("checked", f"{what}, {when}", "plain"),
                        ("policy", f"{policy.id} {policy.version}, from {policy.source}", "plain"),
                        ("policy digest", f"policy:sha256:{policy.sha256}", "plain"),
                        ("source", f"{self.source} (transport only)", "plain"),
                    ),
                    table=Table(columns=("signer", "who", "form"), rows=rows),
                ),
                *((verdict_section(result.row for result in self.rules),) if explain else ()),
            ),
            warnings=tuple(f"not counted: {reason}" for reason in self.ignored[:_MAX_REPORTED]),
        )


def _who(signer: VerifiedSigner) -> str:
    if signer.kind == "identity":
        return f"{signer.identity}, vouched for by {signer.issuer}"
    return f"{signer.identity}, certificate {signer.serial}" if signer.identity else signer.fingerprint


def check_image(
    evidence: ImageEvidence,
    policy: Policy,
    *,
    predicate_type: str = SIGNATURE_TYPE,
    moment: Moment = "admission",
) -> VerifiedImage:
    """Hold what was found about an image against a policy.

    Args:
        evidence: What was fetched.
        policy: Whom to trust.
        predicate_type: The default asks for a signature; any other for an attestation of exactly this type,
            which the policy's attesters can make too.
        moment: `admission`, or `start` when the image was admitted before: rules that depend on the clock are
            then asked only where the policy says so.

    Raises:
        VerificationError: The image is refused; nothing else is ever raised, whatever the bytes.
    """
    now = dt.datetime.now(dt.UTC)
    # 1. The policy.
    results = judge_policy(policy, moment, now)
    _refuse_broken(results, evidence.source, hint="give images a policy of their own")
    # 2. The manifest.
    media_type = _media_type(evidence)
    # 3 to 7. Who said what.
    found = Candidates(predicate_type=predicate_type, policy=policy)
    found.look_at(evidence)
    ignored = (*found.refused_lines(), *map(visible, evidence.notes))
    if not found.accepted:
        raise _refusal(evidence, predicate_type, found.refused, ignored, results)
    # 8. The rules.
    signers = {item.signer.principal: item.signer for item in found.accepted}
    who = ", ".join(signer.name for signer in signers.values())
    case = ImageCase(
        digest=f"manifest:{evidence.digest}",
        signers=tuple(signers.values()),
        attestations=found.attestations,
        moment=moment,
        now=now,
    )
    results += [passed("manifest", evidence.digest), passed("signer", who), *judge_image(case, policy)]
    _refuse_broken(results, evidence.source, notes=ignored)
    return VerifiedImage(
        source=evidence.source,
        digest=case.digest,
        media_type=media_type,
        predicate_type=predicate_type,
        signatures=tuple(found.accepted),
        ignored=ignored,
        policy=policy,
        rules=tuple(results),
        attestations=tuple(found.attestations),
    )


def _refuse_broken(
    results: Sequence[RuleResult], source: str, *, hint: str = "", notes: Sequence[str] = ()
) -> None:
    broken = [f"{result.rule}: {result.why}" for result in results if result.refuses]
    if not broken:
        return
    error = PolicyViolationError(
        f"not verified: {'; '.join(broken[:3])}",
        where=source,
        problems=(*broken, *notes)[:_MAX_REPORTED],
        hint=hint,
    )
    error.verdict = tuple(result.row for result in results)
    raise error


def _media_type(evidence: ImageEvidence) -> str:
    if sha256(evidence.manifest) != evidence.digest:
        raise ContentMismatchError(
            f"expected a manifest with {evidence.digest}, found {sha256(evidence.manifest)}",
            where=evidence.source,
        )
    try:
        return parse_manifest(evidence.manifest, where=evidence.source).media_type
    except RegistryError as error:
        raise ContentMismatchError(error.message, where=error.where) from error


def _refusal(
    evidence: ImageEvidence,
    predicate_type: str,
    refused: Sequence[VerificationError],
    ignored: Sequence[str],
    results: Sequence[RuleResult],
) -> VerificationError:
    what = "signature" if predicate_type == SIGNATURE_TYPE else f"attestation of the type {predicate_type}"
    # The class says how far the best candidate came: one by a trusted signer that does not hold is news.
    kinds = {type(error) for error in refused}
    kind = kinds.pop() if len(kinds) == 1 else SignatureInvalidError
    codes = {error.code for error in refused}
    error = kind(
        f"{evidence.digest} carries no {what} that the policy accepts",
        code=codes.pop() if len(codes) == 1 else None,
        where=evidence.source,
        problems=tuple(ignored[:_MAX_REPORTED]),
        hint="" if ignored else "sign it: mlpack sign-image REFERENCE --key FILE",
    )
    missing = failed("signer", "; ".join(ignored[:_MAX_REPORTED]) or f"no {what}")
    error.verdict = tuple(result.row for result in (*results, passed("manifest", evidence.digest), missing))
    return error
