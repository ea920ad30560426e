"""The `verificationMaterial` of a Sigstore bundle: whom it names, log entries and timestamps. Only read here.

Source: sigstore/protobuf-specs, sigstore_bundle.proto, sigstore_rekor.proto.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.trust.proof.reading import MAX_SMALL, decode, read_base64

__all__ = [
    "MAX_CHAIN",
    "MAX_TIMESTAMPS",
    "InclusionProof",
    "LogEntry",
    "Named",
    "read_entries",
    "read_named",
    "read_timestamps",
]

MAX_CHAIN = 10
"""Most certificates in a chain."""

MAX_TIMESTAMPS = 32
"""Most RFC 3161 timestamps beside one signature. Source: sigstore-go and sigstore-python use the same."""

_MAX_ENTRIES = 32
_MAX_PROOF = 64  # a log with more than 2^64 entries does not exist
_MAX_BODY = 1024 * 1024  # an entry holds digests, signatures and certificates
_MAX_CERTIFICATE = 32 * 1024
_MAX_TIMESTAMP = _MAX_CHECKPOINT = 64 * 1024
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


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
class Named:
    """Whom a signature names.

    Attributes:
        form: The member that does: `publicKey`, `x509CertificateChain` or `certificate`.
        certificates: DER, the signer's own first; empty for a key.
        hint: Which key it is said to be, or empty.
        more: Whether there is more than the hint about the key; nobody believes it.
    """

    form: str
    certificates: tuple[bytes, ...] = ()
    hint: str = ""
    more: bool = False

    @property
    def chained(self) -> bool:
        """Whether the certificates came as a chain, as in OMS and in bundles before v0.3."""
        return self.form == "x509CertificateChain"


def read_entries(material: Fields) -> tuple[LogEntry, ...]:
    """Return the log entries of `verificationMaterial`.

    Raises:
        FormatError: They are malformed, or too many.
    """
    return tuple(_entry(each) for each in _several(material, "tlogEntries", _MAX_ENTRIES))


def read_timestamps(material: Fields) -> tuple[bytes, ...]:
    """Return the DER timestamps of `verificationMaterial`.

    Raises:
        FormatError: They are malformed, or too many.
    """
    if not material.has("timestampVerificationData"):
        return ()
    times = material.fields("timestampVerificationData")
    found = _several(times, "rfc3161Timestamps", MAX_TIMESTAMPS)
    timestamps = tuple(read_base64(each, "signedTimestamp", most=_MAX_TIMESTAMP) for each in found)
    for each in (times, *found):
        each.done()
    return timestamps


def _several(fields: Fields, key: str, limit: int) -> list[Fields]:
    """Return the objects of an array that may be absent, null or empty."""
    found = fields.each(key) if fields.has(key) else []
    if len(found) > limit:
        raise FormatError(f"more than {limit}", where=f"{fields.where}.{key}")
    return found


def read_named(material: Fields) -> Named:
    """Return whom `verificationMaterial` names.

    Raises:
        FormatError: It names nobody or several, or is malformed.
    """
    forms = ("publicKey", "x509CertificateChain", "certificate")
    given = [form for form in forms if material.has(form)]
    if len(given) != 1:
        raise FormatError(f"expected one of {', '.join(forms)}; found {len(given)}", where=material.where)
    found = material.fields(given[0])
    if given[0] == "publicKey":
        named = _key(found)
    elif given[0] == "certificate":
        named = Named(form=given[0], certificates=(read_base64(found, "rawBytes", most=_MAX_CERTIFICATE),))
    else:
        certificates = found.each("certificates")
        if not 1 <= len(certificates) <= MAX_CHAIN:
            raise FormatError(
                f"expected 1 to {MAX_CHAIN}, found {len(certificates)}", where=f"{found.where}.certificates"
            )
        ders = tuple(read_base64(each, "rawBytes", most=_MAX_CERTIFICATE) for each in certificates)
        for each in certificates:
            each.done()
        named = Named(form=given[0], certificates=ders)
    found.done()
    return named


def _key(key: Fields) -> Named:
    hint = key.text("hint") if key.has("hint") else ""
    if details := key.has("keyDetails"):
        key.text("keyDetails")
    if raw := key.has("rawBytes"):
        read_base64(key, "rawBytes", most=MAX_SMALL)
    return Named(form="publicKey", hint=hint, more=details or raw)


def _entry(fields: Fields) -> LogEntry:
    log, kind = fields.fields("logId"), fields.fields("kindVersion")
    promise = b""
    if fields.has("inclusionPromise"):
        promised = fields.fields("inclusionPromise")
        promise = read_base64(promised, "signedEntryTimestamp", most=MAX_SMALL)
        promised.done()
    entry = LogEntry(
        index=_integer(fields, "logIndex") if fields.has("logIndex") else 0,
        log=read_base64(log, "keyId", most=64),
        kind=kind.text("kind"),
        version=kind.text("version"),
        integrated=_integer(fields, "integratedTime") if fields.has("integratedTime") else 0,
        promise=promise,
        proof=_proof(fields.fields("inclusionProof")) if fields.has("inclusionProof") else None,
        body=read_base64(fields, "canonicalizedBody", most=_MAX_BODY),
    )
    for each in (log, kind, fields):
        each.done()
    return entry


def _proof(fields: Fields) -> InclusionProof:
    checkpoint = ""
    if fields.has("checkpoint"):
        inner = fields.fields("checkpoint")
        checkpoint = inner.text("envelope") if inner.has("envelope") else ""
        if len(checkpoint) > _MAX_CHECKPOINT:
            raise FormatError(f"more than {_MAX_CHECKPOINT} characters", where=f"{inner.where}.envelope")
        inner.done()
    hashes = fields.texts("hashes") if fields.has("hashes") else ()
    if len(hashes) > _MAX_PROOF:
        raise FormatError(f"more than {_MAX_PROOF}", where=f"{fields.where}.hashes")
    proof = InclusionProof(
        index=_integer(fields, "logIndex") if fields.has("logIndex") else 0,
        root=_hash(fields.text("rootHash"), f"{fields.where}.rootHash"),
        size=_integer(fields, "treeSize"),
        hashes=tuple(_hash(text, f"{fields.where}.hashes") for text in hashes),
        checkpoint=checkpoint,
    )
    fields.done()
    return proof


def _hash(text: str, where: str) -> bytes:
    data = decode(text, where, most=32)
    if len(data) != 32:
        raise FormatError(f"expected 32 bytes, found {len(data)}", where=where)
    return data


def _integer(fields: Fields, key: str) -> int:
    """Return a 64-bit count, which protobuf writes as a string and tolerates as a number."""
    value = fields.any(key)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise FormatError("expected an integer from 0 up", where=f"{fields.where}.{key}")
    return value
