"""Layers: how the files of a bundle lie in an OCI artifact, in one exact form: same bundle, same bytes.

A layer is a ustar of files below `models/`, in a gzip stream of stored blocks: nothing is compressed, every
tool reads it, and where a byte of a file lies in the blob is known without reading what is before it.

Source: RFC 1951, 3.2.4; RFC 1952; CNCF ModelPack model-spec v0.0.7, docs/spec.md.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mlpack.errors import FormatError
from mlpack.format import tar
from mlpack.format.integrity import stored_order
from mlpack.format.names import ATTESTATIONS, CHECKSUMS, MANIFEST, SIGNATURE, WHEELS

__all__ = [
    "ARTIFACT_TYPE",
    "BLOCK",
    "CONFIG_TYPE",
    "FRAME",
    "HEAD",
    "LAYER_TYPES",
    "ROOT",
    "TAIL",
    "Layer",
    "Pread",
    "Stored",
    "layer_bytes",
    "layer_size",
    "plain_size",
    "plan_layers",
    "stored_size",
]

ARTIFACT_TYPE: Final = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE: Final = "application/vnd.cncf.model.config.v1+json"
_FAMILIES: Final = ("weight", "weight.config", "doc", "code")
LAYER_TYPES: Final = tuple(f"application/vnd.cncf.model.{family}.v1.tar+gzip" for family in _FAMILIES)
"""Media types of layers: the model, what it needs to run, what people and auditors read, code and wheels."""

ROOT: Final = "models/"
"""Folder in which every file of a layer lies: where Kubernetes and KServe look for a mounted model."""

MAX_LAYER: Final = 256 * 1024 * 1024
"""Size from which a layer takes no further file, in bytes; a larger file has a layer of its own."""

Pread = Callable[[int, int], bytes]
"""`pread(count, offset)`: at most `count` bytes from `offset`; fewer only at the end."""

HEAD: Final = bytes.fromhex("1f8b08000000000000ff")  # deflate, no name, no time, unknown system
BLOCK: Final = 65535
_PIECE: Final = 8 * BLOCK
"""Bytes that are framed at once: few large pieces cost less than many small ones."""

FRAME: Final = struct.Struct("<BHH")
TAIL: Final = struct.Struct("<II")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer to write.

    Attributes:
        media_type: One of `LAYER_TYPES`.
        paths: Files of the bundle, in the order in which they are stored.
    """

    media_type: str
    paths: tuple[str, ...]


def plan_layers(sizes: Mapping[str, int]) -> list[Layer]:
    """Return how files are divided into layers: the lists first, then family by family.

    A new version of a model shares the layers in which nothing changed.

    Args:
        sizes: Path -> size in bytes; signature and attestations have no layer: they are attached.
    """
    groups: dict[tuple[int, str], list[str]] = {(0, "weight.config"): []}
    for path in stored_order(sizes):
        if path != SIGNATURE and not path.startswith(ATTESTATIONS):
            groups.setdefault(_group(path), []).append(path)
    layers = []
    for (_, family), paths in sorted(groups.items()):
        media_type = f"application/vnd.cncf.model.{family}.v1.tar+gzip"
        layers += [Layer(media_type=media_type, paths=part) for part in _parts(paths, sizes)]
    return layers


def _group(path: str) -> tuple[int, str]:
    """Return the family of a file, and how late its layer comes."""
    if path in (CHECKSUMS, MANIFEST):
        return 0, "weight.config"
    folder = path.partition("/")[0]
    if folder == "model":
        return 1, "weight"
    if folder in ("sbom", "evidence") or path == "README.md":
        return 3, "doc"
    if path.startswith(WHEELS):
        return 5, "code"
    return (4, "code") if folder == "code" else (2, "weight.config")


