"""Signing and verifying what is in a registry or a layout: the network half of `trust.images`."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlpack.delivery.image_evidence import add_legacy_signature, collect_evidence
from mlpack.delivery.image_signers import check_signer, forms_present, has_legacy_form, label
from mlpack.errors import FormatError, PolicyError, SigningError, StorageError, UsageError
from mlpack.format.documents import parse_json
from mlpack.oci.descriptors import (
    EMPTY,
    EMPTY_BYTES,
    INDEXES,
    Descriptor,
    Stored,
    manifest_bytes,
    parse_manifest,
)
from mlpack.oci.references import LayoutReference, parse_reference
from mlpack.oci.stores import Store, add_referrer, open_store
from mlpack.trust.image_statements import BUNDLE_TYPE, SIGNATURE_TYPE, seal_statement, statement
from mlpack.trust.images import VerifiedImage, check_image
from mlpack.trust.keys import Sealer, Signer
from mlpack.trust.legacy_signatures import sign_simple
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.policy_choice import resolve_policy
from mlpack.trust.predicate_types import full_type
from mlpack.trust.sigstore_signing import SigstoreSigner

if TYPE_CHECKING:
    from mlpack.show.facts import Facts
    from mlpack.trust.rules import Moment

__all__ = [
    "SIGNATURE_TYPE",
    "SignatureFormat",
    "SignedImage",
    "SignedManifest",
    "attest_image",
    "predicate_type",
    "read_predicate",
    "sign_image",
    "verify_image",
]

SignatureFormat = Literal["bundle", "legacy", "both"]
"""Where clusters look: `bundle` is cosign 3's referrer, `legacy` the tag `sha256-<hex>.sig` of older ones."""

_MAX_PREDICATE = 24 * 1024 * 1024

