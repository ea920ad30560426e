"""What could be a signature or an attestation of an image, and which counts: steps 3 to 7 of `images`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mlpack.errors import RegistryError, SignatureInvalidError, UntrustedSignerError, VerificationError
from mlpack.oci.descriptors import parse_manifest, sha256
from mlpack.show.visible import visible
from mlpack.trust.accepting import accept_signer
from mlpack.trust.attestation import Attestation
from mlpack.trust.image_statements import (
    BUNDLE_TYPE,
    SIGNATURE_TYPE,
    key_hint,
    parse_bundle,
    parse_statement,
)
from mlpack.trust.legacy_signatures import check_simple_signing, parse_legacy
from mlpack.trust.revocation import signer_revocation

if TYPE_CHECKING:
    from mlpack.trust.envelope import Envelope
    from mlpack.trust.policy import Policy
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["AttachedBundle", "Candidates", "ImageEvidence", "ImageSignature", "LegacySignature"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachedBundle:
    """Something attached to an image as a referrer.

    Attributes:
        manifest: The attachment's own manifest.
        bundle: Its one blob.
    """

    manifest: bytes
    bundle: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class LegacySignature:
    """One layer of the tag `sha256-<hex>.sig`.

    Attributes:
        payload: The simple-signing text.
        annotations: The layer's annotations: signature, certificates, promise of a log, timestamp.
    """

    payload: bytes
    annotations: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageEvidence:
    """Everything that was found about one digest. None of it is believed.

    Attributes:
        source: Where it was, for messages.
        digest: `sha256:<hex>` that was asked for or that a tag led to.
        manifest: What is said to have this digest.
        bundles: What is attached as referrers.
        legacy: What the legacy tag holds.
        notes: What could not be read, or was seen to be something else.
    """

    source: str
    digest: str
    manifest: bytes
    bundles: tuple[AttachedBundle, ...] = ()
    legacy: tuple[LegacySignature, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSignature:
    """One accepted signature or attestation.

    Attributes:
        signer: Who, as the policy calls them.
        form: `bundle` or `legacy`.
        predicate: What was stated; empty for a signature.
    """

    signer: VerifiedSigner
    form: Literal["bundle", "legacy"]
    predicate: Mapping[str, Any]


class Candidates:
    """What was accepted among the candidates, and why the others were not."""

    def __init__(self, *, predicate_type: str, policy: Policy) -> None:
        """Start with nothing; `predicate_type` is what is asked for, besides what the policy requires."""
        self.accepted: list[ImageSignature] = []
        self.attestations: list[Attestation] = []
        self.refused: list[VerificationError] = []
        self._type = predicate_type
        self._policy = policy
        self._asked = {predicate_type, *(need.type for need in policy.require)}
        self._rules = (*policy.signers, *policy.attesters)
        self._hints = {key_hint(rule.key): rule.key.hint for rule in self._rules if rule.key is not None}

    def refused_lines(self) -> Iterator[str]:
        """Yield one visible line for every candidate that does not count."""
        return (visible(str(error)) for error in self.refused)

    def look_at(self, evidence: ImageEvidence) -> None:
        """Look at every candidate."""
        for number, attached in enumerate(evidence.bundles, 1):
            try:
                self._bundle(evidence, attached, f"attachment {number}")
            except VerificationError as error:
                self.refused.append(error)
        for number, legacy in enumerate(evidence.legacy, 1):
            if self._type != SIGNATURE_TYPE:
                return
            try:
                self._legacy(evidence, legacy, f"legacy signature {number}")
            except VerificationError as error:
                self.refused.append(error)

    def _bundle(self, evidence: ImageEvidence, attached: AttachedBundle, where: str) -> None:
        _check_attachment(evidence, attached, where)
        envelope = parse_bundle(attached.bundle, where=where)
        signer = self._who_signed(envelope, where)
        kind, predicate = parse_statement(envelope.payload, digest=evidence.digest, where=where)
        if kind not in self._asked:
            raise SignatureInvalidError(f"states {kind[:120]!r}, not what is asked for", where=where)
        if kind != SIGNATURE_TYPE:
            self.attestations.append(
                Attestation(path=sha256(attached.manifest), type=kind, signer=signer, predicate=predicate)
            )
        if kind == self._type:
            self._accept(ImageSignature(signer=signer, form="bundle", predicate=predicate), where)

    def _legacy(self, evidence: ImageEvidence, legacy: LegacySignature, where: str) -> None:
        envelope = parse_legacy(legacy.payload, legacy.annotations, where=where)
        signer = self._who_signed(envelope, where)
        check_simple_signing(legacy.payload, digest=evidence.digest, where=where)
        self._accept(ImageSignature(signer=signer, form="legacy", predicate={}), where)

    def _accept(self, item: ImageSignature, where: str) -> None:
        attesters = {rule.name for rule in self._policy.attesters}
        if self._type == SIGNATURE_TYPE and item.signer.name in attesters:
            raise UntrustedSignerError(
                f"{item.signer.name} may attest by this policy, and not sign", where=where
            )
        self.accepted.append(item)

    def _who_signed(self, envelope: Envelope, where: str) -> VerifiedSigner:
        """Return the policy's signer who made this; in the words of images, not of `model.sig`."""
        hint = self._hints.get(envelope.material.hint, "")
        try:
            signer = accept_signer(
                replace(envelope, material=replace(envelope.material, hint=hint)), self._rules
            )
        except VerificationError as error:
            raise type(error)(error.message, code=error.code, where=where, hint=error.hint) from error
        if reason := signer_revocation(signer, self._policy.revoked):
            raise UntrustedSignerError(reason, code="signer-revoked", where=where)
        return signer


def _check_attachment(evidence: ImageEvidence, attached: AttachedBundle, where: str) -> None:
    """Hold the attachment's own manifest against the specification."""
    try:
        manifest = parse_manifest(attached.manifest, where=where)
        if manifest.artifact_type != BUNDLE_TYPE:
            raise SignatureInvalidError(
                f"expected {BUNDLE_TYPE}, found {manifest.artifact_type}", where=where
            )
        if manifest.subject is None or manifest.subject.digest != evidence.digest:
            raise SignatureInvalidError("attached to another manifest", where=where)
        if manifest.subject.size != len(evidence.manifest):
            raise SignatureInvalidError("attached to a manifest of another size", where=where)
        if len(manifest.layers) != 1 or manifest.layers[0].media_type != BUNDLE_TYPE:
            raise SignatureInvalidError(f"expected one layer of the type {BUNDLE_TYPE}", where=where)
        manifest.layers[0].check(attached.bundle, where=where)
    except RegistryError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
