"""Sigstore bundles v0.1, v0.2 and v0.3 in their JSON form, read strictly. Nothing in one is believed here.

Source: sigstore/protobuf-specs, sigstore_bundle.proto; DSSE protocol v1.0.0.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from mlpack.errors import FormatError
from mlpack.format.documents import Fields, parse_json
from mlpack.trust.foreign.refusals import refused

__all__ = [
    "MAX_SIGNATURE",
    "Envelope",
    "InclusionProof",
    "LogEntry",
    "Message",
    "SignatureFile",
    "decoded",
    "parse_signature",
    "strict_json",
]

MAX_SIGNATURE = 64 * 1024 * 1024
"""Largest signature file that is read, in bytes."""

_MAX_CONTAINERS = 2_000_000
"""Most objects and arrays in one document: bounds the memory that parsing it takes to about 1 GiB."""

_MEDIA_TYPES = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": 1,
    "application/vnd.dev.sigstore.bundle+json;version=0.2": 2,
    "application/vnd.dev.sigstore.bundle+json;version=0.3": 3,
    "application/vnd.dev.sigstore.bundle.v0.3+json": 3,
}
_MAX_ENTRIES = _MAX_TIMESTAMPS = 32
_MAX_CHAIN = 16
_MAX_PROOF = 64
_WHERE = "signature"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A DSSE envelope with its one signature."""

    payload: bytes
    payload_type: str
    signature: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A signature over the bytes of one file, and what it says the file's digest is (a hint)."""

    signature: bytes
    algorithm: str
    digest: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class InclusionProof:
    """A Merkle proof; `checkpoint` is empty when there is none."""

    index: int
    root: bytes
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """One entry of a transparency log; `integrated` is in seconds, zero when absent."""

    index: int
    log: bytes
    kind: str
    version: str
    integrated: int
    promise: bytes
    proof: InclusionProof | None
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureFile:
    """A parsed signature file.

    Attributes:
        version: 1, 2 or 3 for bundle v0.1 to v0.3.
        certificates: DER, the signer's own first; empty when it names a key.
        chained: Whether they came as a chain, as in OMS and in bundles before v0.3.
        content: What is signed, and the signature.
    """

    version: int
    certificates: tuple[bytes, ...]
    chained: bool
    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]
    content: Envelope | Message

    @property
    def signature(self) -> bytes:
        """The signature itself, which timestamps are about."""
        return self.content.signature


def strict_json(data: bytes, where: str) -> Fields:
    """Parse one strict JSON object of bounded size.

    Raises:
        FormatError: It is not one, or too large.
    """
    if len(data) > MAX_SIGNATURE or data.count(b"{") + data.count(b"[") > _MAX_CONTAINERS:
        raise FormatError("too large", where=where)
    return Fields(parse_json(data, where=where), where)


