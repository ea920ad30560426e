"""Whom a foreign signature must be by: one key, one keyless identity, or a subject under given roots."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlpack.errors import PolicyError, UsageError
from mlpack.trust.proof.certificate import Certificate, parse_pem
from mlpack.trust.proof.public_key import AnyKey, from_file

__all__ = ["Certified", "Identity", "Signer", "choose_signer", "plain_path"]

_MAX_PEM = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """An identity of an issuer, both exact."""

    name: str
    issuer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Certified:
    """Certificates that count as roots, and the subject below them; None for any subject."""

    certificates: tuple[Certificate, ...]
    subject: str | None


Signer = AnyKey | Identity | Certified


def choose_signer(
    *,
    key: Path | None,
    identity: str | None,
    issuer: str | None,
    roots: Sequence[Path],
    subject: str | None,
) -> Signer:
    """Return the one signer that the arguments name.

    Raises:
        UsageError: They name none, or more than one, half of one, or files that cannot be read.
        VerificationError: `key-type` or `certificate-malformed`: what such a file holds is unusable.
    """
    if identity is not None or issuer is not None:
        if not identity or not issuer:
            raise UsageError(
                "an identity means nothing without its issuer, nor the reverse",
                where="certificate_identity",
                hint="give both --certificate-identity and --certificate-oidc-issuer",
            )
        if key is not None or roots or subject is not None:
            raise _several()
        return Identity(name=identity, issuer=issuer)
    if roots:
        if key is not None:
            raise _several()
        if subject is not None and "=" in subject:
            _check_subject(subject)
        return Certified(certificates=tuple(each for path in roots for each in _read(path)), subject=subject)
    if subject is not None:
        raise UsageError(
            "a subject means nothing without roots",
            where="certificate_subject",
            hint="--certificate-roots FILE",
        )
    if key is None:
        raise UsageError(
            "nobody to trust is named",
            where="signer",
            hint="give --key, --certificate-identity with --certificate-oidc-issuer, or --certificate-roots",
        )
    return from_file(key)


def plain_path(value: object, name: str) -> str:
    """Return a path that was given as text or as a path object.

    Raises:
        UsageError: It is something else, empty, or holds a NUL.
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise UsageError("expected the path of a file or folder", where=name)
    return text


def _check_subject(subject: str) -> None:
    from mlpack.trust.certificates import parse_subject

    try:
        parse_subject(subject)
    except PolicyError as error:
        raise UsageError(error.message, where="certificate_subject", hint=error.hint) from error


def _several() -> UsageError:
    return UsageError("several signers are named", where="signer", hint="give exactly one")


def _read(path: Path) -> tuple[Certificate, ...]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_PEM + 1)
        if len(data) > _MAX_PEM:
            raise UsageError(f"more than {_MAX_PEM} bytes", where=str(path))
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return parse_pem(data)
