"""What is signed about an image in the form `bundle`, which cosign 3 and newer controllers look for.

It is a Sigstore bundle v0.3 with a DSSE envelope around an in-toto statement; the signature itself is the
statement with the predicate type `SIGNATURE_TYPE`. A signature of a model bundle has another predicate type
and another subject: neither passes for the other. The older form is in `legacy_signatures`.

Source: cosign's specs/BUNDLE_SPEC.md; in-toto Statement v1; DSSE v1.0.0.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from mlpack.errors import FormatError, SignatureInvalidError, UsageError
from mlpack.format.documents import Fields, parse_json
from mlpack.trust.envelope import MEDIA_TYPE, PAYLOAD_TYPE, Envelope, pae, write_envelope
from mlpack.trust.keys import PublicKey, Sealer, Signer
from mlpack.trust.material import Material, parse_material
from mlpack.trust.proof.reading import read_base64

__all__ = [
    "BUNDLE_TYPE",
    "MAX_BUNDLE",
    "MAX_ECDSA",
    "SIGNATURE_TYPE",
    "key_hint",
    "parse_bundle",
    "parse_statement",
    "seal_statement",
    "statement",
]

BUNDLE_TYPE = MEDIA_TYPE
"""Artifact type and layer type of a signature in the form `bundle`."""

SIGNATURE_TYPE = "https://sigstore.dev/cosign/sign/v1"
"""Predicate type that makes a statement a signature. Every other one is an attestation, and signs nothing."""

MAX_BUNDLE = 32 * 1024 * 1024
"""Largest signature or attestation that is read, in bytes; a bill of materials stands inside one."""

MAX_ECDSA = 256
"""Longest signature, in bytes."""

_STATEMENT = "https://in-toto.io/Statement/v1"
_OLDER_STATEMENT = "https://in-toto.io/Statement/v0.1"
"""What `cosign attest` still writes; the fields are the same. Signatures are never of this type."""

_PREDICATE_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:[!-~]{1,300}")
_MAX_SUBJECTS = 1000


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


def seal_statement(payload: bytes, signer: Signer | Sealer) -> bytes:
    """Sign a statement and return the bundle.

    Raises:
        SignatureInvalidError: What the signer returned does not verify under its own public key.
        SigningError: The signer refuses.
    """
    if isinstance(signer, Sealer):
        return signer.seal(payload)
    signature = _sign(pae(payload), signer)
    return write_envelope(payload, signature, {"publicKey": {"hint": key_hint(signer.public_key)}})


def _sign(data: bytes, signer: Signer) -> bytes:
    signature = signer.sign(data)
    signer.public_key.verify(signature, data)
    return signature


def parse_bundle(data: bytes, *, where: str) -> Envelope:
    """Parse a bundle strictly. The hint of a key in it is that of images (`key_hint`).

    Log entries and timestamps may stand beside a key; they are passed over, so they prove no time.

    Raises:
        SignatureInvalidError: It is too large, not strict JSON, or not one DSSE envelope with one signature.
    """
    if len(data) > MAX_BUNDLE:
        raise SignatureInvalidError(f"more than {MAX_BUNDLE} bytes", where=where)
    try:
        top = Fields(parse_json(data, where=where), where)
        top.choice("mediaType", (BUNDLE_TYPE,))
        parsed, envelope = _material(top.fields("verificationMaterial")), top.fields("dsseEnvelope")
        top.done()
        envelope.choice("payloadType", (PAYLOAD_TYPE,))
        payload = read_base64(envelope, "payload")
        signature = _only_signature(envelope)
        envelope.done()
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    return Envelope(payload=payload, signature=signature, material=parsed)


def _only_signature(envelope: Fields) -> bytes:
    signatures = envelope.each("signatures")
    if len(signatures) != 1:
        raise FormatError(f"expected one signature, found {len(signatures)}", where=envelope.where)
    if signatures[0].has("keyid"):
        signatures[0].text("keyid")
    signature = read_base64(signatures[0], "sig", most=MAX_ECDSA)
    signatures[0].done()
    return signature


def _material(material: Fields) -> Material:
    if not material.has("publicKey"):
        return parse_material(material)
    for passed_over in ("tlogEntries", "timestampVerificationData"):
        material.has(passed_over)
    if material.holds("certificate") or material.holds("x509CertificateChain"):
        raise FormatError("a key and a certificate", where=material.where)
    key = material.fields("publicKey")
    hint = key.text("hint") if key.has("hint") else ""
    key.done()
    material.done()
    return Material(kind="key", hint=hint)


def parse_statement(payload: bytes, *, digest: str, where: str) -> tuple[str, dict[str, Any]]:
    """Return the predicate type and the predicate of a statement about `digest`.

    Raises:
        SignatureInvalidError: The statement is about something else, or malformed.
    """
    try:
        top = Fields(parse_json(payload, where=where), where)
        kind = top.text("predicateType")
        top.choice("_type", (_STATEMENT,) if kind == SIGNATURE_TYPE else (_STATEMENT, _OLDER_STATEMENT))
        found = _subject_digests(top)
        predicate = top.mapping("predicate") if top.has("predicate") else {}
        top.done()
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    if digest.removeprefix("sha256:") not in found:
        raise SignatureInvalidError(f"signs sha256:{found[0][:64]}, not {digest}", where=where)
    return kind, predicate


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
