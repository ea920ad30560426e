"""The trusted root of a Sigstore instance: its authorities, logs and time stampers.

It never comes from a bundle: it is a file that the policy names, or one of the two that sigstore's own wheel
carries. Nothing is fetched, and no cache in a home directory is asked: a policy means the same everywhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlpack.errors import FormatError, MissingExtraError, PolicyError
from mlpack.format.documents import Fields, parse_json
from mlpack.trust.material import read_base64

__all__ = ["PUBLIC_GOOD", "STAGING", "TimeStamper", "TrustedRoot"]

PUBLIC_GOOD: Final = "public-good"
STAGING: Final = "staging"

_EMBEDDED: Final = {
    PUBLIC_GOOD: "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev",
    STAGING: "https%3A%2F%2Ftuf-repo-cdn.sigstage.dev",
}
_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_CONFIG_TYPE: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_MAX_ROOT: Final = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeStamper:
    """One RFC 3161 time-stamping authority.

    Attributes:
        certificates: DER certificates: the one that signs, intermediates, the root.
        start: First moment at which it is trusted.
        end: Last moment; None while it is in use.
    """

    certificates: tuple[bytes, ...]
    start: dt.datetime
    end: dt.datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustedRoot:
    """A trusted root as text.

    Attributes:
        text: Its JSON; a client trust config counts as the trusted root inside it.
        stampers: Its time-stamping authorities.
        source: Where it came from.
    """

    text: str = field(repr=False)
    stampers: tuple[TimeStamper, ...] = field(init=False, repr=False)
    source: str = field(default="text", compare=False)

    def __post_init__(self) -> None:
        """Read what is needed of it here; sigstore reads the rest when it verifies.

        Raises:
            PolicyError: It is not a trusted root.
        """
        try:
            text, stampers = _parse(self.text, self.source)
        except FormatError as error:
            raise PolicyError(error.message, where=error.where) from error
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "stampers", stampers)

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TrustedRoot:
        """Read a `trusted_root.json`, or the trusted root in a client trust config.

        Raises:
            PolicyError: It cannot be read, or is none.
        """
        try:
            with Path(path).open("rb") as stream:
                data = stream.read(_MAX_ROOT + 1)
            return cls(text=data.decode("utf-8"), source=str(path))
        except OSError as error:
            raise PolicyError(f"cannot be read: {error.strerror}", where=str(path)) from error
        except UnicodeDecodeError as error:
            raise PolicyError(f"not UTF-8 at byte {error.start}", where=str(path)) from error

    @classmethod
    def embedded(cls, name: str = PUBLIC_GOOD) -> TrustedRoot:
        """Return the trusted root of the public instance, or of its staging, as sigstore's wheel carries it.

        Raises:
            MissingExtraError: sigstore is not installed, or keeps it elsewhere.
        """
        from importlib.resources import files

        try:
            place = files("sigstore").joinpath("_store", _EMBEDDED[name], "trusted_root.json")
            return cls(text=place.read_text(encoding="utf-8"), source=f"sigstore, {name}")
        except (ModuleNotFoundError, FileNotFoundError) as error:
            raise MissingExtraError(
                "sigstore's own trusted root is not there",
                hint="pip install 'sigstore>=4.5.1,<5', or name a trusted root file",
            ) from error


def _parse(text: str, source: str) -> tuple[str, tuple[TimeStamper, ...]]:
    if len(text) > _MAX_ROOT:
        raise FormatError(f"more than {_MAX_ROOT} characters", where=source)
    try:
        value = parse_json(text.encode("utf-8"), where=source)
    except UnicodeEncodeError as error:
        raise FormatError("not Unicode text", where=source) from error
    top = Fields(value, source)
    if top.has("mediaType") and top.text("mediaType") == _CONFIG_TYPE:
        import json

        inner = top.mapping("trustedRoot")
        text, top = json.dumps(inner, separators=(",", ":")), Fields(inner, f"{source}.trustedRoot")
    top.choice("mediaType", (_MEDIA_TYPE,))
    items = top.each("timestampAuthorities") if top.has("timestampAuthorities") else []
    return text, tuple(_stamper(item) for item in items)


def _stamper(item: Fields) -> TimeStamper:
    chain = tuple(
        read_base64(certificate, "rawBytes", most=None)
        for certificate in item.fields("certChain").each("certificates")
    )
    validity = item.fields("validFor")
    return TimeStamper(
        certificates=chain,
        start=_moment(validity, "start"),
        end=_moment(validity, "end") if validity.has("end") else None,
    )


def _moment(fields: Fields, key: str) -> dt.datetime:
    try:
        moment: dt.datetime | None = dt.datetime.fromisoformat(fields.text(key))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FormatError("expected a time with its zone", where=f"{fields.where}.{key}")
    return moment
