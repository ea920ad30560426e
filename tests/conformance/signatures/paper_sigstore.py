"""A Sigstore on paper: authority, certificate log, two transparency logs and a clock, all from fixed keys.

Every signature is deterministic, so that the vectors made with it are the same bytes on every machine.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import struct
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256()),
    "P-384": (ec.SECP384R1(), hashes.SHA384()),
    "P-521": (ec.SECP521R1(), hashes.SHA512()),
}
START, END = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
SIGNED = dt.datetime(2025, 3, 1, 12, 5, tzinfo=dt.UTC)
IDENTITY, ISSUER = "https://code.example/team/model/.ci/release.yml@refs/heads/main", "https://issuer.example"
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def key(name: str, curve: str = "P-256") -> ec.EllipticCurvePrivateKey:
    """Return the EC key that a name stands for."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:31], "big") + 1
    return ec.derive_private_key(number, CURVES[curve][0])


def ed25519_key(name: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def spki(private: PrivateKey, encoding: Encoding = Encoding.DER) -> bytes:
    return private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def signed(private: PrivateKey, data: bytes) -> bytes:
    """Sign deterministically, with the hash that belongs to the curve."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    function = next(pair[1] for pair in CURVES.values() if pair[0].name == private.curve.name)
    return private.sign(data, ec.ECDSA(function, deterministic_signing=True))


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str,
    private: PrivateKey,
    issuer: tuple[str, ec.EllipticCurvePrivateKey],
    *,
    authority: bool = False,
    period: tuple[dt.datetime, dt.datetime] = (START, END),
    usage: ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING,
    signs: bool = True,
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> x509.Certificate:
    """Issue one certificate; authorities say nothing of what for."""
    serial = int.from_bytes(hashlib.sha256(f"{subject}{period}{usage}{signs}".encode()).digest()[:8], "big")
    builder = (
        x509.CertificateBuilder(subject_name=common_name(subject) if subject else x509.Name([]))
        .issuer_name(common_name(issuer[0]))
        .public_key(private.public_key())
        .serial_number(serial)
        .not_valid_before(period[0])
        .not_valid_after(period[1])
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_usage(signs=signs and not authority, authority=authority), critical=True)
    )
    if private is not issuer[1]:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(above, critical=False)
    below = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    builder = builder.add_extension(below, critical=False)
    if usage is not None and not authority:
        stamping = usage == ExtendedKeyUsageOID.TIME_STAMPING
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=stamping)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer[1], hashes.SHA256(), ecdsa_deterministic=True)


def _usage(*, signs: bool, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=not signs and not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


# The members of this Sigstore.
AUTHORITY, LOG, TILES, CERTIFICATES, CLOCK = (
    key("authority"),
    key("log"),
    ed25519_key("tiles"),
    key("certificates"),
    key("clock"),
)
ROOT = certificate("authority", AUTHORITY, ("authority", AUTHORITY), authority=True)
CLOCK_ROOT = certificate("clock root", AUTHORITY, ("clock root", AUTHORITY), authority=True)
CLOCK_LEAF = certificate("clock", CLOCK, ("clock root", AUTHORITY), usage=ExtendedKeyUsageOID.TIME_STAMPING)


def trusted_root(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON)
    """Return the trusted root; keywords replace its members."""
    period = {"start": "2020-01-01T00:00:00Z"}

    def log(private: PrivateKey) -> dict[str, Any]:
        kind = "PKIX_ED25519" if private is TILES else "PKIX_ECDSA_P256_SHA_256"
        return {
            "baseUrl": "https://log.example",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": b64(spki(private)), "keyDetails": kind, "validFor": period},
            "logId": {"keyId": b64(hashlib.sha256(spki(private)).digest())},
        }

    def authority(*certificates: x509.Certificate) -> dict[str, Any]:
        chain = [{"rawBytes": b64(der(each))} for each in certificates]
        subject = {"organization": "example", "commonName": "paper"}
        return {
            "subject": subject,
            "uri": "https://ca.example",
            "certChain": {"certificates": chain},
            "validFor": period,
        }

    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log(LOG), log(TILES)],
        "certificateAuthorities": [authority(ROOT)],
        "ctlogs": [log(CERTIFICATES)],
        "timestampAuthorities": [authority(CLOCK_LEAF, CLOCK_ROOT)],
    } | changed


def keyless(
    private: PrivateKey,
    *,
    identity: str = IDENTITY,
    issuer: str = ISSUER,
    logged: bool = True,
    usage: ObjectIdentifier | None = ExtendedKeyUsageOID.CODE_SIGNING,
) -> x509.Certificate:
    """Return a ten-minute certificate for an identity, with the promise of the certificate log in it."""
    encoded = issuer.encode()
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), True),
        (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), encoded), False),
        (
            x509.UnrecognizedExtension(
                ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), bytes([0x0C, len(encoded)]) + encoded
            ),
            False,
        ),
    )
    minutes = dt.timedelta(minutes=5)
    period = (SIGNED - minutes, SIGNED + minutes)
    bare = certificate("", private, ("authority", AUTHORITY), period=period, usage=usage, extra=extra)
    if not logged:
        return bare
    body, stamp = bare.tbs_certificate_bytes, int(SIGNED.timestamp() * 1000)
    data = struct.pack("!BBQH", 0, 0, stamp, 1) + hashlib.sha256(spki(AUTHORITY)).digest()
    data += len(body).to_bytes(3, "big") + body + b"\0\0"
    signature = signed(CERTIFICATES, data)
    one = b"\0" + hashlib.sha256(spki(CERTIFICATES)).digest() + struct.pack("!QH", stamp, 0)
    one += b"\4\3" + struct.pack("!H", len(signature)) + signature
    several = struct.pack("!HH", len(one) + 2, len(one)) + one
    value = _tlv(0x04, several)
    promise = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), value)
    return certificate(
        "", private, ("authority", AUTHORITY), period=period, usage=usage, extra=(*extra, (promise, False))
    )


def entry_1(body: dict[str, Any], *, time: dt.datetime = SIGNED, others: int = 3) -> dict[str, Any]:
    """Return an entry of the first log: promise, proof among `others` further leaves, checkpoint."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    identifier = hashlib.sha256(spki(LOG)).digest()
    promised = {
        "body": b64(canonical),
        "integratedTime": int(time.timestamp()),
        "logID": identifier.hex(),
        "logIndex": 1007,
    }
    promise = signed(LOG, json.dumps(promised, sort_keys=True, separators=(",", ":")).encode())
    return {
        "logIndex": "1007",
        "logId": {"keyId": b64(identifier)},
        "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
        "integratedTime": str(int(time.timestamp())),
        "inclusionPromise": {"signedEntryTimestamp": b64(promise)},
        "inclusionProof": _proof(canonical, others, LOG, "log.example - 42", "log.example"),
        "canonicalizedBody": b64(canonical),
    }


def entry_2(body: dict[str, Any], *, others: int = 4) -> dict[str, Any]:
    """Return an entry of the second log, which promises nothing and knows no time."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return {
        "logIndex": "7",
        "logId": {"keyId": b64(hashlib.sha256(spki(TILES)).digest())},
        "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
        "inclusionProof": _proof(canonical, others, TILES, "tiles.example", "tiles.example"),
        "canonicalizedBody": b64(canonical),
    }


def _root(leaves: list[bytes]) -> bytes:
    """Return the root over leaf hashes (RFC 6962, 2.1)."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    """Return the siblings from leaf `index` up (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*_path(index, leaves[:split]), _root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _root(leaves[:split])]


def proof_parts(body: bytes, index: int, size: int) -> tuple[bytes, list[bytes]]:
    """Return root and siblings of `body` as leaf `index` among made-up leaves."""
    leaves = [hashlib.sha256(b"\0other %d" % number).digest() for number in range(size)]
    leaves[index] = hashlib.sha256(b"\0" + body).digest()
    return _root(leaves), _path(index, leaves)


def _proof(body: bytes, others: int, log: PrivateKey, origin: str, name: str) -> dict[str, Any]:
    index, size = min(2, others), others + 1
    root, path = proof_parts(body, index, size)
    note = f"{origin}\n{size}\n{b64(root)}\n"
    blob = hashlib.sha256(spki(log)).digest()[:4] + signed(log, note.encode())
    return {
        "logIndex": str(index),
        "rootHash": b64(root),
        "treeSize": str(size),
        "hashes": [b64(each) for each in path],
        "checkpoint": {"envelope": f"{note}\n\u2014 {name} {b64(blob)}\n"},
    }


def timestamp(message: bytes, time: dt.datetime = SIGNED) -> bytes:
    """Return an RFC 3161 response that the clock saw `message` at `time`; the certificate is not inside."""
    sha256 = _tlv(0x30, _oid("2.16.840.1.101.3.4.2.1"))
    info = _tlv(
        0x30,
        _tlv(0x02, b"\1")
        + _oid("1.3.6.1.4.1.57264.2")
        + _tlv(0x30, sha256 + _tlv(0x04, hashlib.sha256(message).digest()))
        + _tlv(0x02, b"\7")
        + _tlv(0x18, time.strftime("%Y%m%d%H%M%SZ").encode()),
    )
    kind = _oid("1.2.840.113549.1.9.16.1.4")
    certificate_hash = _tlv(
        0x30, _tlv(0x30, _tlv(0x30, _tlv(0x04, hashlib.sha256(der(CLOCK_LEAF)).digest())))
    )
    attributes = b"".join(
        sorted(
            (
                _attribute("1.2.840.113549.1.9.3", kind),
                _attribute("1.2.840.113549.1.9.4", _tlv(0x04, hashlib.sha256(info).digest())),
                _attribute("1.2.840.113549.1.9.16.2.47", certificate_hash),
            )
        )
    )
    issuer = CLOCK_LEAF.issuer.public_bytes() + _integer(CLOCK_LEAF.serial_number)
    signer = _tlv(
        0x30,
        _tlv(0x02, b"\1")
        + _tlv(0x30, issuer)
        + sha256
        + _tlv(0xA0, attributes)
        + _tlv(0x30, _oid("1.2.840.10045.4.3.2"))
        + _tlv(0x04, signed(CLOCK, _tlv(0x31, attributes))),
    )
    content = _tlv(0x30, kind + _tlv(0xA0, _tlv(0x04, info)))
    data = _tlv(0x30, _tlv(0x02, b"\3") + _tlv(0x31, sha256) + content + _tlv(0x31, signer))
    token = _tlv(0x30, _oid("1.2.840.113549.1.7.2") + _tlv(0xA0, data))
    return _tlv(0x30, _tlv(0x30, _tlv(0x02, b"\0")) + token)


def _tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    body = b""
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.insert(0, 0x80 | number & 0x7F)
        body += bytes(groups)
    return _tlv(0x06, body)


def _attribute(dotted: str, value: bytes) -> bytes:
    return _tlv(0x30, _oid(dotted) + _tlv(0x31, value))