_FORMATS: dict[str, tuple[str, ...]] = {
    "bundle": ("bundle",),
    "legacy": ("legacy",),
    "both": ("bundle", "legacy"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedManifest:
    """What was done about one manifest.

    Attributes:
        digest: `manifest:sha256:<hex>`.
        platform: Such as `linux/arm64`; empty for the one that the reference names.
        added: Forms that were written now; those that this key had signed before are not repeated.
    """

    digest: str
    platform: str
    added: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedImage:
    """What `sign_image` or `attest_image` has done.

    Attributes:
        reference: What was asked for.
        digest: `manifest:sha256:<hex>` that it led to: deploy this.
        signer: The key as `sha256:<hex>`, the identity, or the certificate.
        manifests: Each one, the index first.
        action: `signed`, or `attested`, which is something else.
    """

    reference: str
    digest: str
    signer: str
    manifests: tuple[SignedManifest, ...]
    action: Literal["signed", "attested"] = "signed"

    def facts(self) -> Facts:
        """Return what was done."""
        from mlpack.show.facts import Facts, Section, Table

        rows = tuple(
            (item.platform or "named", item.digest, ", ".join(item.added) or "was there")
            for item in self.manifests
        )
        return Facts(
            title=f"{self.reference}: {self.action}",
            sections=(
                Section(
                    title=self.action.capitalize(),
                    pairs=(("image (deploy this)", self.digest, "good"), ("signer", self.signer, "plain")),
                    table=Table(columns=("platform", "manifest", "written"), rows=rows),
                ),
            ),
        )


def sign_image(
    reference: str,
    signer: Signer | Sealer,
    *,
    signature_format: SignatureFormat | None = None,
    platforms: bool = True,
    docker_reference: str = "",
    plain_http: bool | None = None,
) -> SignedImage:
    """Sign an image or artifact where it is: by digest, in the forms that clusters look for.

    Args:
        reference: `HOST/REPO:TAG`, `HOST/REPO@sha256:...` or `oci:DIR[:TAG]`. A tag is resolved once.
        signer: Who signs: a `KeySigner`, `KmsSigner`, `CertificateSigner` or `SigstoreSigner`. A keyless one
            writes to a log for every form and manifest.
        signature_format: Forms to write; None for every form that the signer can make: a keyless one with
            Rekor v2 cannot make `legacy`. What it has signed before in a form is not signed again.
        platforms: For an index, whether each manifest that it lists is signed too.
        docker_reference: What a legacy signature calls the image; in a registry, by default, its place.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        RegistryError: The registry refuses, or there is nothing.
        SigningError: The key is one that cosign could not verify.
        UsageError: An argument is unusable.
        StorageError: A layout cannot be written.
    """
    place = parse_reference(reference)
    check_signer(signer)
    if signature_format is not None and signature_format not in _FORMATS:
        raise UsageError(f"expected one of {', '.join(_FORMATS)}", where="signature format")
    if isinstance(place, LayoutReference) and signature_format != "bundle" and not docker_reference:
        raise UsageError(
            "a legacy signature names the image, and a folder has no such name",
            where=reference,
            hint="pass the name that it will have in a registry, or the signature format 'bundle'",
        )
    called = docker_reference or place.name
    done = []
    with open_store(place, write=True, plain_http=plain_http) as store:
        named = store.manifest(place.wanted)
        for stored, platform in _manifests(store, named, platforms=platforms):
            added = _sign_one(store, stored, signer, signature_format, called)
            done.append(
                SignedManifest(digest=f"manifest:{stored.descriptor.digest}", platform=platform, added=added)
            )
    return SignedImage(
        reference=reference,
        digest=f"manifest:{named.descriptor.digest}",
        signer=label(signer),
        manifests=tuple(done),
    )


def attest_image(
    reference: str,
    predicate_type: str,
    predicate: Mapping[str, Any],
    signer: Signer | Sealer,
    *,
    plain_http: bool | None = None,
) -> SignedImage:
    """Attach a signed statement to an image or artifact, such as a bill of materials. Uses the network.

    An attestation says something about an image; it does not sign it.

    Args:
        reference: See `sign_image`.
        predicate_type: An absolute URI, such as `https://cyclonedx.org/bom`.
        predicate: What is stated.
        signer: Who states it.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        RegistryError: The registry refuses, or there is nothing.
        SigningError: The key is one that cosign could not verify.
        UsageError: An argument is unusable.
    """
    if predicate_type == SIGNATURE_TYPE:
        raise UsageError("this type is a signature", where="predicate type", hint="use sign_image")
    place = parse_reference(reference)
    check_signer(signer)
    with open_store(place, write=True, plain_http=plain_http) as store:
        named = store.manifest(place.wanted)
        sealed = seal_statement(statement(named.descriptor.digest, predicate_type, predicate), signer)
        _attach(store, named.descriptor, predicate_type, sealed)
    digest = f"manifest:{named.descriptor.digest}"
    return SignedImage(
        reference=reference,
        digest=digest,
        signer=label(signer),
        manifests=(SignedManifest(digest=digest, platform="", added=(predicate_type,)),),
        action="attested",
    )


def predicate_type(name: str) -> str:
    """Return the predicate type that a short name stands for; anything else is returned as it is."""
    return full_type(name)


def read_predicate(path: Path) -> dict[str, Any]:
    """Read what an attestation states: a file with one JSON object.

    Raises:
        StorageError: The file cannot be read.
        FormatError: It is no JSON object, or too large.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_PREDICATE + 1)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > _MAX_PREDICATE:
        raise FormatError(f"more than {_MAX_PREDICATE} bytes", where=str(path))
    document = parse_json(data, where=str(path))
    if not isinstance(document, dict):
        raise FormatError("expected a JSON object", where=str(path))
    return document


def verify_image(
    reference: str,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    *,
    predicate_type: str = SIGNATURE_TYPE,
    moment: Moment = "admission",
    plain_http: bool | None = None,
) -> VerifiedImage:
    """Check the signature of an image or artifact against a policy. Uses the network for a registry.

    Args:
        reference: See `sign_image`. A tag is resolved first; the verdict is about the digest.
        policy: A policy, the path of one, or None to take `MLPACK_POLICY` or the user's own.
        predicate_type: Ask for an attestation of exactly this type instead of a signature.
        moment: `admission`, or `start` when the image was admitted before and only starts again.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        VerificationError: The image is refused; its children say why.
        RegistryError: The registry cannot be reached, refuses, or has no such image.
        PolicyError: There is no usable policy.
        UsageError: An argument is unusable.
    """
    place = parse_reference(reference)
    rules = resolve_policy(policy)
    if isinstance(rules, Unsigned):
        raise PolicyError(
            "UNSIGNED names nobody to trust", where="policy", hint="verify_image needs a policy"
        )
    if moment not in ("admission", "start"):
        raise UsageError(f"expected admission or start, found {moment!r}", where="moment")
    wanted = tuple(dict.fromkeys((predicate_type, *(need.type for need in rules.require))))
    with open_store(place, plain_http=plain_http) as store:
        evidence = collect_evidence(store, store.manifest(place.wanted), predicate_types=wanted)
    return check_image(evidence, rules, predicate_type=predicate_type, moment=moment)


def _manifests(store: Store, named: Stored, *, platforms: bool) -> list[tuple[Stored, str]]:
    """Return the manifest that a reference names, then, of an index, each one that it lists."""
    found = [(named, "")]
    if not platforms or named.descriptor.media_type not in INDEXES:
        return found
    for entry in parse_manifest(named.data, where=store.name).manifests:
        words = (entry.platform.get(key) for key in ("os", "architecture", "variant"))
        platform = "/".join(word for word in words if isinstance(word, str) and word)
        found.append((store.manifest(entry.digest), platform or "no platform"))
    return found


def _sign_one(
    store: Store, stored: Stored, signer: Signer | Sealer, wanted: SignatureFormat | None, called: str
) -> tuple[str, ...]:
    """Write the forms that this signer has not signed yet, and return them."""
    present = forms_present(store, stored, signer)
    missing = [form for form in _FORMATS[wanted or "both"] if form not in present]
    digest, sealed = stored.descriptor.digest, b""
    if "bundle" in missing:
        sealed = seal_statement(statement(digest, SIGNATURE_TYPE, {}), signer)
    if "legacy" in missing and isinstance(signer, SigstoreSigner) and _skips_legacy(sealed, wanted):
        missing.remove("legacy")
    if "legacy" in missing:
        payload, annotations = sign_simple(digest, called, signer)
        add_legacy_signature(store, digest, payload, annotations)
    if sealed:
        _attach(store, stored.descriptor, SIGNATURE_TYPE, sealed)
    return tuple(missing)


def _skips_legacy(sealed: bytes, wanted: SignatureFormat | None) -> bool:
    """Tell whether a keyless signer, who has just made `sealed`, is to leave out the form `legacy`.

    Raises:
        SigningError: It is asked for, and cannot be made.
    """
    if wanted is None:
        return not sealed or not has_legacy_form(sealed)
    if sealed and not has_legacy_form(sealed):
        raise SigningError(
            "the log gives no promise (Rekor v2), and the form legacy has no place for its proof",
            code="no-legacy-form",
            where="signature format",
            hint="choose the form bundle",
        )
    return False


def _attach(store: Store, subject: Descriptor, kind: str, data: bytes) -> None:
    """Attach a sealed statement as cosign does; the artifact type is the real one."""
    layer = Descriptor.of(data, BUNDLE_TYPE)
    store.put_blob(data, layer)
    store.put_blob(EMPTY_BYTES, EMPTY)
    manifest = manifest_bytes(
        artifact_type=BUNDLE_TYPE,
        layers=(layer,),
        subject=subject,
        annotations={
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": kind,
            "org.opencontainers.image.created": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )
    add_referrer(store, manifest, subject.digest)
