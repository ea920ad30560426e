"""Certificates of a private authority: from a leaf to a root that the verifier named, and nothing else.

Stricter than the web's rules where signing differs from TLS: a certificate must say that it is for signing
code, one that is for TLS only is refused, and the time is now or one that a trusted authority stated.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mlpack.errors import PolicyError, SignatureInvalidError, UntrustedSignerError, VerificationError
from mlpack.trust.keys import PublicKey

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Leaf", "Roots", "check_path", "check_purpose", "parse_subject", "read_leaf", "subject_matches"]

_WHERE: Final = "model.sig certificate"
_MAX_DEPTH: Final = 8
_MAX_ROOTS: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """The certificate of the key that signed. Believed only once its path is.

    Attributes:
        key: Its public key.
        subject: Its distinguished name as RFC 4514 text.
        serial: Its serial number, in hex.
        not_before: First moment of its validity.
        not_after: Last moment of its validity.
        der: The whole certificate.
    """

    key: PublicKey
    subject: str
    serial: str
    not_before: dt.datetime
    not_after: dt.datetime
    der: bytes = field(repr=False)

    def covers(self, moment: dt.datetime) -> bool:
        """Tell whether `moment` lies in its validity."""
        return self.not_before <= moment <= self.not_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Roots:
    """Certificates that a verifier trusts to vouch for others: roots, or intermediates of its choice.

    Attributes:
        pem: PEM certificates, one after the other, in the form that OpenSSL writes.
    """

    pem: str

    def __post_init__(self) -> None:
        """Bring the text into one form.

        Raises:
            PolicyError: It holds no certificate, too many, or one that may not vouch for others.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        from mlpack.trust.x509_errors import X509_ERRORS

        try:
            found = x509.load_pem_x509_certificates(self.pem.encode("utf-8"))
            problems = [problem for item in found for problem in _anchor_problems(item)]
        except X509_ERRORS as error:
            raise PolicyError("expected certificates in PEM form", where="roots") from error
        if problems:
            raise PolicyError(problems[0], where="roots")
        if not 1 <= len(found) <= _MAX_ROOTS:
            raise PolicyError(f"expected 1 to {_MAX_ROOTS} certificates, found {len(found)}", where="roots")
        pem = "".join(item.public_bytes(Encoding.PEM).decode("ascii") for item in dict.fromkeys(found))
        object.__setattr__(self, "pem", pem)

    @property
    def fingerprint(self) -> str:
        """`sha256:` and the hex hash of the certificates' text."""
        return "sha256:" + hashlib.sha256(self.pem.encode("ascii")).hexdigest()


