"""The outside of a signature: a DSSE envelope inside a Sigstore bundle v0.3 (called the signature here).

Source: DSSE protocol v1.0.0 (secure-systems-lab/dsse); Sigstore bundle v0.3 protobuf in its JSON form.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlpack.errors import FormatError, SignatureInvalidError
from mlpack.format.documents import Fields
from mlpack.trust.material import Material, parse_material
from mlpack.trust.proof.reading import MAX_SIGNATURE, read_base64, strict_json

if TYPE_CHECKING:
    from mlpack.trust.keys import PublicKey, Sealer, Signer

__all__ = [
    "MAX_SIGNATURE",
    "PAYLOAD_TYPE",
    "Envelope",
    "pae",
    "parse_envelope",
    "seal",
    "write_envelope",
    "write_message",
]

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_MAX_ECDSA = 256
_WHERE = "model.sig"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A parsed signature file. Nothing in it is believed until `verify` has returned.

    Attributes:
        payload: The signed bytes.
        signature: DER signature over their PAE.
        material: What it brings along: a key's name, or certificates with times and log entries.
        detached: Whether the payload is signed as it is, and not its PAE: the legacy form of images.
    """

    payload: bytes
    signature: bytes
    material: Material
    detached: bool = False

    @property
    def hint(self) -> str:
        """Which key is said to have signed, as hex SHA-256 of its PEM; empty when it does not say."""
        return self.material.hint

    @property
    def signed(self) -> bytes:
        """The very bytes that the signature is over."""
        return self.payload if self.detached else pae(self.payload)

    def verify(self, key: PublicKey) -> None:
        """Return if `key` signed the payload.

        Raises:
            SignatureInvalidError: It did not.
        """
        key.verify(self.signature, self.signed)


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes that a DSSE signature signs: the pre-authentication encoding.

    Source: DSSE protocol v1.0.0, "Signature Definition".
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload: bytes, signer: Signer | Sealer) -> bytes:
    """Sign `payload` and return the signature file: compact JSON without a final line feed.

    Raises:
        SignatureInvalidError: What the signer returned does not verify under its own public key.
        SigningError: The signer refuses.
    """
    from mlpack.trust.keys import Sealer

    if isinstance(signer, Sealer):
        return signer.seal(payload)
    key = signer.public_key
    signature = signer.sign(pae(payload))
    key.verify(signature, pae(payload))
    material = {"publicKey": {"hint": key.hint}, "tlogEntries": []}
    # No keyid: cosign computes another one, and passes over a signature that does not have it.
    return write_envelope(payload, signature, material)


def write_envelope(payload: bytes, signature: bytes, material: dict[str, Any]) -> bytes:
    """Return the signature file over `payload` as compact JSON.

    Args:
        payload: The in-toto statement.
        signature: DER signature over its PAE.
        material: `verificationMaterial` as a JSON object.
    """
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode("ascii")}],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def write_message(data: bytes, signature: bytes, material: dict[str, Any]) -> bytes:
    """Return the Sigstore bundle over `data` itself as compact JSON.

    Args:
        data: What is signed; only its digest is in the bundle.
        signature: DER signature over it.
        material: `verificationMaterial` as a JSON object.
    """
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
    document = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": digest},
            "signature": base64.b64encode(signature).decode("ascii"),
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
        return _parse(strict_json(data, _WHERE))
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error


def _parse(top: Fields) -> Envelope:
    top.choice("mediaType", (MEDIA_TYPE,))
    material, envelope = top.fields("verificationMaterial"), top.fields("dsseEnvelope")
    top.done()
    parsed = parse_material(material)
    hint = parsed.hint
    envelope.choice("payloadType", (PAYLOAD_TYPE,))
    payload = read_base64(envelope, "payload")
    signatures = envelope.each("signatures")
    envelope.done()
    if len(signatures) != 1:
        raise FormatError(
            f"expected one signature, found {len(signatures)}", where=f"{envelope.where}.signatures"
        )
    signature = read_base64(signatures[0], "sig", most=_MAX_ECDSA)
    keyid = signatures[0].text("keyid") if signatures[0].has("keyid") else ""
    signatures[0].done()
    if keyid and hint and keyid != hint:
        raise FormatError("names another key than verificationMaterial", where=f"{signatures[0].where}.keyid")
    if parsed.kind == "key" and keyid and not hint:
        parsed = replace(parsed, hint=keyid)
    return Envelope(payload=payload, signature=signature, material=parsed)
