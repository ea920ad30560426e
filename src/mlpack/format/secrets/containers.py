"""What is packed inside a file: zip (npz, skops, torch archives), tar, gzip, bzip2, xz, zlib; with limits."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["MAX_DEPTH", "MAX_INSIDE", "Member", "Sealed", "is_archive", "members"]

MAX_DEPTH: Final = 4
"""Archives inside archives that are opened."""

MAX_INSIDE: Final = 4 * 2**30
"""Largest file that is unpacked to be looked at, in bytes."""

_MAX_MEMBERS: Final = 100_000
_CHUNK: Final = 1 << 20


class Sealed(Exception):  # noqa: N818  (a finding in the making, never seen by a caller)
    """Something cannot be looked into: encrypted, of an unknown method, too large or broken."""


Member = tuple[str, bytes, bool]
"""Name inside the archive, contents, and whether these stand in the archive as they are, uncompressed."""


def members(data: bytes) -> Iterator[Member]:
    """Yield what is inside a file; nothing when it is no archive.

    Raises:
        Sealed: It is an archive, and some of it cannot be looked into.
    """
    opener = _opener(data)
    if opener is None:
        return
    try:
        yield from opener(data)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        lzma.LZMAError,
        zlib.error,
        struct.error,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise Sealed(type(error).__name__) from error


def is_archive(head: bytes) -> bool:
    """Return whether a file that starts so, with at least 512 bytes where it has them, may be an archive."""
    return _opener(head) is not None


def _opener(data: bytes) -> Callable[[bytes], Iterator[Member]] | None:
    head = data[:8]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip
    if data[257:262] == b"ustar":
        return _tar
    if head.startswith((b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x04\x22\x4d\x18")):
        return _closed
    for magic, make in _STREAMS.items():
        if head.startswith(magic):
            return lambda given: _stream(given, make)
    if len(data) > 8 and head[:1] == b"\x78" and not int.from_bytes(head[:2], "big") % 31:
        return _zlib
    return None


def _zip(data: bytes) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        listed = archive.infolist()
        _bound(len(listed), sum(info.file_size for info in listed))
        if archive.comment:
            yield "(comment)", archive.comment, True
        for info in listed:
            if info.flag_bits & 1:
                raise Sealed("encrypted")
            if not info.is_dir():
                yield info.filename, archive.read(info), info.compress_type == zipfile.ZIP_STORED


def _tar(data: bytes) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for count, info in enumerate(archive):
            _bound(count, info.size)
            stream = archive.extractfile(info) if info.isfile() else None
            if stream is not None:
                yield info.name, stream.read(), True


def _closed(_data: bytes) -> Iterator[Member]:
    raise Sealed("a compression that the standard library does not know")


def _stream(data: bytes, make: Callable[[], _Decompressor]) -> Iterator[Member]:
    """Yield the contents of a compressed file, all of its members together."""
    inside, total = [], 0
    while data:
        engine = make()
        piece = engine.decompress(data, MAX_INSIDE - total + 1)
        total += len(piece)
        inside.append(piece)
        _bound(len(inside), total)
        if not engine.eof:
            raise EOFError
        data = engine.unused_data.lstrip(b"\0")
    yield "(inside)", b"".join(inside), False


def _zlib(data: bytes) -> Iterator[Member]:
    """Yield the contents of a zlib stream, which joblib writes; two bytes are not much to know it by."""
    engine = zlib.decompressobj()
    try:
        inside = engine.decompress(data, MAX_INSIDE + 1)
    except zlib.error:
        return
    _bound(1, len(inside))
    yield "(inside)", inside, False


def _bound(count: int, size: int) -> None:
    if count > _MAX_MEMBERS or size > MAX_INSIDE:
        raise Sealed("too large to be looked into")


class _Decompressor:
    """What gzip, bzip2 and xz have in common, for type checkers."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most so many bytes."""
        raise NotImplementedError


def _gzip() -> _Decompressor:
    engine: _Decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)  # type: ignore[assignment]
    return engine


_STREAMS: Final[dict[bytes, Callable[[], _Decompressor]]] = {
    b"\x1f\x8b\x08": _gzip,
    b"BZh": bz2.BZ2Decompressor,  # type: ignore[dict-item]
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,  # type: ignore[dict-item]
}
