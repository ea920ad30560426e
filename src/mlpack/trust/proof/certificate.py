"""X.509 certificates: reading one without surprises, and chains from a signer's to a root that was given.

Stricter than the web's rules where signing differs from TLS: a certificate must say that it is for signing
code. What signing certificates do not use is not understood and so refused: critical policies, and name
constraints in any form. Weak keys and hashes count for nothing.

Source: RFC 5280, 4.2 and 6.1.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.trust.proof.loading import X509_ERRORS, strictly
from mlpack.trust.proof.public_key import AnyKey
from mlpack.trust.proof.refusals import refused

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Certificate", "find_chain", "parse_certificate", "parse_pem"]

_MAX_DEPTH = 8
_MAX_CHECKS = 256
_MAX_DER = 128 * 1024
_WHAT = "the signer's certificate is"
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
_ANY_USAGE = "2.5.29.37.0"
_UNDERSTOOD = {"2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"}
"""Extensions that may be critical: key usage, alternative names, basic constraints, extended key usage."""
_NAME_CONSTRAINTS = "2.5.29.30"
_HASHES = ("sha256", "sha384", "sha512")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Certificate:
    """What is needed of one certificate.

    Attributes:
        key: Its key; None for one of a kind or size that proves nothing.
        before: First moment of its validity.
        after: Last moment of its validity.
        authority: Whether it may vouch for others.
        signs: Whether its key usage allows signatures; true when it has no such extension.
        usages: Dotted names of the extended key usages; None when it has no such extension.
        strange: Extensions that must be understood, and are not.
        signs_certificates: Whether its key usage allows that; true when it has no such extension.
        path_length: How many further authorities may follow it; None for any number.
    """

    x509: x509.Certificate
    der: bytes
    key: AnyKey | None
    before: dt.datetime
    after: dt.datetime
    authority: bool
    path_length: int | None
    signs: bool
    signs_certificates: bool
    usages: frozenset[str] | None
    strange: tuple[str, ...]

    def require_valid(self, time: dt.datetime) -> None:
        """Return if `time` is inside its validity, ends included.

        Raises:
            VerificationError: `certificate-not-yet-valid` or `certificate-expired`.
        """
        if time < self.before:
            raise refused("certificate-not-yet-valid", f"{_WHAT} valid from {self.before}, used at {time}")
        if time > self.after:
            raise refused(
                "certificate-expired",
                f"{_WHAT} valid until {self.after}, used at {time}",
                hint="a trusted timestamp beside a signature keeps it valid after its certificate",
            )

    def may_issue(self, *, below: int) -> bool:
        """Tell whether it may sign certificates for code signing, with `below` authorities under it."""
        return (
            self.authority
            and self.signs_certificates
            and self.key is not None
            and not self.strange
            and (self.path_length is None or below <= self.path_length)
            and (self.usages is None or bool(self.usages & {_CODE_SIGNING, _ANY_USAGE}))
        )

    def require_no_authority(self) -> None:
        """Return if it is a signer's own.

        Raises:
            VerificationError: `certificate-usage`.
        """
        if self.authority:
            raise refused("certificate-usage", "the signer's certificate belongs to an authority")

    def require_code_signing(self, *, lax: bool = False) -> None:
        """Return if it is for signing code; with `lax`, also if it does not say what it is for.

        Raises:
            VerificationError: `certificate-usage`.
        """
        if not self.signs:
            raise refused("certificate-usage", "the certificate's key usage does not allow signatures")
        if self.usages is None and lax:
            return
        if self.usages is None or _CODE_SIGNING not in self.usages:
            raise refused("certificate-usage", "the certificate is not for signing code (extended key usage)")


def parse_certificate(der: bytes) -> Certificate:
    """Read one DER certificate.

    Raises:
        VerificationError: `certificate-malformed`.
    """
    from cryptography import x509

    if len(der) > _MAX_DER:
        raise refused("certificate-malformed", f"more than {_MAX_DER} bytes")
    try:
        with strictly():
            certificate = x509.load_der_x509_certificate(der)
            if certificate.version is x509.Version.v3:
                return _read(certificate, der)
    except X509_ERRORS as error:
        raise refused("certificate-malformed", "not a readable certificate") from error
    raise refused("certificate-malformed", "not an X.509 v3 certificate")


def _read(certificate: x509.Certificate, der: bytes) -> Certificate:
    from cryptography import x509

    from mlpack.errors import VerificationError

    _ = certificate.subject.rfc4514_string(), certificate.issuer  # read late, and may be unreadable
    authority, length, signs, issues = False, None, True, True
    usages: frozenset[str] | None = None
    strange: list[str] = []
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints):
            authority, length = value.ca, value.path_length
        elif isinstance(value, x509.KeyUsage):
            signs, issues = value.digital_signature, value.key_cert_sign
        elif isinstance(value, x509.ExtendedKeyUsage):
            usages = frozenset(usage.dotted_string for usage in value)
        oid = extension.oid.dotted_string
        if oid == _NAME_CONSTRAINTS or (extension.critical and oid not in _UNDERSTOOD):
            strange.append(oid)
    try:
        key: AnyKey | None = AnyKey(certificate.public_key())
    except VerificationError:
        key = None
    return Certificate(
        x509=certificate,
        der=der,
        key=key,
        before=certificate.not_valid_before_utc,
        after=certificate.not_valid_after_utc,
        authority=authority,
        path_length=length,
        signs=signs,
        signs_certificates=issues,
        usages=usages,
        strange=tuple(strange),
    )


def parse_pem(data: bytes) -> tuple[Certificate, ...]:
    """Read the certificates of a PEM text, at least one.

    Raises:
        VerificationError: `certificate-malformed`.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        with strictly():
            found = x509.load_pem_x509_certificates(data)
    except X509_ERRORS as error:
        raise refused("certificate-malformed", "not PEM certificates") from error
    return tuple(parse_certificate(each.public_bytes(Encoding.DER)) for each in found)


