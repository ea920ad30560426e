"""One exact form of ustar: the writer makes these blocks, the reader accepts no others.

Source: POSIX.1-1988 ustar; fields that vary between machines are constants here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mlpack.errors import FormatError

__all__ = ["BLOCK", "END", "MAX_MEMBER", "header", "member_name", "members", "padding"]

BLOCK = 512
END = bytes(2 * BLOCK)
"""The end of an archive: two zero blocks, and nothing after."""

MAX_MEMBER = 8**11 - 1
"""Largest member: eleven octal digits, one byte less than 8 GiB."""

_OCTAL = re.compile(rb"[0-7]{11}")
_MTIME = 315532800  # 1980-01-01: old enough for zip tools, not so old that GNU tar warns


def header(path: str, size: int) -> bytes:
    """Return the header block of a regular file.

    Raises:
        FormatError: The path does not fit name and prefix, or the file is 8 GiB or larger.
    """
    if size > MAX_MEMBER:
        raise FormatError("larger than the 8 GiB that an archive member can hold", where=repr(path))
    prefix, name = _split(path)
    block = bytearray(BLOCK)
    block[0 : len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:116] = b"0000000\0"
    block[116:124] = b"0000000\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % _MTIME
    block[148:156] = b" " * 8
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[329:337] = b"0000000\0"
    block[337:345] = b"0000000\0"
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _split(path: str) -> tuple[bytes, bytes]:
    """Return (prefix, name); the prefix is as short as the limits allow."""
    raw = path.encode("ascii")
    if len(raw) <= 100:
        return b"", raw
    cut = raw.find(b"/", len(raw) - 101)
    if cut < 0 or cut > 155:
        raise FormatError(
            "too long for an archive", where=repr(path), hint="shorten the file's or the bundle's name"
        )
    return raw[:cut], raw[cut + 1 :]


def member_name(block: bytes) -> tuple[str, int]:
    """Return (path, size) that a header block claims.

    Raises:
        FormatError: The block differs in any byte from what `header` writes for that path and size.
    """
    name = block[0:100].rstrip(b"\0")
    prefix = block[345:500].rstrip(b"\0")
    raw = prefix + b"/" + name if prefix else name
    size_field = block[124:135]
    if (
        not raw.isascii()
        or not raw
        or b"\0" in raw
        or not size_field.isdigit()
        or b"8" in size_field
        or b"9" in size_field
    ):
        raise FormatError("not a plain file entry")
    path = raw.decode("ascii")
    size = int(size_field, 8)
    if header(path, size) != block:
        raise FormatError(
            "not the exact header of a plain file: links, devices, folders, owners and times are not allowed",
            where=repr(path),
        )
    return path, size


def members(pread: Callable[[int, int], bytes], total: int) -> Iterator[tuple[str, int, int]]:
    """Yield (name, offset of the contents, size) of every member of an archive of exactly this form.

    Args:
        pread: `pread(count, offset)`: at most `count` bytes from `offset`.
        total: Size of the archive in bytes.

    Raises:
        FormatError: It is of another form, truncated, or goes on after its end.
    """
    offset = 0
    while True:
        block = pread(BLOCK, offset)
        if len(block) < BLOCK:
            raise FormatError(f"truncated at byte {offset}")
        if block == bytes(BLOCK):
            if pread(len(END) + 1, offset) != END or total != offset + len(END):
                raise FormatError(f"expected two zero blocks at byte {offset} and nothing after")
            return
        try:
            name, size = member_name(block)
        except FormatError as error:
            raise FormatError(f"header at byte {offset}: {error}") from error
        offset += BLOCK
        end = offset + size
        fill = padding(size)
        if end + len(fill) > total:
            raise FormatError(f"truncated: {end + len(fill) - total} bytes are missing", where=repr(name))
        if pread(len(fill), end) != fill:
            raise FormatError("bytes hidden after the file", where=repr(name))
        yield name, offset, size
        offset = end + len(fill)


def padding(size: int) -> bytes:
    """Return the zero bytes that fill the last block of a member."""
    return bytes(-size % BLOCK)