def _parts(paths: list[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    part: list[str] = []
    total = 0
    for path in paths:
        if part and total + sizes[path] > MAX_LAYER:
            yield tuple(part)
            part, total = [], 0
        part.append(path)
        total += sizes[path]
    if part:
        yield tuple(part)


def layer_size(layer: Layer, sizes: Mapping[str, int]) -> int:
    """Return how long the blob of a layer is, in bytes."""
    members = sum(tar.BLOCK + sizes[path] + len(tar.padding(sizes[path])) for path in layer.paths)
    return stored_size(members + len(tar.END))


def stored_size(plain: int) -> int:
    """Return how long the gzip stream of `plain` bytes is."""
    return len(HEAD) + _blocks(plain) * FRAME.size + plain + TAIL.size


def plain_size(size: int) -> int:
    """Return how many bytes are inside a gzip stream of `size` bytes.

    Raises:
        FormatError: No such stream is that long.
    """
    body = size - len(HEAD) - TAIL.size
    plain = body - max(1, -(-body // (BLOCK + FRAME.size))) * FRAME.size
    if plain < 0 or stored_size(plain) != size:
        raise FormatError("not a gzip stream of stored blocks")
    return plain


def _blocks(plain: int) -> int:
    return max(1, -(-plain // BLOCK))


def layer_bytes(
    files: Iterable[tuple[str, int, Iterable[bytes]]],
) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """Yield a layer in pieces: (of the blob, of the plain tar inside it).

    Args:
        files: Path, size in bytes and contents of each file, in stored order.

    Raises:
        FormatError: A path is too long for a tar, or a file too large.
    """
    waiting: list[bytes | memoryview] = []
    size = crc = length = 0
    yield HEAD, b""
    for piece in _tar(files):
        waiting.append(piece)
        size += len(piece)
        if size <= _PIECE:
            continue
        plain = memoryview(b"".join(waiting))
        full = (size - 1) // BLOCK * BLOCK  # which block is the last is known at the end
        crc, length = zlib.crc32(plain[:full], crc), length + full
        yield _framed(plain[:full]), plain[:full]
        waiting, size = [plain[full:]], size - full
    plain = memoryview(b"".join(waiting))
    yield _framed(plain, last=True), plain
    yield TAIL.pack(zlib.crc32(plain, crc), (length + size) & 0xFFFFFFFF), b""


def _framed(plain: memoryview, *, last: bool = False) -> bytes:
    """Return stored blocks; unless it is the last, `plain` is a multiple of a block."""
    parts: list[bytes | memoryview] = []
    for start in range(0, max(len(plain), 1), BLOCK):
        block = plain[start : start + BLOCK]
        ends = last and start + BLOCK >= len(plain)
        parts += FRAME.pack(ends, len(block), len(block) ^ 0xFFFF), block
    return b"".join(parts)


def _tar(files: Iterable[tuple[str, int, Iterable[bytes]]]) -> Iterator[bytes]:
    for path, size, chunks in files:
        yield tar.header(ROOT + path, size)
        yield from chunks
        yield tar.padding(size)
    yield tar.END


class Stored:
    """The plain bytes inside a gzip stream of stored blocks; its size alone says where the frames lie."""

    __slots__ = ("_pread", "size")

    def __init__(self, pread: Pread, size: int) -> None:
        """Take a blob of `size` bytes.

        Raises:
            FormatError: No such stream is that long.
        """
        self._pread = pread
        self.size = plain_size(size)

    def pread(self, count: int, offset: int) -> bytes:
        """Return at most `count` plain bytes from `offset`. The frames between them are not looked at."""
        found = []
        count = min(count, self.size - offset)
        while count > 0:
            number, inside = divmod(offset, BLOCK)
            some = min(count, BLOCK - inside)
            place = len(HEAD) + number * (BLOCK + FRAME.size) + FRAME.size + inside
            found.append(self._pread(some, place))
            offset, count = offset + some, count - some
        return b"".join(found)

    def pieces(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the blob in pieces, as `layer_bytes` does, every frame and the checksum compared.

        Raises:
            FormatError: The stream is not the one exact form: another reader would see other bytes.
        """
        head = self._pread(len(HEAD), 0)
        if head != HEAD:
            raise FormatError("not the exact head of a gzip stream of stored blocks")
        yield head, b""
        place, left, crc = len(HEAD), self.size, 0
        while True:
            size = min(left, BLOCK)
            left -= size
            piece = self._pread(FRAME.size + size, place)
            if piece[: FRAME.size] != FRAME.pack(left == 0, size, size ^ 0xFFFF):
                raise FormatError(f"not a stored block of {size} bytes at byte {place}")
            place += len(piece)
            block = piece[FRAME.size :]
            crc = zlib.crc32(block, crc)
            yield piece, block
            if not left:
                break
        tail = self._pread(TAIL.size + 1, place)
        if tail != TAIL.pack(crc, self.size & 0xFFFFFFFF):
            raise FormatError("the checksum at the end of the gzip stream is wrong")
        yield tail, b""
