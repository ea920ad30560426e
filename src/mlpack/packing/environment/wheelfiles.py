"""Size and SHA-256 of wheels, also where an index states only one of them or none."""

from __future__ import annotations

import base64
import hashlib
import http.client
import netrc
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from mlpack.errors import LockError
from mlpack.packing.environment.indexes import pip_settings

__all__ = ["OfferedWheel", "measure_all", "offered_wheel", "open_location"]

TIMEOUT = 60
"""Seconds that an index may stay silent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedWheel:
    """A wheel as an index offers it.

    Attributes:
        name: File name.
        location: URL, never written anywhere.
        hashes: Algorithm to hex digest, as the index states them.
        size: Size in bytes, or None when the index does not say.
        index: The index that offers it, as uv names it; never written anywhere. Empty for a folder of wheels.
    """

    name: str
    location: str
    hashes: Mapping[str, str]
    size: int | None
    index: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing needs to be asked for."""
        return self.size is not None and "sha256" in self.hashes


def offered_wheel(entry: Mapping[str, Any], index: str = "") -> OfferedWheel:
    """Return one entry of `packages.wheels` of uv's pylock.toml.

    Args:
        entry: The entry.
        index: The package's `index`.

    Raises:
        LockError: The entry names no place, or a relative one.
    """
    location = str(entry.get("url") or entry.get("path") or "")
    if "://" not in location:
        if not Path(location).is_absolute():
            raise LockError("uv named a wheel without a place to find it")
        location = "file://" + urllib.request.pathname2url(location)
    name = entry.get("name") or urllib.parse.unquote(urlsplit(location).path.rpartition("/")[2])
    size = entry.get("size")
    return OfferedWheel(
        name=str(name),
        location=location,
        hashes={str(k).lower(): str(v).lower() for k, v in dict(entry.get("hashes") or {}).items()},
        size=size if isinstance(size, int) and size > 0 else None,
        index=index,
    )


def measure_all(wheels: list[OfferedWheel], *, offline: bool) -> list[tuple[str, str, int]]:
    """Return (name, sha256, size) of each wheel, asking the index for what it did not state.

    A size alone is asked for by HEAD; without a SHA-256, or where HEAD does not say, the wheel is read.

    Raises:
        LockError: Something has to be asked for, and `offline` is set or the index does not answer.
    """
    missing = [wheel for wheel in wheels if not wheel.complete]
    if offline and any(not wheel.location.startswith("file:") for wheel in missing):
        raise LockError(
            f"the index states no size for {missing[0].name}, and offline=True forbids asking for it",
            where=missing[0].name,
            hint="allow the network this time, or use an index with the JSON API (PEP 691 and PEP 700)",
            code="lock-offline",
        )
    if not missing:
        return [_measure(wheel) for wheel in wheels]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(_measure, wheels))


def _measure(wheel: OfferedWheel) -> tuple[str, str, int]:
    if wheel.size is not None and "sha256" in wheel.hashes:
        return wheel.name, wheel.hashes["sha256"], wheel.size
    try:
        if "sha256" in wheel.hashes and (size := _content_length(wheel.location)):
            return wheel.name, wheel.hashes["sha256"], size
        with open_location(wheel.location, "GET") as stream:
            digest, size = _digest(wheel, stream)
    except urllib.error.HTTPError as error:
        raise _unanswered(wheel, f"the index answered {error.code}") from error
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise _unanswered(wheel, "the index could not be reached") from error
    return wheel.name, digest, size


def _unanswered(wheel: OfferedWheel, why: str) -> LockError:
    return LockError(
        f"the index states no size for {wheel.name}, and asking for it failed: {why}",
        where=wheel.name,
        hint="check the network and the credentials of the index (UV_DEFAULT_INDEX, UV_INDEX_URL or netrc)",
        code="lock-network",
    )


def _digest(wheel: OfferedWheel, stream: IO[bytes]) -> tuple[str, int]:
    """Read the wheel once; every hash that the index stated has to hold."""
    known = {name: hashlib.new(name) for name in wheel.hashes if name in hashlib.algorithms_guaranteed}
    sha256 = known.setdefault("sha256", hashlib.sha256())
    size = 0
    while block := stream.read(1 << 20):
        size += len(block)
        for running in known.values():
            running.update(block)
    for name, running in known.items():
        if (
            name in wheel.hashes
            and not name.startswith("shake")
            and running.hexdigest() != wheel.hashes[name]
        ):
            raise LockError(
                f"the bytes of {wheel.name} do not match the {name} that the index states",
                where=wheel.name,
                hint="the mirror is damaged or tampered with; do not install from it",
            )
    return sha256.hexdigest(), size


def _content_length(location: str) -> int | None:
    try:
        with open_location(location, "HEAD") as answer:
            length = answer.headers.get("Content-Length", "")
            encoded = answer.headers.get("Content-Encoding", "identity")
    except urllib.error.HTTPError:  # some indexes refuse HEAD; GET decides
        return None
    return int(length) if encoded == "identity" and length.isascii() and length.isdecimal() else None


def open_location(location: str, method: str = "GET") -> Any:  # noqa: ANN401  (urllib's own type is private)
    """Open a wheel where an index has it, with the credentials that the user has set up for that host."""
    request = urllib.request.Request(location, method=method)  # noqa: S310  (scheme checked below)
    if request.type not in ("http", "https", "file"):
        raise LockError(f"a wheel is offered by {request.type}, which is neither http nor https")
    request.add_header("Accept-Encoding", "identity")
    if request.type != "file" and (secret := _credentials(location)):
        # unredirected: a redirect to another host must not carry it there
        request.add_unredirected_header("Authorization", "Basic " + secret)
    return urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310  (scheme checked above)


def _credentials(location: str) -> str | None:
    """Return the Basic credentials that the user has set up for this very host, or None."""
    target = urlsplit(location)
    words = [os.environ.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")]
    words += [os.environ.get(name, "") for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")]
    words += pip_settings().values()
    for word in " ".join(words).replace(",", " ").split():
        url = urlsplit(word if "://" in word.partition("=")[0] else word.partition("=")[2] or word)
        if url.username is not None and (url.scheme, url.hostname, url.port) == (
            target.scheme,
            target.hostname,
            target.port,
        ):
            return _basic(urllib.parse.unquote(url.username), urllib.parse.unquote(url.password or ""))
    return _from_netrc(target.hostname or "")


def _from_netrc(host: str) -> str | None:
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return _basic(found[0], found[2] or "") if found else None


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
