"""Image signatures in the form `legacy`: "simple signing", a JSON text that names the digest; annotations.

Cosign 1 and 2, skopeo and controllers with their defaults look for it under the tag `sha256-<hex>.sig`. What
proves a certificate stands in annotations: the chain, a promise of Rekor v1 (no other log has a place there),
an RFC 3161 timestamp. For verification it means what a Sigstore bundle v0.1 says.

Source: cosign's specs/SIGNATURE_SPEC.md; sigstore/protobuf-specs, sigstore_bundle.proto (bundle v0.1).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Final

from mlpack.errors import FormatError, SignatureInvalidError, SigningError
from mlpack.format.documents import Fields, parse_json
from mlpack.trust.envelope import Envelope
from mlpack.trust.image_statements import MAX_ECDSA
from mlpack.trust.keys import MessageSealer, Sealer, Signer
from mlpack.trust.material import Material
from mlpack.trust.proof.material import LogEntry
from mlpack.trust.proof.reading import read_base64

__all__ = [
    "LEGACY_ANNOTATIONS",
    "LEGACY_SIGNATURE",
    "MAX_LEGACY",
    "SIMPLE_SIGNING",
    "check_simple_signing",
    "parse_legacy",
    "sign_simple",
]

SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
LEGACY_SIGNATURE: Final = "dev.cosignproject.cosign/signature"
"""Annotation of a legacy layer that holds its signature in base64."""

_CERTIFICATE: Final = "dev.sigstore.cosign/certificate"
_CHAIN: Final = "dev.sigstore.cosign/chain"
_PROMISE: Final = "dev.sigstore.cosign/bundle"
_TIMESTAMP: Final = "dev.sigstore.cosign/rfc3161timestamp"

LEGACY_ANNOTATIONS: Final = (LEGACY_SIGNATURE, _CERTIFICATE, _CHAIN, _PROMISE, _TIMESTAMP)
"""Annotations of a layer that belong to its signature."""

MAX_LEGACY: Final = 256 * 1024
"""Largest simple-signing text, and largest annotation, in bytes."""

_KIND: Final = "cosign container image signature"
_MAX_CHAIN: Final = 10
_MAX_TIMESTAMP: Final = 64 * 1024


def sign_simple(digest: str, reference: str, signer: Signer | Sealer) -> tuple[bytes, dict[str, str]]:
    """Return a simple-signing text and the annotations that sign it.

    Args:
        digest: `sha256:<hex>` of the manifest.
        reference: What the image is called, without tag.
        signer: Who signs.

    Raises:
        SignatureInvalidError: What the signer returned does not verify under its own public key.
        SigningError: The signer refuses, or what proves its signature has no place in this form.
    """
    document = {
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": _KIND,
        },
        "optional": None,
    }
    payload = json.dumps(document, separators=(",", ":")).encode("ascii")
    if isinstance(signer, MessageSealer):
        return payload, _annotations(signer.seal_message(payload))
    if isinstance(signer, Sealer):
        raise SigningError(
            "this signer cannot sign in the form legacy", where="signer", hint="choose the form bundle"
        )
    signature = signer.sign(payload)
    signer.public_key.verify(signature, payload)
    return payload, {LEGACY_SIGNATURE: base64.b64encode(signature).decode("ascii")}


def _annotations(sealed: bytes) -> dict[str, str]:
    """Return the annotations that say what a Sigstore bundle over the text says."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from mlpack.trust.proof.signature import parse_signature

    file = parse_signature(sealed)
    pem = [
        x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")
        for der in file.named.certificates
    ]
    said = {LEGACY_SIGNATURE: _text(file.signature), _CERTIFICATE: pem[0]}
    if len(pem) > 1:
        said[_CHAIN] = "".join(pem[1:])
    for entry in file.entries:
        if not entry.promise:
            raise SigningError(
                "the log gives no promise (Rekor v2), and the form legacy has no place for its proof",
                code="no-legacy-form",
                where="signature format",
                hint="choose the form bundle",
            )
        payload = {
            "body": _text(entry.body),
            "integratedTime": entry.integrated,
            "logIndex": entry.index,
            "logID": entry.log.hex(),
        }
        promise = {"SignedEntryTimestamp": _text(entry.promise), "Payload": payload}
        said[_PROMISE] = json.dumps(promise, separators=(",", ":"))
    for stamp in file.timestamps[:1]:
        said[_TIMESTAMP] = json.dumps({"SignedRFC3161Timestamp": _text(stamp)}, separators=(",", ":"))
    return said


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def parse_legacy(payload: bytes, annotations: Mapping[str, str], *, where: str) -> Envelope:
    """Return the signature that annotations make of a simple-signing text. Nothing in it is believed.

    Raises:
        SignatureInvalidError: Something is too large, malformed, or contradicts something else.
    """
    if len(payload) > MAX_LEGACY or any(
        len(annotations.get(key, "")) > MAX_LEGACY for key in LEGACY_ANNOTATIONS
    ):
        raise SignatureInvalidError(f"more than {MAX_LEGACY} bytes", where=where)
    try:
        signature = _signature(annotations, where)
        material = _material(annotations, where)
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    return Envelope(payload=payload, signature=signature, material=material, detached=True)


