"""The outside of a signature: a DSSE envelope inside a Sigstore bundle v0.3 (called the signature here).

Source: DSSE protocol v1.0.0 (secure-systems-lab/dsse); Sigstore bundle v0.3 protobuf in its JSON form.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import FormatError, SignatureInvalidError
from mlpack.format.documents import Fields, parse_json

if TYPE_CHECKING:
    from mlpack.trust.keys import PublicKey, Signer

__all__ = ["MAX_SIGNATURE", "PAYLOAD_TYPE", "Envelope", "pae", "parse_envelope", "seal"]

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

MAX_SIGNATURE = 96 * 1024 * 1024
"""Largest signature file that is read, in bytes: about 100,000 files with long names."""

_MAX_ECDSA = 256
_WHERE = "model.sig"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A parsed signature file. Nothing in it is believed until `verify` has returned.

    Attributes:
        payload: The signed bytes.
        signature: DER signature over their PAE.
        hint: Which key is said to have signed, as hex SHA-256 of its PEM; empty when it does not say.
    """

    payload: bytes
    signature: bytes
    hint: str

    def verify(self, key: PublicKey) -> None:
        """Return if `key` signed the payload.

        Raises:
            SignatureInvalidError: It did not.
        """
        key.verify(self.signature, pae(self.payload))


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes that a DSSE signature signs: the pre-authentication encoding.

    Source: DSSE protocol v1.0.0, "Signature Definition".
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: Signer) -> bytes:
    """Sign `payload` and return the signature file: compact JSON without a final line feed.

    Raises:
        SignatureInvalidError: What the signer returned does not verify under its own public key.
    """
    key = signer.public_key
    signature = signer.sign(pae(payload))
    key.verify(signature, pae(payload))
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            # No keyid: cosign computes another one, and passes over a signature that does not have it.
            "signatures": [{"sig": base64.b64encode(signature).decode("ascii")}],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def parse_envelope(data: bytes) -> Envelope:
    """Parse a signature file strictly.

    Raises:
        SignatureInvalidError: It is too large, not strict JSON, has an unknown field, or is of another form.
    """
    if len(data) > MAX_SIGNATURE:
        raise SignatureInvalidError(f"more than {MAX_SIGNATURE} bytes", where=_WHERE)
    try:
        return _parse(Fields(parse_json(data, where=_WHERE), _WHERE))
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error


def _parse(top: Fields) -> Envelope:
    top.choice("mediaType", (MEDIA_TYPE,))
    material, envelope = top.fields("verificationMaterial"), top.fields("dsseEnvelope")
    top.done()
    hint = _key_hint(material)
    envelope.choice("payloadType", (PAYLOAD_TYPE,))
    payload = _base64(envelope, "payload")
    signatures = envelope.each("signatures")
    envelope.done()
    if len(signatures) != 1:
        raise FormatError(
            f"expected one signature, found {len(signatures)}", where=f"{envelope.where}.signatures"
        )
    signature = _base64(signatures[0], "sig")
    keyid = signatures[0].text("keyid") if signatures[0].has("keyid") else ""
    signatures[0].done()
    if len(signature) > _MAX_ECDSA:
        raise FormatError("longer than an ECDSA signature can be", where=f"{signatures[0].where}.sig")
    if keyid and hint and keyid != hint:
        raise FormatError("names another key than verificationMaterial", where=f"{signatures[0].where}.keyid")
    return Envelope(payload=payload, signature=signature, hint=hint or keyid)


def _key_hint(material: Fields) -> str:
    """Return the hint; refuse certificates, log entries and everything else that is not about a plain key."""
    if material.has("tlogEntries") and material.items("tlogEntries"):
        raise FormatError("expected none for a key signature", where=f"{material.where}.tlogEntries")
    key = material.fields("publicKey")
    hint = key.text("hint") if key.has("hint") else ""
    key.done()
    material.done()
    return hint


def _base64(fields: Fields, key: str) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling."""
    text = fields.text(key)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not base64", where=f"{fields.where}.{key}") from error
    # b64decode ignores stray low bits in the last character; then two spellings would mean the same bytes.
    if not data or base64.b64encode(data).decode("ascii") != text:
        raise FormatError("empty, or not canonical base64", where=f"{fields.where}.{key}")
    return data
