"""Sending one blob: in one request, or in pieces that resume where the registry says it stands.

Source: OCI distribution specification 1.1.1, "Pushing blobs".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import RegistryError, StorageError
from mlpack.oci.sources import Source, read_source

if TYPE_CHECKING:
    from mlpack.oci.descriptors import Descriptor
    from mlpack.oci.transport import Answer, Transport

__all__ = ["upload"]

_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")
_TRIES = 5


def upload(
    transport: Transport, started: Answer, source: Source, descriptor: Descriptor, *, chunk_size: int
) -> None:
    """Send a blob into an upload that the registry has opened.

    Args:
        transport: To the registry.
        started: The answer that opened the upload.
        source: What to send; it is read again from the start, or from an offset, for every new try.
        descriptor: What it must be.
        chunk_size: Above this many bytes it goes in pieces.

    Raises:
        RegistryError: The source is not what the descriptor says, or the registry refuses.
        StorageError: The source cannot be read.
    """
    location = _location(transport, started)
    least = started.headers.get("OCI-Chunk-Min-Length", "")
    chunk_size = max(chunk_size, int(least) if least.isdigit() else 0)
    if descriptor.size > chunk_size:
        pieces = _Pieces(source, descriptor)
        location = _send_pieces(transport, location, pieces, chunk_size)
        _finish(transport, location, descriptor, b"", 0)
        return
    _finish(transport, location, descriptor, source, descriptor.size)


def _finish(transport: Transport, location: str, descriptor: Descriptor, source: Source, size: int) -> None:
    """Close the upload with the digest; what is still to be sent goes along."""
    import httpx

    url = str(httpx.URL(location).copy_merge_params({"digest": descriptor.digest}))
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    answer = transport.request(
        "PUT",
        url,
        expect=(200, 201, 204),
        headers=headers,
        body=_Pieces(source, descriptor).whole if size else b"",
        tries=1,  # a registry keeps nothing of a request that was cut: the whole upload starts anew
    )
    said = answer.headers.get("Docker-Content-Digest", descriptor.digest)
    if said != descriptor.digest:
        raise RegistryError(
            f"stored {descriptor.digest} as {said[:100]}", where=transport.host, code="registry-corrupt"
        )


def _send_pieces(transport: Transport, location: str, pieces: _Pieces, chunk_size: int) -> str:
    """Send everything in pieces and return where to close the upload."""
    failures = 0
    while pieces.done < pieces.size:
        start, end = pieces.done, min(pieces.size, pieces.done + chunk_size)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(end - start),
            "Content-Range": f"{start}-{end - 1}",
        }
        try:
            answer = transport.request(
                "PATCH",
                location,
                expect=(202, 204),
                headers=headers,
                body=lambda end=end: pieces.until(end),  # type: ignore[misc]
                tries=1,
            )
        except RegistryError as error:
            failures += 1
            if failures >= _TRIES or error.code not in ("registry-unreachable", "registry-unavailable"):
                raise
            standing, location = _standing(transport, location)
            pieces.settle(standing)
            continue
        location = _location(transport, answer)
        pieces.settle(end)
    return location


def _standing(transport: Transport, location: str) -> tuple[int, str]:
    """Ask how much of an upload has arrived."""
    answer = transport.request("GET", location, expect=(204,))
    match = _RANGE.fullmatch(answer.headers.get("Range", "").strip())
    # "0-0" is how registries say both "nothing" and "one byte"; nothing is the one that occurs.
    last = int(match[1]) if match else 0
    return (last + 1 if last else 0), _location(transport, answer, location)


def _location(transport: Transport, answer: Answer, default: str = "") -> str:
    """Return where the upload goes on; the header may be relative."""
    location = answer.headers.get("Location", default)
    if not location:
        raise RegistryError(
            "opened an upload without saying where", where=transport.host, code="registry-protocol"
        )
    return transport.resolve(location, answer.url)


class _Pieces:
    """The bytes of one blob, read anew for every try, and hashed on the way.

    The last piece is held back until everything has the digest, so that nothing else is ever completed. What
    is made while it is sent compares itself with what it was; the registry compares the digest in any case.
    """

    def __init__(self, source: Source, descriptor: Descriptor) -> None:
        self._source = source
        self._digest = descriptor.digest
        self._checked = isinstance(source, bytes | Path)
        self._hash = hashlib.sha256()
        self._sent: tuple[int, hashlib._Hash] = (0, self._hash)
        self.size = descriptor.size
        self.done = 0
        """How many bytes the registry is known to have; `_hash` is of these."""

    def whole(self) -> Iterator[bytes]:
        """Yield everything."""
        return self.until(self.size)

    def until(self, end: int) -> Iterator[bytes]:
        """Yield what lies between what the registry has and `end`."""
        running, at = self._hash.copy(), self.done
        for piece in self._read(at, end):
            at += len(piece)
            if self._checked:
                running.update(piece)
            if self._checked and at == self.size and f"sha256:{running.hexdigest()}" != self._digest:
                raise RegistryError(
                    f"expected {self._digest}, found sha256:{running.hexdigest()}",
                    where=str(self._source) if isinstance(self._source, Path) else "blob",
                    code="registry-corrupt",
                    hint="the file changed since it was described; nothing was stored",
                )
            self._sent = at, running
            yield piece

    def settle(self, done: int) -> None:
        """Note how many bytes the registry has."""
        if self._checked:
            self._hash = self._hash_of(done)
        self.done = done

    def _hash_of(self, done: int) -> hashlib._Hash:
        """Return the hash of the first `done` bytes: that of the last try, or one made anew."""
        if self._sent[0] == done:
            return self._sent[1].copy()
        found = hashlib.sha256() if done < self.done else self._hash
        for piece in self._read(0 if done < self.done else self.done, done):
            found.update(piece)
        return found

    def _read(self, offset: int, end: int) -> Iterator[bytes]:
        left = end - offset
        for piece in read_source(self._source, offset) if left else ():
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return
        if left:
            raise StorageError("became shorter while it was sent", where="upload")
