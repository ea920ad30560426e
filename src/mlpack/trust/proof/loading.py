"""Loading what a stranger wrote: which errors that raises, and what only warns and is an error here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography import x509  # noqa: TID253  (only imported where certificates are about to be read)
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: TID253  (same)
from cryptography.utils import CryptographyDeprecationWarning  # noqa: TID253  (same)

__all__ = ["X509_ERRORS", "strictly"]

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
    x509.AttributeNotFound,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""Everything that reading or checking hostile ASN.1 is known to raise.

The libraries state no closed list: malformed input shows as ValueError, TypeError or an own class, and code
that meets a missing part as AttributeError or LookupError. Named here, once, instead of catching everything.
"""


@contextmanager
def strictly() -> Iterator[None]:
    """Turn deprecated forms, such as a serial number that is not positive, into a ValueError.

    Raises:
        ValueError: `cryptography` would have warned.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        try:
            yield
        except CryptographyDeprecationWarning as error:
            raise ValueError(str(error)) from error
