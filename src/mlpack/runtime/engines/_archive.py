"""Zip archives as bundles hold them: entries stored one after the other, nothing else, one way to write them.

An archive is read only if writing what was read gives the same bytes. So there are no compressed entries, no
second entry of a name, no bytes that one reader sees and another does not.

Source: APPNOTE.TXT 6.3.9 of PKWARE, 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

from mlpack.errors import FormatError

__all__ = ["read_archive", "write_archive"]

MAX_ENTRIES = 60_000
"""Below the 65,535 that a plain end record can count."""

_VERSION = 20
_EPOCH = 0x21  # 1 January 1980, the earliest date that the format has
_LIMIT = 2**32 - 1


def write_archive(entries: Mapping[str, bytes]) -> bytes:
    """Return the one archive of these entries, in their order.

    Raises:
        FormatError: They are more than the plain format holds.
    """
    if len(entries) > MAX_ENTRIES or sum(map(len, entries.values())) > _LIMIT >> 1:
        raise FormatError("too much for one archive", where="archive")
    body = io.BytesIO()
    directory = io.BytesIO()
    for name, data in entries.items():
        path = name.encode("ascii")
        common = struct.pack(
            "<HHHHHIIIHH", _VERSION, 0, 0, 0, _EPOCH, zlib.crc32(data), len(data), len(data), len(path), 0
        )
        rest = struct.pack("<HHHII", 0, 0, 0, 0, body.tell())
        directory.write(b"PK\x01\x02" + struct.pack("<H", _VERSION) + common + rest + path)
        body.write(b"PK\x03\x04" + common + path + data)
    start, size = body.tell(), directory.tell()
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), size, start, 0)
    return body.getvalue() + directory.getvalue() + b"PK\x05\x06" + end


def read_archive(data: bytes, *, where: str) -> dict[str, bytes]:
    """Return the entries of an archive.

    Raises:
        FormatError: It is not what `write_archive` writes.
    """
    refusal = FormatError("not an archive of stored entries as bundles hold it", where=where)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = archive.infolist()
            if any(item.compress_type or item.file_size != item.compress_size for item in found):
                raise refusal
            # Overlapping entries could add up to more than the archive itself.
            if len(found) > MAX_ENTRIES or sum(item.file_size for item in found) > len(data):
                raise refusal
            entries = {item.filename: archive.read(item) for item in found}
        if write_archive(entries) == data:
            return entries
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError) as error:
        raise refusal from error
    raise refusal
