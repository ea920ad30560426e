"""The root of a Sigstore: whose certificates, logs and clocks count, and from when to when.

Source: sigstore/protobuf-specs, sigstore_trustroot.proto (TrustedRoot v0.1 and v0.2, JSON form).
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from mlpack.errors import FormatError, VerificationError
from mlpack.format.documents import Fields
from mlpack.trust.foreign.anykey import AnyKey, from_der
from mlpack.trust.foreign.bundle import decoded, strict_json
from mlpack.trust.foreign.certificate import Certificate, parse_certificate
from mlpack.trust.foreign.refusals import refused

__all__ = ["Authority", "Log", "TrustedRoot", "embedded_root", "parse_root", "read_root"]

_T = TypeVar("_T")

_MAX_ROOT = 4 * 1024 * 1024
_MAX_MEMBERS = 256
_MEDIA_TYPES = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
_WHERE = "trusted root"
_PRODUCTION = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
_STAGING = "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev"


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
class TrustedRoot:
    """Everything that counts."""

    logs: tuple[Log, ...]
    transparency: tuple[Log, ...]
    authorities: tuple[Authority, ...]
    clocks: tuple[Authority, ...]


def read_root(path: Path) -> TrustedRoot:
    """Read a trusted root file.

    Raises:
        VerificationError: `trusted-root`: it cannot be read, or is malformed.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_ROOT + 1)
    except OSError as error:
        raise refused("trusted-root", f"cannot be read: {error.strerror}", where=str(path)) from error
    return parse_root(data)


@cache
def embedded_root(*, staging: bool) -> TrustedRoot:
    """Return the root of the public Sigstore, or of its staging twin, as the sigstore package ships it.

    Nothing is imported, downloaded or cached on disk for that.

    Raises:
        VerificationError: `trusted-root`: the package is not installed.
    """
    found = importlib.util.find_spec("sigstore")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / "_store" / (_STAGING if staging else _PRODUCTION) / "trusted_root.json"
        if path.is_file():
            return read_root(path)
    raise refused(
        "trusted-root", "no root of the public Sigstore is installed", hint="pass --trusted-root FILE"
    )


def parse_root(data: bytes) -> TrustedRoot:
    """Parse a trusted root; fields that newer versions add are left alone.

    Raises:
        VerificationError: `trusted-root`.
    """
    if len(data) > _MAX_ROOT:
        raise refused("trusted-root", f"more than {_MAX_ROOT} bytes", where=_WHERE)
    try:
        top = strict_json(data, _WHERE)
        top.choice("mediaType", _MEDIA_TYPES)
        return TrustedRoot(
            logs=_each(top, "tlogs", _log),
            transparency=_each(top, "ctlogs", _log),
            authorities=_each(top, "certificateAuthorities", _authority),
            clocks=_each(top, "timestampAuthorities", _authority),
        )
    except FormatError as error:
        raise refused("trusted-root", error.message, where=error.where) from error
    except VerificationError as error:
        raise refused("trusted-root", error.message, where=_WHERE) from error


def _each(top: Fields, key: str, read: Callable[[Fields], _T]) -> tuple[_T, ...]:
    found = top.each(key) if top.has(key) else []
    if len(found) > _MAX_MEMBERS:
        raise FormatError(f"more than {_MAX_MEMBERS}", where=f"{top.where}.{key}")
    return tuple(read(each) for each in found)


def _log(fields: Fields) -> Log:
    public = fields.fields("publicKey")
    key = from_der(decoded(public, "rawBytes"))
    identifier = decoded(fields.fields("logId"), "keyId")
    other = fields.fields("checkpointKeyId") if fields.has("checkpointKeyId") else None
    return Log(
        identifier=identifier,
        checkpoint_identifier=decoded(other, "keyId") if other else identifier,
        key=key,
        algorithms=key.algorithms[:1],  # logs use the hash that belongs to the key
        period=_period(public.fields("validFor")),
    )


def _authority(fields: Fields) -> Authority:
    certificates = fields.fields("certChain").each("certificates")
    if not 1 <= len(certificates) <= 16:
        raise FormatError("expected 1 to 16 certificates", where=fields.where)
    return Authority(
        certificates=tuple(parse_certificate(decoded(each, "rawBytes")) for each in certificates),
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
