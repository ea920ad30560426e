"""Reading a layer as it arrives: the files in it, in the order in which they are stored, nothing kept.

The same one exact form that `layers` writes; whoever reads a layer from a disk uses `layers.Stored` instead.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from mlpack.errors import FormatError
from mlpack.format import tar
from mlpack.format.layers import BLOCK, FRAME, HEAD, ROOT, TAIL, plain_size

__all__ = ["read_layer"]

_BLOCKS = 4
"""Stored blocks that are handed on as one piece."""


class _Feed:
    """Pieces of any length, handed out in the lengths that are asked for."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def some(self, most: int) -> memoryview:
        """Return between one and `most` bytes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                raise FormatError("a layer that ends early")
            self._rest = memoryview(piece)
        found, self._rest = self._rest[:most], self._rest[most:]
        return found

    def exact(self, count: int) -> bytes:
        """Return `count` bytes, which should be few."""
        found = bytearray()
        while len(found) < count:
            found += self.some(count - len(found))
        return bytes(found)

    def end(self) -> None:
        """Return if nothing is left; whoever sends the pieces has a last word then."""
        if self._rest or any(self._pieces):
            raise FormatError("a layer that goes on after its end")


def read_layer(pieces: Iterable[bytes], size: int) -> Iterator[tuple[str, int, Iterator[memoryview]]]:
    """Yield path, size in bytes and contents of each file of a layer; take the contents before the next.

    Args:
        pieces: The blob; whoever sends them compares its digest, from which all that is inside follows.
        size: How long it is, in bytes.

    Raises:
        FormatError: It is not of the one exact form. Raised at the latest after the last file: nothing is to
            be believed before that.
    """
    feed = _Feed(_plain(_Feed(pieces), size))
    while True:
        block = feed.exact(tar.BLOCK)
        if block == bytes(tar.BLOCK):
            break
        name, length = tar.member_name(block)
        path = name.removeprefix(ROOT)
        if path == name:
            raise FormatError(f"not below {ROOT}", where=repr(name))
        contents = _contents(feed, length)
        yield path, length, contents
        for _ in contents:
            raise FormatError("was not read to its end", where=repr(path))
        if any(feed.exact(-length % tar.BLOCK)):
            raise FormatError("bytes hidden after the file", where=repr(path))
    if any(feed.exact(len(tar.END) - tar.BLOCK)):
        raise FormatError("expected two zero blocks at the end of a layer")
    feed.end()


def _contents(feed: _Feed, left: int) -> Iterator[memoryview]:
    while left:
        piece = feed.some(left)
        left -= len(piece)
        yield piece


def _plain(feed: _Feed, size: int) -> Iterator[memoryview]:
    """Yield the tar inside a gzip stream of stored blocks, every frame and checksum compared."""
    left = total = plain_size(size)
    crc = 0
    if feed.exact(len(HEAD)) != HEAD:
        raise FormatError("not the exact head of a gzip stream of stored blocks")
    while left or not total:
        blocks = []
        for _ in range(_BLOCKS):
            block = min(left, BLOCK)
            left -= block
            if feed.exact(FRAME.size) != FRAME.pack(left == 0, block, block ^ 0xFFFF):
                raise FormatError(f"not a stored block of {block} bytes")
            while block:
                blocks.append(feed.some(block))
                block -= len(blocks[-1])
            if not left:
                break
        # Few large pieces: hashing and writing let other threads run, which costs something each time.
        piece = memoryview(b"".join(blocks))
        crc = zlib.crc32(piece, crc)
        yield piece
        if not left:
            break
    if feed.exact(TAIL.size) != TAIL.pack(crc, total & 0xFFFFFFFF):
        raise FormatError("the checksum at the end of the gzip stream is wrong")
    feed.end()
