"""What a trusted root of Sigstore says: whose certificates, logs and clocks count, and from when to when.

Source: sigstore/protobuf-specs, sigstore_trustroot.proto (TrustedRoot v0.1 and v0.2, JSON form).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mlpack.errors import FormatError, VerificationError
from mlpack.format.documents import Fields
from mlpack.trust.proof.certificate import Certificate, parse_certificate
from mlpack.trust.proof.public_key import AnyKey, from_der
from mlpack.trust.proof.reading import read_base64

__all__ = ["Anchors", "Authority", "Log", "read_anchors"]

_T = TypeVar("_T")

_MAX_MEMBERS = 256
_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Period:
    """A closed interval of time; `end` may be open."""

    start: dt.datetime
    end: dt.datetime | None

    def covers(self, time: dt.datetime) -> bool:
        return self.start <= time and (self.end is None or time <= self.end)


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """A transparency log: its identifier and its key."""

    identifier: bytes
    checkpoint_identifier: bytes
    key: AnyKey
    algorithms: tuple[str, ...]
    period: _Period


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """A certificate authority or a time-stamping one: its chain, the issuing certificate first."""

    certificates: tuple[Certificate, ...]
    period: _Period


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchors:
    """Everything that counts.

    Attributes:
        logs: Transparency logs of signatures.
        transparency: Logs of certificates.
        authorities: Issue certificates.
        clocks: Issue timestamps.
    """

    logs: tuple[Log, ...]
    transparency: tuple[Log, ...]
    authorities: tuple[Authority, ...]
    clocks: tuple[Authority, ...]


def read_anchors(top: Fields) -> Anchors:
    """Read a trusted root; fields that newer versions add are left alone.

    Raises:
        FormatError: It is malformed.
    """
    top.choice("mediaType", _MEDIA_TYPES)
    try:
        return Anchors(
            logs=_each(top, "tlogs", _log),
            transparency=_each(top, "ctlogs", _log),
            authorities=_each(top, "certificateAuthorities", _authority),
            clocks=_each(top, "timestampAuthorities", _authority),
        )
    except VerificationError as error:
        raise FormatError(error.message, where=top.where) from error


def _each(top: Fields, key: str, read: Callable[[Fields], _T]) -> tuple[_T, ...]:
    found = top.each(key) if top.has(key) else []
    if len(found) > _MAX_MEMBERS:
        raise FormatError(f"more than {_MAX_MEMBERS}", where=f"{top.where}.{key}")
    return tuple(read(each) for each in found)


def _log(fields: Fields) -> Log:
    public = fields.fields("publicKey")
    key = from_der(read_base64(public, "rawBytes"))
    identifier = read_base64(fields.fields("logId"), "keyId")
    other = fields.fields("checkpointKeyId") if fields.has("checkpointKeyId") else None
    return Log(
        identifier=identifier,
        checkpoint_identifier=read_base64(other, "keyId") if other else identifier,
        key=key,
        algorithms=key.algorithms[:1],  # logs use the hash that belongs to the key
        period=_period(public.fields("validFor")),
    )


def _authority(fields: Fields) -> Authority:
    certificates = fields.fields("certChain").each("certificates")
    if not 1 <= len(certificates) <= 16:
        raise FormatError("expected 1 to 16 certificates", where=fields.where)
    return Authority(
        certificates=tuple(parse_certificate(read_base64(each, "rawBytes")) for each in certificates),
        period=_period(fields.fields("validFor")),
    )


def _period(fields: Fields) -> _Period:
    return _Period(start=_time(fields, "start"), end=_time(fields, "end") if fields.has("end") else None)


def _time(fields: Fields, key: str) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat(fields.text(key))
    except ValueError as error:
        raise FormatError("not a time", where=f"{fields.where}.{key}") from error
    if time.tzinfo is None:
        raise FormatError("a time without zone", where=f"{fields.where}.{key}")
    return time
