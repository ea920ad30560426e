"""Sigstore bundles v0.1, v0.2 and v0.3 in their JSON form, read strictly. Nothing in one is believed here.

Source: sigstore/protobuf-specs, sigstore_bundle.proto; DSSE protocol v1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.trust.proof.material import LogEntry, Named, read_entries, read_named, read_timestamps
from mlpack.trust.proof.reading import MAX_SMALL, read_base64, strict_json
from mlpack.trust.proof.refusals import refused

__all__ = ["Envelope", "Message", "SignatureFile", "parse_signature"]

_MEDIA_TYPES = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": 1,
    "application/vnd.dev.sigstore.bundle+json;version=0.2": 2,
    "application/vnd.dev.sigstore.bundle+json;version=0.3": 3,
    "application/vnd.dev.sigstore.bundle.v0.3+json": 3,
}
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
class SignatureFile:
    """A parsed signature file.

    Attributes:
        version: 1, 2 or 3 for bundle v0.1 to v0.3.
        content: What is signed, and the signature.
    """

    version: int
    named: Named
    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]
    content: Envelope | Message

    @property
    def signature(self) -> bytes:
        """The signature itself, which timestamps are about."""
        return self.content.signature


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
    named, entries, timestamps = read_named(material), read_entries(material), read_timestamps(material)
    material.done()
    return SignatureFile(
        version=_MEDIA_TYPES[media_type],
        named=named,
        entries=entries,
        timestamps=timestamps,
        content=content,
    )


def _envelope(fields: Fields) -> Envelope:
    payload_type = fields.text("payloadType")
    payload = read_base64(fields, "payload")
    signatures = fields.each("signatures")
    fields.done()
    if len(signatures) != 1:
        raise refused(
            "signature-count", f"expected one signature, found {len(signatures)}", where=fields.where
        )
    only = signatures[0]
    signature = read_base64(only, "sig", most=MAX_SMALL)
    if only.has("keyid"):
        only.text("keyid")  # a hint, and the key that was given decides
    only.done()
    return Envelope(payload=payload, payload_type=payload_type, signature=signature)


def _message(fields: Fields) -> Message:
    signature = read_base64(fields, "signature", most=MAX_SMALL)
    algorithm, digest = "", b""
    if fields.has("messageDigest"):
        said = fields.fields("messageDigest")
        algorithm, digest = said.text("algorithm"), read_base64(said, "digest", most=64)
        said.done()
    fields.done()
    return Message(signature=signature, algorithm=algorithm, digest=digest)
