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
from mlpack.oci.sources import Source, open_source

if TYPE_CHECKING:
    from mlpack.oci.descriptors import Descriptor
    from mlpack.oci.transport import Answer, Transport

__all__ = ["upload"]

_PIECE = 1024 * 1024
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
    if descriptor.size > chunk_size:
        location = _send_pieces(transport, location, source, descriptor.size, chunk_size)
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
        body=(lambda: _pieces(source, 0, size, descriptor.digest)) if size else b"",
        tries=1,  # a registry keeps nothing of a request that was cut: the whole upload starts anew
    )
    said = answer.headers.get("Docker-Content-Digest", descriptor.digest)
    if said != descriptor.digest:
        raise RegistryError(
            f"stored {descriptor.digest} as {said[:100]}", where=transport.host, code="registry-corrupt"
        )


def _send_pieces(transport: Transport, location: str, source: Source, size: int, chunk_size: int) -> str:
    """Send everything in pieces and return where to close the upload."""
    offset = failures = 0
    while offset < size:
        end = min(size, offset + chunk_size)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(end - offset),
            "Content-Range": f"{offset}-{end - 1}",
        }
        start = offset
        try:
            answer = transport.request(
                "PATCH",
                location,
                expect=(202, 204),
                headers=headers,
                body=lambda start=start, end=end: _pieces(source, start, end - start),  # type: ignore[misc]
                tries=1,
            )
        except RegistryError as error:
            failures += 1
            if failures >= _TRIES or error.code != "registry-unreachable":
                raise
            offset, location = _standing(transport, location)
            continue
        offset, location = end, _location(transport, answer)
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


def _pieces(source: Source, offset: int, size: int, digest: str = "") -> Iterator[bytes]:
    """Yield `size` bytes from `offset`, read anew for every try.

    With `digest` the last piece is held back until everything has it, so that nothing else is ever completed.
    """
    running = hashlib.sha256()
    with open_source(source) as stream:
        stream.seek(offset)
        left = size
        while left:
            piece = stream.read(min(_PIECE, left))
            if not piece:
                raise StorageError("became shorter while it was sent", where="upload")
            left -= len(piece)
            if digest:
                running.update(piece)
                if not left and f"sha256:{running.hexdigest()}" != digest:
                    raise RegistryError(
                        f"expected {digest}, found sha256:{running.hexdigest()}",
                        where=str(source) if isinstance(source, Path) else "blob",
                        code="registry-corrupt",
                        hint="the file changed since it was described; nothing was stored",
                    )
            yield piece
