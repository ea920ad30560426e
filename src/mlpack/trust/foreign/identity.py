"""Keyless signers: a certificate of a Sigstore authority, logged, for one identity of one issuer.

Source: sigstore/fulcio, docs/certificate-specification.md and oid-info.md; RFC 6962, 3.2.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlpack.errors import VerificationError
from mlpack.trust.foreign.certificate import Certificate, chain
from mlpack.trust.foreign.refusals import refused
from mlpack.trust.foreign.trusted_root import TrustedRoot

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

__all__ = ["require_identity", "require_sigstore_chain"]

_ISSUER, _ISSUER_DER = "1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.57264.1.8"
_USERNAME = "1.3.6.1.4.1.57264.1.7"
_MAX_LOGGED = 16
_NONE = "\ufffd"


def require_identity(certificate: Certificate, identity: str, issuer: str) -> None:
    """Return if the certificate is for exactly this identity and this issuer.

    Raises:
        VerificationError: `identity` or `issuer`.
    """
    names, issuers = _names(certificate)
    if not issuers or any(found != issuer for found in issuers):
        raise refused("issuer", f"expected the issuer {issuer!r}, found {(issuers or ['none'])[0][:200]!r}")
    if names != [identity]:
        raise refused(
            "identity", f"expected the identity {identity!r}, found {(names or ['none'])[0][:200]!r}"
        )


def _names(certificate: Certificate) -> tuple[list[str], list[str]]:
    """Return every identity and every issuer that the certificate names."""
    from cryptography import x509

    names: list[str] = []
    issuers: list[str] = []
    for extension in certificate.x509.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            names += (_name(name) for name in value)
        elif isinstance(value, x509.UnrecognizedExtension):
            if extension.oid.dotted_string == _ISSUER:
                issuers.append(value.value.decode("utf-8", "replace"))
            elif extension.oid.dotted_string == _ISSUER_DER:
                issuers.append(_utf8(value.value))
    return names, issuers


def _name(name: x509.GeneralName) -> str:
    """Return an identity; a name of a kind that no identity has never equals one."""
    from cryptography import x509

    if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
        return name.value
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _USERNAME:
        return _utf8(name.value)
    return _NONE


def _utf8(data: bytes) -> str:
    """Return the text of a DER UTF8String; what is none never equals an identity."""
    if len(data) < 2 or data[0] != 0x0C:
        return _NONE
    size, start = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 3:
            return _NONE
        size, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) != start + size:
        return _NONE
    return data[start:].decode("utf-8", "replace")


def require_sigstore_chain(
    leaf: Certificate, others: Sequence[Certificate], root: TrustedRoot, times: Sequence[dt.datetime]
) -> None:
    """Return if an authority of the root issued `leaf`, in public, and it was valid at every one of `times`.

    Raises:
        VerificationError: `no-trusted-time`, `certificate-*`.
    """
    if not times:
        raise refused("no-trusted-time", "no log and no timestamp authority says when this was signed")
    if any(each.x509.subject == each.x509.issuer for each in others):
        raise refused("certificate-untrusted", "the signature brings a root certificate along")
    if leaf.authority:
        raise refused("certificate-usage", "the signer's certificate is one of an authority")
    leaf.require_code_signing()
    for time in times:
        leaf.require_valid(time)
        path = _issuers(leaf, root, time)
        _require_logged(leaf, path[1], root)


def _issuers(leaf: Certificate, root: TrustedRoot, time: dt.datetime) -> list[Certificate]:
    """Return the chain to the first authority that counted at `time`; nothing else fills the way."""
    failure: VerificationError | None = None
    for authority in root.authorities:
        if not authority.period.covers(time):
            continue
        try:
            path = chain(leaf, authority.certificates[:-1], authority.certificates[-1:], time)
        except VerificationError as error:
            failure = error
            continue
        if len(path) > 1:
            return path
    raise failure or refused("certificate-untrusted", "no authority of the trusted root counted at that time")


def _require_logged(leaf: Certificate, issuer: Certificate, root: TrustedRoot) -> None:
    """Check that a certificate log of the root promised to publish the certificate (RFC 6962, 3.2)."""
    from cryptography import x509

    try:
        found = leaf.x509.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    except x509.ExtensionNotFound as error:
        raise refused("certificate-transparency", "the certificate was not logged") from error
    stamps = list(found.value)[:_MAX_LOGGED]
    if not any(_logged(stamp, leaf, issuer, root) for stamp in stamps):
        raise refused("certificate-transparency", "no known log promised to publish the certificate")


def _logged(
    stamp: SignedCertificateTimestamp, leaf: Certificate, issuer: Certificate, root: TrustedRoot
) -> bool:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509.certificate_transparency import LogEntryType

    if stamp.entry_type is not LogEntryType.PRE_CERTIFICATE:
        return False
    spki = issuer.x509.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        body, time = leaf.x509.tbs_precertificate_bytes, stamp.timestamp.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return False  # a time beyond the calendar
    milliseconds = (time - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(milliseconds=1)
    data = b"".join(
        (
            struct.pack("!BBQH", stamp.version.value, 0, milliseconds, stamp.entry_type.value),
            hashlib.sha256(spki).digest(),
            len(body).to_bytes(3, "big"),
            body,
            struct.pack("!H", len(stamp.extension_bytes)),
            stamp.extension_bytes,
        )
    )
    return any(
        log.identifier == stamp.log_id
        and log.period.covers(time)
        and log.key.signed(stamp.signature, data, log.algorithms)
        for log in root.transparency
    )
