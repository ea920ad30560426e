"""Why a signature is refused: one stable code for each reason, and the error class it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from mlpack.errors import (
    ContentMismatchError,
    SignatureInvalidError,
    UntrustedSignerError,
    VerificationError,
)

__all__ = ["REFUSALS", "refused"]

_INVALID = (
    "signature-malformed",  # not strict JSON, a field too many, missing or of the wrong type
    "signature-unsupported",  # a version, algorithm or kind of entry that this reader does not know
    "signature-count",  # not exactly one signature
    "signature-invalid",  # cryptography says no
    "payload-type",  # a DSSE envelope around something else than an in-toto statement
    "statement-malformed",
    "statement-predicate",  # a statement of another kind than asked for
    "resources-empty",
    "resource-path",  # absolute, climbing, unnormalised, or not a path at all
    "resource-duplicate",
    "resource-order",
    "resource-ignored",  # listed as signed and as ignored
    "ignore-path",  # an ignore entry that would hide everything or more than it names
    "root-digest",
    "log-missing",
    "log-unknown",
    "log-invalid",  # inclusion promise, proof or checkpoint
    "log-mismatch",  # the entry is about another signature
    "timestamp-invalid",
    "no-trusted-time",
    "certificate-malformed",
    "certificate-usage",  # not for signing code
    "identity-ambiguous",
    "issuer-ambiguous",
    "certificate-transparency",
)
_UNTRUSTED = (
    "material",  # the signature holds a key where a certificate is asked for, or the reverse
    "key-type",
    "certificate-untrusted",  # no chain to a given root
    "certificate-expired",
    "certificate-not-yet-valid",
    "subject-mismatch",
    "identity-mismatch",
    "issuer-mismatch",
    "issuer-missing",  # the certificate does not say who vouches for the name
)
_CONTENT = (
    "unreadable",
    "subject-digest",
    "file-changed",
    "file-missing",
    "file-unsigned",
    "file-link",  # a symbolic link, where none was followed when signing
    "file-kind",  # a device, socket or pipe
    "file-name",  # not UTF-8
    "file-limit",  # more files, or deeper folders, than are looked at
)

REFUSALS: MappingProxyType[str, type[VerificationError]] = MappingProxyType(
    dict.fromkeys(_INVALID, SignatureInvalidError)
    | dict.fromkeys(_UNTRUSTED, UntrustedSignerError)
    | dict.fromkeys(_CONTENT, ContentMismatchError)
    | {"trusted-root": VerificationError}
)
"""Code -> error class."""


def refused(
    code: str, message: str, *, where: str = "", hint: str = "", problems: Iterable[str] = ()
) -> VerificationError:
    """Return the error for `code`, to be raised."""
    return REFUSALS[code](message, code=code, where=where, hint=hint, problems=tuple(problems))
