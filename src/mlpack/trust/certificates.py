"""Certificates of a private authority, as policies name them: roots, a subject, and the leaf that signed.

`proof.certificate` has the rules of certificates; here is what bundles demand beyond them: an EC key on one
of the three curves, and roots that are authorities.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlpack.errors import PolicyError, SignatureInvalidError, SigningError, VerificationError
from mlpack.trust.keys import PublicKey

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Leaf", "Roots", "check_path", "check_purpose", "parse_subject", "read_leaf", "subject_matches"]

_WHERE: Final = "model.sig certificate"
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
        from cryptography.hazmat.primitives.serialization import Encoding

        from mlpack.trust.proof.certificate import parse_pem

        try:
            found = parse_pem(self.pem.encode("utf-8", "replace"))
        except VerificationError as error:
            raise PolicyError(f"expected certificates in PEM form: {error.message}", where="roots") from error
        if not all(each.authority for each in found):
            raise PolicyError("a certificate that is no authority cannot vouch for others", where="roots")
        if len(found) > _MAX_ROOTS:
            raise PolicyError(f"expected 1 to {_MAX_ROOTS} certificates, found {len(found)}", where="roots")
        texts = dict.fromkeys(each.x509.public_bytes(Encoding.PEM).decode("ascii") for each in found)
        object.__setattr__(self, "pem", "".join(texts))

    @property
    def fingerprint(self) -> str:
        """`sha256:` and the hex hash of the certificates' text."""
        return "sha256:" + hashlib.sha256(self.pem.encode("ascii")).hexdigest()


def read_leaf(der: bytes) -> Leaf:
    """Return what a leaf certificate says.

    Raises:
        SignatureInvalidError: It is malformed, or its key is not one that can sign bundles.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from mlpack.trust.proof.certificate import parse_certificate

    certificate = parse_certificate(der)
    try:
        pem = certificate.x509.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = PublicKey.from_pem(pem, where=_WHERE)
    except SigningError as error:
        raise SignatureInvalidError(error.message, code="certificate-key", where=_WHERE) from error
    return Leaf(
        key=key,
        subject=certificate.x509.subject.rfc4514_string(),
        serial=f"{certificate.x509.serial_number:x}",
        not_before=certificate.before,
        not_after=certificate.after,
        der=der,
    )


def check_purpose(der: bytes) -> None:
    """Return if a leaf certificate is for signing code.

    Raises:
        SignatureInvalidError: It is for something else, such as TLS, or does not say; or it is an authority.
    """
    from mlpack.trust.proof.certificate import parse_certificate

    certificate = parse_certificate(der)
    certificate.require_no_authority()
    certificate.require_code_signing()


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
    from mlpack.trust.proof.certificate import find_chain, parse_certificate, parse_pem

    leaf, *others = (parse_certificate(der) for der in chain)
    find_chain(leaf, others, parse_pem(roots.pem.encode("ascii")), moment)


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
