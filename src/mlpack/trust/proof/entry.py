"""What a log entry says, compared with what the signature file says: the same signer, signature and digest.

Source: sigstore/rekor, pkg/types (hashedrekord, dsse and intoto schemas); sigstore/rekor-tiles for Rekor v2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from mlpack.errors import FormatError, VerificationError
from mlpack.format.documents import Fields
from mlpack.trust.proof.material import LogEntry
from mlpack.trust.proof.reading import read_base64, strict_json
from mlpack.trust.proof.refusals import refused

__all__ = ["Signed", "match_entry"]

_WHERE = "log entry"
_NUMBERS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What an entry has to be about.

    Attributes:
        verifier: DER of the signer's certificate, or of the key when there is none.
        certified: Whether it is a certificate.
        payload: Of the envelope; None for a signature over plain bytes, such as a file's.
        payload_type: Of the envelope.
        digests: Hash name -> digest of what was signed: the file, or what an envelope is signed over.
    """

    signature: bytes
    verifier: bytes
    certified: bool
    payload: bytes | None = None
    payload_type: str = ""
    digests: dict[str, bytes]


def match_entry(entry: LogEntry, signed: Signed) -> None:
    """Return if the entry is about this very signature.

    Raises:
        VerificationError: `log-mismatch`, or `signature-unsupported` for an unknown kind.
    """
    try:
        top = strict_json(entry.body, _WHERE)
        if (top.text("kind"), top.text("apiVersion")) != (entry.kind, entry.version):
            raise _mismatch("it is of another kind than it is said to be")
        spec = top.fields("spec")
        top.done()
        kind = (entry.kind, entry.version)
        if signed.payload is None and kind == ("hashedrekord", "0.0.1"):
            _hashedrekord_1(spec, signed)
        elif kind == ("hashedrekord", "0.0.2"):
            _hashedrekord_2(spec.fields("hashedRekordV002"), signed)
        elif signed.payload is not None and kind == ("dsse", "0.0.1"):
            _dsse_1(spec, signed, signed.payload)
        elif signed.payload is not None and kind == ("dsse", "0.0.2"):
            _dsse_2(spec.fields("dsseV002"), signed, signed.payload)
        elif signed.payload is not None and kind == ("intoto", "0.0.2"):
            _intoto_2(spec.fields("content"), signed, signed.payload)
        else:
            raise refused("signature-unsupported", f"a log entry of kind {kind}", where=_WHERE)
    except FormatError as error:
        raise refused("log-mismatch", error.message, where=error.where) from error


def _hashedrekord_1(spec: Fields, signed: Signed) -> None:
    said = spec.fields("data").fields("hash")
    _same_digest(said.text("algorithm"), _hex(said, "value"), signed.digests)
    signature = spec.fields("signature")
    _same(read_base64(signature, "content"), signed.signature, "signature")
    _same(_pem(read_base64(signature.fields("publicKey"), "content"), signed), signed.verifier, "signer")


def _hashedrekord_2(spec: Fields, signed: Signed) -> None:
    said = spec.fields("data")
    _same_digest(_NUMBERS.get(said.text("algorithm"), ""), read_base64(said, "digest"), signed.digests)
    signature = spec.fields("signature")
    _same(read_base64(signature, "content"), signed.signature, "signature")
    _same(_verifier(signature.fields("verifier"), signed), signed.verifier, "signer")


def _dsse_1(spec: Fields, signed: Signed, payload: bytes) -> None:
    # The hash of the envelope covers JSON whose spelling is lost; the payload and the signature say it all.
    said = spec.fields("payloadHash")
    _same_digest(said.text("algorithm"), _hex(said, "value"), _payload(payload))
    only = _only(spec.each("signatures"))
    _same(read_base64(only, "signature"), signed.signature, "signature")
    _same(_pem(read_base64(only, "verifier"), signed), signed.verifier, "signer")


def _dsse_2(spec: Fields, signed: Signed, payload: bytes) -> None:
    said = spec.fields("payloadHash")
    _same_digest(_NUMBERS.get(said.text("algorithm"), ""), read_base64(said, "digest"), _payload(payload))
    only = _only(spec.each("signatures"))
    _same(read_base64(only, "content"), signed.signature, "signature")
    _same(_verifier(only.fields("verifier"), signed), signed.verifier, "signer")


def _intoto_2(content: Fields, signed: Signed, payload: bytes) -> None:
    said = content.fields("payloadHash")
    _same_digest(said.text("algorithm"), _hex(said, "value"), _payload(payload))
    inner = content.fields("envelope")
    _same(inner.text("payloadType").encode(), signed.payload_type.encode(), "payload type")
    only = _only(inner.each("signatures"))
    twice = read_base64(only, "sig")  # this kind of entry encodes the text of the signature once more
    try:
        signature = base64.b64decode(twice, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not base64", where=f"{only.where}.sig") from error
    _same(signature, signed.signature, "signature")
    _same(_pem(read_base64(only, "publicKey"), signed), signed.verifier, "signer")


def _payload(payload: bytes) -> dict[str, bytes]:
    return {"sha256": hashlib.sha256(payload).digest()}


def _only(found: list[Fields]) -> Fields:
    if len(found) != 1:
        raise _mismatch(f"expected one signature in it, found {len(found)}")
    return found[0]


def _hex(fields: Fields, key: str) -> bytes:
    try:
        return bytes.fromhex(fields.text(key))
    except ValueError as error:
        raise FormatError("not hexadecimal", where=f"{fields.where}.{key}") from error


def _pem(data: bytes, signed: Signed) -> bytes:
    """Return the DER inside one PEM block of the kind that signed."""
    lines = data.strip().split(b"\n")
    label = b"CERTIFICATE" if signed.certified else b"PUBLIC KEY"
    if lines[0].strip() != b"-----BEGIN %b-----" % label or lines[-1].strip() != b"-----END %b-----" % label:
        raise _mismatch("it is about a signer of another kind")
    try:
        return base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not PEM", where=_WHERE) from error


def _verifier(fields: Fields, signed: Signed) -> bytes:
    name = "x509Certificate" if signed.certified else "publicKey"
    return read_base64(fields.fields(name), "rawBytes")


def _same(found: bytes, expected: bytes, what: str) -> None:
    if found != expected:
        raise _mismatch(f"it is about another {what}")


def _same_digest(algorithm: str, found: bytes, digests: dict[str, bytes]) -> None:
    if algorithm not in digests:
        raise refused("signature-unsupported", f"hash {algorithm[:40]!r} in a log entry", where=_WHERE)
    _same(found, digests[algorithm], "content")


def _mismatch(message: str) -> VerificationError:
    return refused("log-mismatch", message, where=_WHERE)