def find_chain(
    leaf: Certificate, others: Iterable[Certificate], roots: Sequence[Certificate], time: dt.datetime
) -> list[Certificate]:
    """Return the certificates from `leaf` to one of `roots`, all valid at `time`.

    What travels with a signature (`others`) only fills the way; it ends at a given root or not at all.

    Raises:
        VerificationError: `certificate-untrusted`, or why the leaf does not hold.
    """
    leaf.require_valid(time)
    if leaf.strange:
        raise refused(
            "certificate-untrusted", f"extensions that are not understood: {', '.join(leaf.strange)}"
        )
    given = {root.der for root in roots}
    if leaf.der in given:
        return [leaf]
    search = _Search(pool=[*roots, *others], given=given, time=time)
    found = search.climb([leaf])
    if found is None:
        if search.expired:
            raise refused("certificate-expired", "an authority's certificate is not valid at that time")
        raise refused("certificate-untrusted", "no chain leads to a given root")
    return found


@dataclass(kw_only=True, slots=True)
class _Search:
    pool: list[Certificate]
    given: set[bytes]
    time: dt.datetime
    checks: int = 0
    expired: bool = False

    def climb(self, path: list[Certificate]) -> list[Certificate] | None:
        """Return the first full path that begins with `path`, depth first."""
        if len(path) > _MAX_DEPTH:
            return None
        for issuer in self.pool:
            if any(issuer.der == each.der for each in path) or not self._issued(path, issuer):
                continue
            longer = [*path, issuer]
            found = longer if issuer.der in self.given else self.climb(longer)
            if found is not None:
                return found
        return None

    def _issued(self, path: list[Certificate], issuer: Certificate) -> bool:
        """Tell whether `issuer` signed the last of `path` and was allowed to."""
        child = path[-1]
        if issuer.x509.subject != child.x509.issuer or self.checks >= _MAX_CHECKS:
            return False
        self.checks += 1
        try:
            with strictly():
                child.x509.verify_directly_issued_by(issuer.x509)
                hashed = child.x509.signature_hash_algorithm
        except X509_ERRORS:
            return False
        if hashed is not None and hashed.name not in _HASHES:  # Ed25519 has none of its own
            return False
        if not issuer.may_issue(below=len(path) - 1):
            return False
        inside = issuer.before <= self.time <= issuer.after
        self.expired |= not inside
        return inside