def _anchor_problems(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        basic = None
    if basic is None or not basic.ca:
        return ["a certificate that is no authority cannot vouch for others"]
    return []


def read_leaf(der: bytes) -> Leaf:
    """Return what a leaf certificate says.

    Raises:
        SignatureInvalidError: It is malformed, or its key is not one that can sign bundles.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from mlpack.errors import SigningError
    from mlpack.trust.x509_errors import X509_ERRORS

    try:
        certificate = x509.load_der_x509_certificate(der)
        pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return Leaf(
            key=PublicKey.from_pem(pem, where=_WHERE),
            subject=certificate.subject.rfc4514_string(),
            serial=f"{certificate.serial_number:x}",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            der=der,
        )
    except SigningError as error:
        raise SignatureInvalidError(error.message, code="certificate-key", where=_WHERE) from error
    except X509_ERRORS as error:
        raise SignatureInvalidError(
            "not a readable certificate", code="certificate-malformed", where=_WHERE
        ) from error


def check_purpose(der: bytes) -> None:
    """Return if a leaf certificate is for signing code.

    Raises:
        SignatureInvalidError: It is for something else, such as TLS, or does not say; or it is an authority.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    from mlpack.trust.x509_errors import X509_ERRORS

    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        basic, usage, purposes = (
            _find(extensions, kind) for kind in (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)
        )
    except X509_ERRORS as error:
        raise SignatureInvalidError(
            "not a readable certificate", code="certificate-malformed", where=_WHERE
        ) from error
    problem = ""
    if basic is not None and basic.ca:
        problem = "belongs to an authority, not to a signer"
    elif usage is not None and not usage.digital_signature:
        problem = "its key usage does not allow digital signatures"
    elif purposes is None:
        problem = "does not say that it is for signing code (extended key usage)"
    elif ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        problem = "is for another purpose than signing code (extended key usage)"
    if problem:
        raise SignatureInvalidError(problem, code="certificate-purpose", where=_WHERE)


def _find(extensions: x509.Extensions, kind: type[x509.ExtensionType]) -> Any:  # noqa: ANN401  (of that kind)
    from cryptography import x509

    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def check_path(chain: Sequence[bytes], roots: Roots, moment: dt.datetime) -> None:
    """Return if a path leads from the leaf to one of `roots`, every certificate of it valid at `moment`.

    Args:
        chain: DER certificates, leaf first; the others only help to find the path.
        roots: What the verifier trusts.
        moment: With its zone.

    Raises:
        UntrustedSignerError: No path does.
        SignatureInvalidError: A certificate is malformed.
    """
    from cryptography import x509
    from cryptography.x509 import verification

    from mlpack.trust.x509_errors import X509_ERRORS

    leaf = read_leaf(chain[0])
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        anchors = x509.load_pem_x509_certificates(roots.pem.encode("ascii"))
    except X509_ERRORS as error:
        raise SignatureInvalidError(
            "not a readable certificate", code="certificate-malformed", where=_WHERE
        ) from error
    try:
        builder = verification.PolicyBuilder().store(verification.Store(anchors)).time(moment)
        builder = builder.max_chain_depth(_MAX_DEPTH)
        builder = builder.extension_policies(ca_policy=_authority_rules(), ee_policy=_leaf_rules())
        builder.build_client_verifier().verify(certificates[0], certificates[1:])
    except X509_ERRORS as error:
        raise _path_error(leaf, moment, error) from error


def _path_error(leaf: Leaf, moment: dt.datetime, error: Exception) -> VerificationError:
    if not leaf.covers(moment):
        return UntrustedSignerError(
            f"valid from {leaf.not_before:%Y-%m-%d %H:%M} to {leaf.not_after:%Y-%m-%d %H:%M} UTC, "
            f"not at {moment:%Y-%m-%d %H:%M}",
            code="certificate-expired",
            where=_WHERE,
            hint="a trusted timestamp beside a signature keeps it valid after its certificate",
        )
    reason = " ".join(str(error).split())[:300]
    return UntrustedSignerError(
        f"no path to the roots of the policy: {reason}", code="certificate-untrusted", where=_WHERE
    )


def _authority_rules() -> Any:  # noqa: ANN401  (a type that cryptography keeps to itself)
    """Return the web's rules for authorities; one with extended key usages must have ours among them."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy

    rules = ExtensionPolicy.webpki_defaults_ca()
    rules = rules.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _allows_code)
    rules = rules.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _allows_certificates)
    return rules.may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)


def _leaf_rules() -> Any:  # noqa: ANN401  (a type that cryptography keeps to itself)
    """Return the web's rules for leaves without a host name; `check_purpose` has said what it is for."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy

    rules = ExtensionPolicy.webpki_defaults_ee()
    for kind in (x509.ExtendedKeyUsage, x509.KeyUsage, x509.SubjectAlternativeName, x509.BasicConstraints):
        rules = rules.may_be_present(kind, Criticality.AGNOSTIC, None)
    return rules.may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)


def _allows_code(_: object, __: object, purposes: x509.ExtendedKeyUsage | None) -> None:
    from cryptography.x509.oid import ExtendedKeyUsageOID as Oid

    if (
        purposes is not None
        and Oid.CODE_SIGNING not in purposes
        and Oid.ANY_EXTENDED_KEY_USAGE not in purposes
    ):
        raise ValueError("an authority on the path may not vouch for code signing")


def _allows_certificates(_: object, __: object, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority on the path may not sign certificates")


def parse_subject(text: str) -> tuple[tuple[str, str], ...]:
    """Return an RFC 4514 name as (attribute's OID, value) pairs.

    Raises:
        PolicyError: It is none.
    """
    from cryptography import x509

    try:
        name = x509.Name.from_rfc4514_string(text, {"emailAddress": x509.NameOID.EMAIL_ADDRESS})
    except ValueError as error:
        raise PolicyError(
            f"{text[:80]!r} is not a distinguished name", where="subject", hint="such as CN=release,O=Acme"
        ) from error
    return _pairs(name)


def _pairs(name: x509.Name) -> tuple[tuple[str, str], ...]:
    return tuple((attribute.oid.dotted_string, str(attribute.value)) for attribute in name)


def subject_matches(subject: str, der: bytes) -> bool:
    """Tell whether a certificate's whole distinguished name is `subject`, or its only common name.

    The two orders in which tools write the parts of a name mean the same.

    Args:
        subject: `CN=release,O=Acme`, or `release` alone for any name with that single CN.
        der: A certificate that `read_leaf` has read.
    """
    from cryptography import x509

    name = x509.load_der_x509_certificate(der).subject
    if "=" in subject:
        wanted = parse_subject(subject)
        return wanted in (_pairs(name), _pairs(name)[::-1])
    return [item.value for item in name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)] == [subject]
