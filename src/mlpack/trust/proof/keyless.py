"""Certificates of a Sigstore authority: issued by one that counted then, and logged in public.

Source: sigstore/fulcio, docs/certificate-specification.md; RFC 6962, 3.2.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlpack.errors import VerificationError
from mlpack.trust.proof.anchors import Anchors
from mlpack.trust.proof.certificate import Certificate, find_chain
from mlpack.trust.proof.refusals import refused

if TYPE_CHECKING:
    from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

__all__ = ["require_sigstore_chain"]

_MAX_LOGGED = 16


def require_sigstore_chain(
    leaf: Certificate, others: Sequence[Certificate], root: Anchors, times: Sequence[dt.datetime]
) -> None:
    """Return if an authority of the root issued `leaf`, in public, and it was valid at every one of `times`.

    Raises:
        VerificationError: `no-trusted-time`, `certificate-*`.
    """
    if not times:
        raise refused("no-trusted-time", "no log and no timestamp authority says when this was signed")
    if any(each.x509.subject == each.x509.issuer for each in others):
        raise refused("certificate-untrusted", "the signature brings a root certificate along")
    leaf.require_no_authority()
    leaf.require_code_signing()
    for time in times:
        leaf.require_valid(time)
        path = _issuers(leaf, root, time)
        _require_logged(leaf, path[1], root)


def _issuers(leaf: Certificate, root: Anchors, time: dt.datetime) -> list[Certificate]:
    """Return the chain to the first authority that counted at `time`; nothing else fills the way."""
    failure: VerificationError | None = None
    for authority in root.authorities:
        if not authority.period.covers(time):
            continue
        try:
            path = find_chain(leaf, authority.certificates[:-1], authority.certificates[-1:], time)
        except VerificationError as error:
            failure = error
            continue
        if len(path) > 1:
            return path
    raise failure or refused("certificate-untrusted", "no authority of the trusted root counted at that time")


def _require_logged(leaf: Certificate, issuer: Certificate, root: Anchors) -> None:
    """Check that a certificate log of the root promised to publish the certificate (RFC 6962, 3.2)."""
    from cryptography import x509

    try:
        found = leaf.x509.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    except x509.ExtensionNotFound as error:
        raise refused("certificate-transparency", "the certificate was not logged") from error
    stamps = list(found.value)[:_MAX_LOGGED]
    if not any(_logged(stamp, leaf, issuer, root) for stamp in stamps):
        raise refused("certificate-transparency", "no known log promised to publish the certificate")


def _logged(stamp: SignedCertificateTimestamp, leaf: Certificate, issuer: Certificate, root: Anchors) -> bool:
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
