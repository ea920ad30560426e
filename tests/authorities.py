"""A private certificate authority for tests: root, intermediate, and leaves of every good and bad kind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

__all__ = ["CODE", "TLS", "Authority", "Issued", "new_authority"]

CODE = (ExtendedKeyUsageOID.CODE_SIGNING,)
TLS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def write_key(self, path: Path) -> Path:
        path.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        path.chmod(0o600)
        return path


@dataclass(frozen=True, kw_only=True)
class Authority(Issued):
    """Something that issues certificates."""

    def issue(
        self,
        name: str = "release",
        *,
        purposes: tuple[ObjectIdentifier, ...] | None = CODE,
        start: dt.datetime = NOW - DAY,
        end: dt.datetime = NOW + DAY,
        ca: bool = False,
        digital_signature: bool = True,
        curve: ec.EllipticCurve | None = None,
        more: tuple[x509.ExtensionType, ...] = (),
    ) -> Issued:
        """Return a certificate for a fresh key."""
        key = ec.generate_private_key(curve or ec.SECP256R1())
        builder = _builder(name, self.certificate.subject, key.public_key(), start, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=ca, signs=digital_signature), critical=True)
        if purposes is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return Issued(key=key, certificate=builder.sign(self.key, hashes.SHA256()))

    def subordinate(
        self,
        name: str = "Signing CA",
        *,
        purposes: tuple[ObjectIdentifier, ...] | None = None,
        path_length: int | None = 0,
        end: dt.datetime = NOW + 100 * DAY,
    ) -> Authority:
        """Return an intermediate authority."""
        return new_authority(name, issuer=self, purposes=purposes, path_length=path_length, end=end)


def new_authority(
    name: str = "Acme Root",
    *,
    issuer: Authority | None = None,
    purposes: tuple[ObjectIdentifier, ...] | None = None,
    path_length: int | None = None,
    start: dt.datetime = NOW - 100 * DAY,
    end: dt.datetime = NOW + 100 * DAY,
) -> Authority:
    """Return a root, or an authority under `issuer`."""
    key = ec.generate_private_key(ec.SECP256R1())
    by = issuer.key if issuer else key
    above = issuer.certificate.subject if issuer else _name(name)
    builder = _builder(name, above, key.public_key(), start, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(_usage(ca=True, signs=False), critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
    )
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=False)
    return Authority(key=key, certificate=builder.sign(by, hashes.SHA256()))


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: dt.datetime, end: dt.datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(end)


def _usage(*, ca: bool, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=not signs and not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