def _signature(annotations: Mapping[str, str], where: str) -> bytes:
    if LEGACY_SIGNATURE not in annotations:
        raise FormatError("no signature", where=where)
    return read_base64(
        Fields({"signature": annotations[LEGACY_SIGNATURE]}, where), "signature", most=MAX_ECDSA
    )


def _material(annotations: Mapping[str, str], where: str) -> Material:
    """Return what a signature brings along: what a Sigstore bundle v0.1 would say."""
    if _CERTIFICATE not in annotations:
        return Material(kind="key")
    leaf = _certificates(annotations[_CERTIFICATE], f"{where} certificate")
    if len(leaf) != 1:
        raise FormatError(f"expected one certificate, found {len(leaf)}", where=f"{where} certificate")
    others = _certificates(annotations[_CHAIN], f"{where} chain") if annotations.get(_CHAIN) else ()
    stamps = _stamps(annotations[_TIMESTAMP], f"{where} timestamp") if annotations.get(_TIMESTAMP) else ()
    if not annotations.get(_PROMISE):
        return Material(kind="chain", certificates=(*leaf, *others), timestamps=stamps)
    # The chain beside a promise is the way to Sigstore's root; the verifier brings that.
    entry = _entry(annotations[_PROMISE], f"{where} log entry")
    return Material(kind="keyless", certificates=leaf, timestamps=stamps, entries=(entry,), version=1)


def _certificates(text: str, where: str) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from mlpack.trust.proof.loading import X509_ERRORS

    try:
        found = x509.load_pem_x509_certificates(text.encode("ascii", "replace"))
    except X509_ERRORS as error:
        raise FormatError("not certificates in PEM form", where=where) from error
    if len(found) > _MAX_CHAIN:
        raise FormatError(f"more than {_MAX_CHAIN} certificates", where=where)
    return tuple(item.public_bytes(Encoding.DER) for item in found)


def _stamps(text: str, where: str) -> tuple[bytes, ...]:
    top = Fields(parse_json(text.encode("utf-8", "replace"), where=where), where)
    stamp = read_base64(top, "SignedRFC3161Timestamp", most=_MAX_TIMESTAMP)
    top.done()
    return (stamp,)


def _entry(text: str, where: str) -> LogEntry:
    top = Fields(parse_json(text.encode("utf-8", "replace"), where=where), where)
    promise, payload = read_base64(top, "SignedEntryTimestamp", most=1024), top.fields("Payload")
    top.done()
    body = read_base64(payload, "body")
    time, index = payload.integer("integratedTime", minimum=1), payload.integer("logIndex")
    log = payload.text("logID")
    payload.done()
    try:
        identifier = bytes.fromhex(log)
    except ValueError as error:
        raise FormatError("not hexadecimal", where=f"{payload.where}.logID") from error
    kind = Fields(parse_json(body, where=f"{payload.where}.body"), f"{payload.where}.body")
    return LogEntry(
        index=index,
        log=identifier,
        kind=kind.text("kind"),
        version=kind.text("apiVersion"),
        integrated=time,
        promise=promise,
        proof=None,
        body=body,
    )


def check_simple_signing(payload: bytes, *, digest: str, where: str) -> str:
    """Check what a simple-signing text says, and return the image's name in it.

    The name is a claim of the signer: mirrors serve the same image under other names, so it is not compared.

    Raises:
        SignatureInvalidError: It is about something else, of another kind, or malformed.
    """
    try:
        top = Fields(parse_json(payload, where=where), where)
        critical = top.fields("critical")
        if top.has("optional"):
            top.mapping("optional")
        top.done()
        critical.choice("type", (_KIND,))
        identity, image = critical.fields("identity"), critical.fields("image")
        critical.done()
        name = identity.text("docker-reference")
        identity.done()
        found = image.text("docker-manifest-digest")
        image.done()
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error
    if found != digest:
        raise SignatureInvalidError(f"signs {found[:71]}, not {digest}", where=where)
    return name
