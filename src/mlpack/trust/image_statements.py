"""What is signed about an image, and the two forms that cosign and the clusters look for.

`bundle`: a Sigstore bundle v0.3 with a DSSE envelope around an in-toto statement; the signature itself is
the statement with the predicate type `SIGNATURE_TYPE`. `legacy`: "simple signing", a JSON text that names the
digest. A signature of a model bundle has another predicate type and another subject: neither passes for the
other.

Source: cosign's specs/BUNDLE_SPEC.md and specs/SIGNATURE_SPEC.md; in-toto Statement v1; DSSE v1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlpack.errors import FormatError, SignatureInvalidError, UsageError
from mlpack.format.documents import Fields, parse_json
from mlpack.trust.envelope import MEDIA_TYPE, PAYLOAD_TYPE, pae
from mlpack.trust.keys import PublicKey, Signer

__all__ = [
    "BUNDLE_TYPE",
    "LEGACY_SIGNATURE",
    "MAX_BUNDLE",
    "MAX_LEGACY",
    "SIGNATURE_TYPE",
    "SIMPLE_SIGNING",
    "SignedBundle",
    "key_hint",
    "parse_bundle",
    "parse_simple_signing",
    "parse_statement",
    "seal_statement",
    "sign_simple",
    "statement",
]

BUNDLE_TYPE = MEDIA_TYPE
"""Artifact type and layer type of a signature in the form `bundle`."""

SIGNATURE_TYPE = "https://sigstore.dev/cosign/sign/v1"
"""Predicate type that makes a statement a signature. Every other one is an attestation, and signs nothing."""

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
LEGACY_SIGNATURE = "dev.cosignproject.cosign/signature"
"""Annotation of a legacy layer that holds its signature in base64."""

MAX_BUNDLE = 32 * 1024 * 1024
"""Largest signature or attestation that is read, in bytes; a bill of materials stands inside one."""

MAX_LEGACY = 256 * 1024
"""Largest simple-signing text, in bytes."""

_STATEMENT = "https://in-toto.io/Statement/v1"
_OLDER_STATEMENT = "https://in-toto.io/Statement/v0.1"
"""What `cosign attest` still writes; the fields are the same. Signatures are never of this type."""

_LEGACY_KIND = "cosign container image signature"
_PREDICATE_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:[!-~]{1,300}")
_MAX_SUBJECTS = 1000
_MAX_ECDSA = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedBundle:
    """A parsed Sigstore bundle that a key has signed. Nothing in it is believed before `verify`.

    Attributes:
        payload: The signed bytes.
        signature: DER signature over their PAE.
        hint: Which key is said to have signed; empty when it does not say, or by a certificate.
        by_certificate: Whether a certificate is said to have signed.
    """

    payload: bytes
    signature: bytes
    hint: str
    by_certificate: bool

    def verify(self, key: PublicKey) -> None:
        """Return if `key` signed the payload.

        Raises:
            SignatureInvalidError: It did not.
        """
        key.verify(self.signature, pae(self.payload))


def key_hint(key: PublicKey) -> str:
    """Return how an image signature refers to a key: base64 of the SHA-256 of its DER form."""
    return base64.b64encode(bytes.fromhex(key.fingerprint.removeprefix("sha256:"))).decode("ascii")


def statement(digest: str, predicate_type: str, predicate: Mapping[str, Any], *, name: str = "") -> bytes:
    """Return an in-toto statement about a manifest.

    Args:
        digest: `sha256:<hex>` of the manifest.
        predicate_type: An absolute URI.
        predicate: What is stated.
        name: What the subject is called; stock tools need the field, not a value.

    Raises:
        UsageError: The predicate type is no URI, or the predicate holds what JSON does not.
    """
    if not _PREDICATE_TYPE.fullmatch(predicate_type):
        raise UsageError(f"{predicate_type[:80]!r} is not an absolute URI", where="predicate type")
    document = {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise UsageError("cannot be written as JSON", where="predicate") from error


def seal_statement(payload: bytes, signer: Signer) -> bytes:
    """Sign a statement and return the bundle.

    Raises:
        SignatureInvalidError: What the signer returned does not verify under its own public key.
    """
    signature = _sign(pae(payload), signer)
    document = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key_hint(signer.public_key)}},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode("ascii")}],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def sign_simple(digest: str, reference: str, signer: Signer) -> tuple[bytes, str]:
    """Return a simple-signing text and its signature in base64.

    Args:
        digest: `sha256:<hex>` of the manifest.
        reference: What the image is called, without tag.
        signer: Who signs.

    Raises:
        SignatureInvalidError: What the signer returned does not verify under its own public key.
    """
    document = {
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": _LEGACY_KIND,
        },
        "optional": None,
    }
    payload = json.dumps(document, separators=(",", ":")).encode("ascii")
    return payload, base64.b64encode(_sign(payload, signer)).decode("ascii")


def _sign(data: bytes, signer: Signer) -> bytes:
    signature = signer.sign(data)
    signer.public_key.verify(signature, data)
    return signature


def parse_bundle(data: bytes, *, where: str) -> SignedBundle:
    """Parse a bundle strictly.

    Log entries and timestamps may stand beside a key; they are passed over, so they prove no time.

    Raises:
        SignatureInvalidError: It is too large, not strict JSON, or not one DSSE envelope with one signature.
    """
    if len(data) > MAX_BUNDLE:
        raise SignatureInvalidError(f"more than {MAX_BUNDLE} bytes", where=where)
    try:
        top = Fields(parse_json(data, where=where), where)
        top.choice("mediaType", (BUNDLE_TYPE,))
        material, envelope = top.fields("verificationMaterial"), top.fields("dsseEnvelope")
        top.done()
        hint, by_certificate = _material(material)
        envelope.choice("payloadType", (PAYLOAD_TYPE,))
        payload = _base64(envelope, "payload")
        signature = _only_signature(envelope)
        envelope.done()
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    return SignedBundle(payload=payload, signature=signature, hint=hint, by_certificate=by_certificate)


def _only_signature(envelope: Fields) -> bytes:
    signatures = envelope.each("signatures")
    if len(signatures) != 1:
        raise FormatError(f"expected one signature, found {len(signatures)}", where=envelope.where)
    if signatures[0].has("keyid"):
        signatures[0].text("keyid")
    signature = _base64(signatures[0], "sig")
    signatures[0].done()
    return signature


def _material(material: Fields) -> tuple[str, bool]:
    for passed_over in ("tlogEntries", "timestampVerificationData"):
        material.has(passed_over)
    if material.has("publicKey"):
        if material.holds("certificate") or material.holds("x509CertificateChain"):
            raise FormatError("a key and a certificate", where=material.where)
        key = material.fields("publicKey")
        hint = key.text("hint") if key.has("hint") else ""
        key.done()
        material.done()
        return hint, False
    if material.has("certificate") or material.has("x509CertificateChain"):
        material.done()
        return "", True
    raise FormatError("neither a key nor a certificate", where=material.where)


def parse_statement(payload: bytes, *, digest: str, predicate_type: str, where: str) -> dict[str, Any]:
    """Return the predicate of a statement about `digest` with exactly this predicate type.

    Raises:
        SignatureInvalidError: The statement is about something else, of another type, or malformed.
    """
    try:
        top = Fields(parse_json(payload, where=where), where)
        signature = predicate_type == SIGNATURE_TYPE
        top.choice("_type", (_STATEMENT,) if signature else (_STATEMENT, _OLDER_STATEMENT))
        top.choice("predicateType", (predicate_type,))
        found = _subject_digests(top)
        predicate = top.mapping("predicate") if top.has("predicate") else {}
        top.done()
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    if digest.removeprefix("sha256:") not in found:
        raise SignatureInvalidError(f"signs sha256:{found[0][:64]}, not {digest}", where=where)
    return predicate


def _subject_digests(top: Fields) -> list[str]:
    subjects = top.each("subject")
    if not 0 < len(subjects) <= _MAX_SUBJECTS:
        raise FormatError(f"expected 1 to {_MAX_SUBJECTS} subjects", where=f"{top.where}.subject")
    return [_subject_digest(subject) for subject in subjects]


def _subject_digest(subject: Fields) -> str:
    if subject.has("name"):
        subject.text("name")
    if subject.has("annotations"):
        subject.mapping("annotations")
    digest = subject.fields("digest")
    subject.done()
    return digest.text("sha256")


def parse_simple_signing(payload: bytes, signature: str, *, digest: str, where: str) -> tuple[bytes, str]:
    """Check what a simple-signing text says; return the raw signature and the image's name in it.

    The name is a claim of the signer: mirrors serve the same image under other names, so it is not compared.

    Raises:
        SignatureInvalidError: It is about something else, of another kind, or malformed.
    """
    if len(payload) > MAX_LEGACY:
        raise SignatureInvalidError(f"more than {MAX_LEGACY} bytes", where=where)
    try:
        top = Fields(parse_json(payload, where=where), where)
        critical = top.fields("critical")
        if top.has("optional"):
            top.mapping("optional")
        top.done()
        critical.choice("type", (_LEGACY_KIND,))
        identity, image = critical.fields("identity"), critical.fields("image")
        critical.done()
        name = identity.text("docker-reference")
        identity.done()
        found = image.text("docker-manifest-digest")
        image.done()
        raw = _base64(Fields({"signature": signature}, where), "signature")
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    if found != digest:
        raise SignatureInvalidError(f"signs {found[:71]}, not {digest}", where=where)
    if len(raw) > _MAX_ECDSA:
        raise SignatureInvalidError("longer than an ECDSA signature can be", where=where)
    return raw, name


def _base64(fields: Fields, key: str) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling."""
    text = fields.text(key)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not base64", where=f"{fields.where}.{key}") from error
    if not data or base64.b64encode(data).decode("ascii") != text:
        raise FormatError("empty, or not canonical base64", where=f"{fields.where}.{key}")
    return data