def decoded(fields: Fields, key: str, *, empty: bool = False) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling.

    Raises:
        FormatError: It is anything else.
    """
    text = fields.text(key)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not base64", where=f"{fields.where}.{key}") from error
    # Stray low bits and stray padding would make two spellings of the same bytes.
    if (not data and not empty) or base64.b64encode(data).decode("ascii") != text:
        raise FormatError("empty, or not canonical base64", where=f"{fields.where}.{key}")
    return data


def parse_signature(data: bytes) -> SignatureFile:
    """Parse a signature file.

    Raises:
        VerificationError: `signature-malformed`, `signature-unsupported` or `signature-count`.
    """
    try:
        return _parse(strict_json(data, _WHERE))
    except FormatError as error:
        raise refused("signature-malformed", error.message, where=error.where) from error


def _parse(top: Fields) -> SignatureFile:
    media_type = top.text("mediaType")
    if media_type not in _MEDIA_TYPES:
        raise refused("signature-unsupported", f"unknown media type {media_type[:80]!r}", where=_WHERE)
    material = top.fields("verificationMaterial")
    content: Envelope | Message
    if top.has("dsseEnvelope") == top.has("messageSignature"):
        raise FormatError("expected either dsseEnvelope or messageSignature", where=_WHERE)
    if top.has("dsseEnvelope"):
        content = _envelope(top.fields("dsseEnvelope"))
    else:
        content = _message(top.fields("messageSignature"))
    top.done()
    certificates, chained = _signer(material)
    entries = tuple(_entry(each) for each in _several(material, "tlogEntries", _MAX_ENTRIES))
    timestamps: tuple[bytes, ...] = ()
    if material.has("timestampVerificationData"):
        times = material.fields("timestampVerificationData")
        found = _several(times, "rfc3161Timestamps", _MAX_TIMESTAMPS)
        timestamps = tuple(decoded(each, "signedTimestamp") for each in found)
        for each in (times, *found):
            each.done()
    material.done()
    return SignatureFile(
        version=_MEDIA_TYPES[media_type],
        certificates=certificates,
        chained=chained,
        entries=entries,
        timestamps=timestamps,
        content=content,
    )


def _several(fields: Fields, key: str, limit: int) -> list[Fields]:
    """Return the objects of an array that may be absent, null or empty."""
    found = fields.each(key) if fields.has(key) else []
    if len(found) > limit:
        raise FormatError(f"more than {limit}", where=f"{fields.where}.{key}")
    return found


def _signer(material: Fields) -> tuple[tuple[bytes, ...], bool]:
    """Return the certificates; none for a key, whose hint or bytes are never believed."""
    forms = ("publicKey", "x509CertificateChain", "certificate")
    if sum(material.has(form) for form in forms) != 1:
        raise FormatError(f"expected one of {', '.join(forms)}", where=material.where)
    if material.has("publicKey"):
        key = material.fields("publicKey")
        for name in ("hint", "keyDetails"):
            if key.has(name):
                key.text(name)
        if key.has("rawBytes"):
            decoded(key, "rawBytes")
        key.done()
        return (), False
    if material.has("certificate"):
        certificate = material.fields("certificate")
        der = decoded(certificate, "rawBytes")
        certificate.done()
        return (der,), False
    chain = material.fields("x509CertificateChain")
    certificates = chain.each("certificates")
    chain.done()
    if not 1 <= len(certificates) <= _MAX_CHAIN:
        raise FormatError(f"expected 1 to {_MAX_CHAIN}", where=f"{chain.where}.certificates")
    ders = tuple(decoded(each, "rawBytes") for each in certificates)
    for each in certificates:
        each.done()
    return ders, True


def _envelope(fields: Fields) -> Envelope:
    payload_type = fields.text("payloadType")
    payload = decoded(fields, "payload")
    signatures = fields.each("signatures")
    fields.done()
    if len(signatures) != 1:
        raise refused(
            "signature-count", f"expected one signature, found {len(signatures)}", where=fields.where
        )
    only = signatures[0]
    signature = decoded(only, "sig")
    if only.has("keyid"):
        only.text("keyid")  # a hint, and the key that was given decides
    only.done()
    return Envelope(payload=payload, payload_type=payload_type, signature=signature)


def _message(fields: Fields) -> Message:
    signature = decoded(fields, "signature")
    algorithm, digest = "", b""
    if fields.has("messageDigest"):
        said = fields.fields("messageDigest")
        algorithm, digest = said.text("algorithm"), decoded(said, "digest")
        said.done()
    fields.done()
    return Message(signature=signature, algorithm=algorithm, digest=digest)


def _entry(fields: Fields) -> LogEntry:
    log, kind = fields.fields("logId"), fields.fields("kindVersion")
    promise = b""
    if fields.has("inclusionPromise"):
        promised = fields.fields("inclusionPromise")
        promise = decoded(promised, "signedEntryTimestamp")
        promised.done()
    entry = LogEntry(
        index=_integer(fields, "logIndex") if fields.has("logIndex") else 0,
        log=decoded(log, "keyId"),
        kind=kind.text("kind"),
        version=kind.text("version"),
        integrated=_integer(fields, "integratedTime") if fields.has("integratedTime") else 0,
        promise=promise,
        proof=_proof(fields.fields("inclusionProof")) if fields.has("inclusionProof") else None,
        body=decoded(fields, "canonicalizedBody"),
    )
    for each in (log, kind, fields):
        each.done()
    return entry


def _proof(fields: Fields) -> InclusionProof:
    checkpoint = ""
    if fields.has("checkpoint"):
        inner = fields.fields("checkpoint")
        checkpoint = inner.text("envelope") if inner.has("envelope") else ""
        inner.done()
    hashes = fields.texts("hashes") if fields.has("hashes") else ()
    if len(hashes) > _MAX_PROOF:
        raise FormatError(f"more than {_MAX_PROOF}", where=f"{fields.where}.hashes")
    proof = InclusionProof(
        index=_integer(fields, "logIndex") if fields.has("logIndex") else 0,
        root=_hash(decoded(fields, "rootHash"), fields),
        size=_integer(fields, "treeSize"),
        hashes=tuple(_hash(decoded(Fields({"hash": text}, fields.where), "hash"), fields) for text in hashes),
        checkpoint=checkpoint,
    )
    fields.done()
    return proof


def _hash(data: bytes, fields: Fields) -> bytes:
    if len(data) != 32:
        raise FormatError(f"expected 32 bytes, found {len(data)}", where=fields.where)
    return data


def _integer(fields: Fields, key: str) -> int:
    """Return a 64-bit integer, which protobuf writes as a string and tolerates as a number."""
    value = fields.any(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise FormatError("expected an integer from 0 up", where=f"{fields.where}.{key}")
    return value
