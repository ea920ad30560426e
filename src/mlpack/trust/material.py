"""What a signature brings along so that it can be verified: a key's name, certificates, log entries, times.

It is read as strictly as the rest, whatever later reads it again: no other field, one spelling per value, and
limits on everything that repeats. Nothing in it is believed: it selects and proves, and never adds trust.

Source: Sigstore bundle v0.3, `VerificationMaterial`, in its JSON form.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final, Literal

from mlpack.errors import FormatError
from mlpack.format.documents import Fields

__all__ = ["Kind", "Material", "parse_material", "read_base64"]

Kind = Literal["key", "chain", "keyless"]
"""How a signature is vouched for: a bare key, a certificate chain, or Sigstore's certificate and log."""

MAX_CHAIN: Final = 10
"""Most certificates in a chain."""
MAX_TIMESTAMPS: Final = 32
"""Most RFC 3161 timestamps beside one signature. Source: sigstore-go and sigstore-python use the same."""
_MAX_PATH: Final = 64
"""Most hashes in an inclusion proof: a log with more than 2^64 entries does not exist."""
_MAX_CERTIFICATE: Final = 32 * 1024
_MAX_TIMESTAMP: Final = 64 * 1024
_MAX_CHECKPOINT: Final = 64 * 1024
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """Parsed verification material. Nothing in it is believed.

    Attributes:
        kind: How the signature is vouched for.
        hint: Which key is said to have signed, as hex SHA-256 of its PEM; empty when it does not say.
        certificates: DER certificates, leaf first; exactly one for `keyless`.
        timestamps: DER RFC 3161 responses over the signature.
        log_time: Seconds since 1970 at which a log promised to have seen the signature; None without promise.
    """

    kind: Kind
    hint: str = ""
    certificates: tuple[bytes, ...] = ()
    timestamps: tuple[bytes, ...] = ()
    log_time: int | None = None


def parse_material(fields: Fields) -> Material:
    """Parse `verificationMaterial` strictly.

    Raises:
        FormatError: It has an unknown field, too much of something, or is of none of the three kinds.
    """
    entries = fields.each("tlogEntries") if fields.has("tlogEntries") else []
    times = _timestamps(fields)
    given = [key for key in ("publicKey", "x509CertificateChain", "certificate") if fields.has(key)]
    if len(given) != 1:
        raise FormatError(
            f"expected one of publicKey, x509CertificateChain, certificate; found {len(given)}",
            where=fields.where,
        )
    if given[0] == "certificate":
        material = _keyless(fields, entries, times)
    elif entries:
        raise FormatError("expected none for this kind of signature", where=f"{fields.where}.tlogEntries")
    elif given[0] == "publicKey":
        if times:
            raise FormatError(
                "expected none for a key signature", where=f"{fields.where}.timestampVerificationData"
            )
        material = Material(kind="key", hint=_hint(fields.fields("publicKey")))
    else:
        chain = _chain(fields.fields("x509CertificateChain"))
        material = Material(kind="chain", certificates=chain, timestamps=times)
    fields.done()
    return material


def _hint(key: Fields) -> str:
    hint = key.text("hint") if key.has("hint") else ""
    key.done()
    return hint


def _chain(fields: Fields) -> tuple[bytes, ...]:
    items = fields.each("certificates")
    fields.done()
    if not 1 <= len(items) <= MAX_CHAIN:
        raise FormatError(
            f"expected 1 to {MAX_CHAIN}, found {len(items)}", where=f"{fields.where}.certificates"
        )
    return tuple(_certificate(item) for item in items)


def _certificate(item: Fields) -> bytes:
    data = read_base64(item, "rawBytes", most=_MAX_CERTIFICATE)
    item.done()
    return data


def _timestamps(fields: Fields) -> tuple[bytes, ...]:
    if not fields.has("timestampVerificationData"):
        return ()
    data = fields.fields("timestampVerificationData")
    items = data.each("rfc3161Timestamps") if data.has("rfc3161Timestamps") else []
    data.done()
    if len(items) > MAX_TIMESTAMPS:
        raise FormatError(f"more than {MAX_TIMESTAMPS}", where=f"{data.where}.rfc3161Timestamps")
    found = []
    for item in items:
        found.append(read_base64(item, "signedTimestamp", most=_MAX_TIMESTAMP))
        item.done()
    if len(set(found)) != len(found):
        raise FormatError("the same timestamp twice", where=f"{data.where}.rfc3161Timestamps")
    return tuple(found)


def _keyless(fields: Fields, entries: list[Fields], times: tuple[bytes, ...]) -> Material:
    certificate = _certificate(fields.fields("certificate"))
    if len(entries) != 1:
        raise FormatError(
            f"expected one log entry, found {len(entries)}", where=f"{fields.where}.tlogEntries"
        )
    return Material(
        kind="keyless",
        certificates=(certificate,),
        timestamps=times,
        log_time=_log_time(entries[0]),
    )


def _log_time(entry: Fields) -> int | None:
    """Check the form of a log entry, and return its time if the log gave a promise with it."""
    _number(entry, "logIndex")
    _sized(entry.fields("logId"), "keyId")
    kind = entry.fields("kindVersion")
    kind.text("kind")
    kind.text("version")
    kind.done()
    _proof(entry.fields("inclusionProof"))
    read_base64(entry, "canonicalizedBody", most=None)
    time = _number(entry, "integratedTime") if entry.has("integratedTime") else 0
    promised = entry.has("inclusionPromise")
    if promised:
        _sized(entry.fields("inclusionPromise"), "signedEntryTimestamp")
    entry.done()
    return time if promised and time else None


def _proof(proof: Fields) -> None:
    _number(proof, "logIndex")
    _number(proof, "treeSize")
    read_base64(proof, "rootHash", most=64)
    hashes = proof.texts("hashes") if proof.has("hashes") else ()
    if len(hashes) > _MAX_PATH:
        raise FormatError(f"more than {_MAX_PATH}", where=f"{proof.where}.hashes")
    for text in hashes:
        _decoded(text, f"{proof.where}.hashes", most=64)
    checkpoint = proof.fields("checkpoint")
    if len(checkpoint.text("envelope")) > _MAX_CHECKPOINT:
        raise FormatError(f"more than {_MAX_CHECKPOINT} characters", where=f"{checkpoint.where}.envelope")
    checkpoint.done()
    proof.done()


def _sized(fields: Fields, key: str) -> None:
    read_base64(fields, key, most=1024)
    fields.done()


def _number(fields: Fields, key: str) -> int:
    """Return a count: text in protobuf's JSON, a number by some writers, and left out by Go when it is 0."""
    value = fields.any(key) if fields.has(key) else 0
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise FormatError("expected a count", where=f"{fields.where}.{key}")
    return int(value)


def read_base64(fields: Fields, key: str, *, most: int | None) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling.

    Raises:
        FormatError: It is empty, longer than `most` bytes, or not that spelling.
    """
    return _decoded(fields.text(key), f"{fields.where}.{key}", most=most)


def _decoded(text: str, where: str, *, most: int | None) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not base64", where=where) from error
    # b64decode ignores stray low bits in the last character; then two spellings would mean the same bytes.
    if not data or base64.b64encode(data).decode("ascii") != text:
        raise FormatError("empty, or not canonical base64", where=where)
    if most is not None and len(data) > most:
        raise FormatError(f"more than {most} bytes", where=where)
    return data
