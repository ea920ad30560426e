"""What the certificate libraries raise about hostile bytes, so that none of it leaves verification.

They state no closed list: malformed ASN.1 shows as ValueError, TypeError or an own class, and code that meets
a missing part as AttributeError or LookupError. These are named here, once, instead of catching everything.
"""

from __future__ import annotations

from cryptography import x509  # noqa: TID253  (only imported where certificates are about to be read)
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: TID253  (same)
from cryptography.x509.verification import VerificationError  # noqa: TID253  (same)

__all__ = ["X509_ERRORS"]

X509_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    InvalidSignature,
    LookupError,
    RecursionError,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    VerificationError,
    x509.AttributeNotFound,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""Everything that reading or checking a hostile certificate is known to raise."""
