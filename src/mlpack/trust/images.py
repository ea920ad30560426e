"""Verification of images and artifacts: from what a registry holds about one digest to a verdict.

 1. The policy is usable: it has not expired, names signers, and asks nothing that an image cannot show.
 2. The manifest's bytes have the digest that was asked for; a tag is never believed.
 3. Each candidate is attached to exactly this manifest and has the exact media types.
 4. It is one well-formed signature.
 5. A key that the policy names made it. The hint in it only selects among these keys.
 6. The signed statement is about this digest and has exactly the predicate type that is asked for. An
    attestation is no signature, whoever signed it.
 7. At least one candidate passed all of this.

Whoever can write to a repository can add junk, so a candidate that fails is passed over and reported; only
when none is left is the image refused. There is no network here: `delivery.images` fetches the bytes.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlpack.errors import (
    ContentMismatchError,
    PolicyViolationError,
    RegistryError,
    SignatureInvalidError,
    UntrustedSignerError,
    VerificationError,
)
from mlpack.oci.descriptors import parse_manifest, sha256
from mlpack.show.visible import visible
from mlpack.trust.image_statements import (
    BUNDLE_TYPE,
    SIGNATURE_TYPE,
    key_hint,
    parse_bundle,
    parse_simple_signing,
    parse_statement,
)
from mlpack.trust.verified import VerifiedSigner

if TYPE_CHECKING:
    from mlpack.show.facts import Facts
    from mlpack.trust.keys import PublicKey
    from mlpack.trust.policy import Policy, SignerRule

__all__ = [
    "AttachedBundle",
    "ImageEvidence",
    "ImageSignature",
    "LegacySignature",
    "VerifiedImage",
    "check_image",
]

_MAX_REPORTED = 20
_FOR_IMAGES = frozenset({"id", "version", "signers", "formats", "expires", "schema", "source", "sha256"})
"""What a policy may say about an image: `formats` is about loading models, and nothing is loaded here."""
_FOR_KEYS = frozenset({"name", "key"})


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
        signature: What the annotation says, in base64.
    """

    payload: bytes
    signature: str


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
    """

    source: str
    digest: str
    media_type: str
    predicate_type: str
    signatures: tuple[ImageSignature, ...]
    ignored: tuple[str, ...]
    policy: Policy

    def facts(self) -> Facts:
        """Return what there is to say: the identity, who vouches for it, under which policy, from where."""
        from mlpack.show.facts import Facts, Section, Table

        policy = self.policy
        rows = tuple((item.signer.name, item.signer.fingerprint, item.form) for item in self.signatures)
        what = "signature" if self.predicate_type == SIGNATURE_TYPE else f"attestation {self.predicate_type}"
        return Facts(
            title=f"{self.source}: verified",
            sections=(
                Section(
                    title="Verified",
                    pairs=(
                        ("image (deploy this)", self.digest, "good"),
                        ("kind", self.media_type, "plain"),
                        ("checked", f"{what}, no trusted time", "plain"),
                        ("policy", f"{policy.id} {policy.version}, from {policy.source}", "plain"),
                        ("policy digest", f"file:sha256:{policy.sha256}", "plain"),
                        ("source", f"{self.source} (transport only)", "plain"),
                    ),
                    table=Table(columns=("signer", "key", "form"), rows=rows),
                ),
            ),
            warnings=tuple(f"not counted: {reason}" for reason in self.ignored[:_MAX_REPORTED]),
        )


def check_image(
    evidence: ImageEvidence, policy: Policy, *, predicate_type: str = SIGNATURE_TYPE
) -> VerifiedImage:
    """Hold what was found about an image against a policy.

    Args:
        evidence: What was fetched.
        policy: Whom to trust.
        predicate_type: The default asks for a signature; any other for an attestation of exactly this type.

    Raises:
        VerificationError: The image is refused; nothing else is ever raised, whatever the bytes.
    """
    _check_policy(policy, evidence.source)
    if sha256(evidence.manifest) != evidence.digest:
        raise ContentMismatchError(
            f"expected a manifest with {evidence.digest}, found {sha256(evidence.manifest)}",
            where=evidence.source,
        )
    try:
        media_type = parse_manifest(evidence.manifest, where=evidence.source).media_type
    except RegistryError as error:
        raise ContentMismatchError(error.message, where=error.where) from error
    accepted: list[ImageSignature] = []
    refused: list[VerificationError] = []
    for attempt in _candidates(evidence, policy, predicate_type):
        if isinstance(attempt, ImageSignature):
            accepted.append(attempt)
        else:
            refused.append(attempt)
    ignored = (*(visible(str(error)) for error in refused), *map(visible, evidence.notes))
    if not accepted:
        raise _refusal(evidence, predicate_type, refused, ignored)
    return VerifiedImage(
        source=evidence.source,
        digest=f"manifest:{evidence.digest}",
        media_type=media_type,
        predicate_type=predicate_type,
        signatures=tuple(accepted),
        ignored=ignored,
        policy=policy,
    )


def _check_policy(policy: Policy, source: str) -> None:
    problems = []
    if policy.expires is not None and dt.datetime.now(dt.UTC) > policy.expires:
        problems.append(f"the policy {policy.id!r} expired at {policy.expires.isoformat()}")
    if not _key_rules(policy):
        problems.append("the policy names no signer by a key alone")
    # A rule that cannot be held against an image must not look as if it had been.
    problems += [f"the policy's {rule} cannot be held against an image" for rule in _set(policy, _FOR_IMAGES)]
    if problems:
        raise PolicyViolationError(
            "; ".join(problems), where=source, hint="give images a policy of their own, with signers by key"
        )


def _set(value: object, passed_over: frozenset[str]) -> list[str]:
    """Return the fields of a policy or a signer that say something, less those named."""
    return [
        field.name
        for field in dataclasses.fields(value)  # type: ignore[arg-type]
        if field.name not in passed_over
        and field.default is not dataclasses.MISSING
        and getattr(value, field.name) != field.default
    ]


def _key_rules(policy: Policy) -> list[tuple[SignerRule, PublicKey]]:
    """Return the signers that a key alone identifies: nothing here could tell a time or an identity."""
    return [
        (rule, key)
        for rule in policy.signers
        if (key := getattr(rule, "key", None)) is not None and not _set(rule, _FOR_KEYS)
    ]


def _candidates(
    evidence: ImageEvidence, policy: Policy, predicate_type: str
) -> Iterator[ImageSignature | VerificationError]:
    for number, attached in enumerate(evidence.bundles, 1):
        try:
            yield _check_bundle(evidence, attached, policy, predicate_type, f"attachment {number}")
        except VerificationError as error:
            yield error
    if predicate_type != SIGNATURE_TYPE:
        return
    for number, legacy in enumerate(evidence.legacy, 1):
        try:
            yield _check_legacy(evidence, legacy, policy, f"legacy signature {number}")
        except VerificationError as error:
            yield error


def _check_bundle(
    evidence: ImageEvidence, attached: AttachedBundle, policy: Policy, predicate_type: str, where: str
) -> ImageSignature:
    _check_attachment(evidence, attached, where)
    bundle = parse_bundle(attached.bundle, where=where)
    if bundle.by_certificate:
        raise UntrustedSignerError("signed by a certificate, and the policy names keys", where=where)
    signer = _who_signed(policy, bundle.hint, bundle.verify, where)
    predicate = parse_statement(
        bundle.payload, digest=evidence.digest, predicate_type=predicate_type, where=where
    )
    return ImageSignature(signer=signer, form="bundle", predicate=predicate)


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


def _check_legacy(
    evidence: ImageEvidence, legacy: LegacySignature, policy: Policy, where: str
) -> ImageSignature:
    raw, _ = parse_simple_signing(legacy.payload, legacy.signature, digest=evidence.digest, where=where)

    def verify(key: PublicKey) -> None:
        key.verify(raw, legacy.payload)

    signer = _who_signed(policy, "", verify, where)
    return ImageSignature(signer=signer, form="legacy", predicate={})


def _who_signed(policy: Policy, hint: str, verify: Callable[[PublicKey], None], where: str) -> VerifiedSigner:
    """Return the policy's signer whose key verifies; the one that the hint names is tried first.

    Raises:
        SignatureInvalidError: The hint names a key of the policy, and no key verifies.
        UntrustedSignerError: No key of the policy verifies.
    """
    rules = _key_rules(policy)
    named = [(rule, key) for rule, key in rules if hint and key_hint(key) == hint]
    for rule, key in (*named, *rules):
        try:
            verify(key)
        except SignatureInvalidError:
            continue
        return VerifiedSigner(name=rule.name, fingerprint=key.fingerprint)
    if named:
        raise SignatureInvalidError(
            f"does not match what it signs, under the key {named[0][0].name!r} that it names", where=where
        )
    raise UntrustedSignerError("signed by a key that the policy does not name", where=where)


def _refusal(
    evidence: ImageEvidence, predicate_type: str, refused: list[VerificationError], ignored: tuple[str, ...]
) -> VerificationError:
    what = "signature" if predicate_type == SIGNATURE_TYPE else f"attestation of the type {predicate_type}"
    # The class says how far the best candidate came: one by a trusted key that does not hold is news.
    kinds = {type(error) for error in refused}
    kind = UntrustedSignerError if kinds == {UntrustedSignerError} else SignatureInvalidError
    return kind(
        f"{evidence.digest} carries no {what} that the policy accepts",
        where=evidence.source,
        problems=ignored[:_MAX_REPORTED],
        hint="" if ignored else "sign it: mlpack sign-image REFERENCE --key FILE",
    )
