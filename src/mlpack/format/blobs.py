"""The files of an OCI layout, a folder or a tar archive of one: opened by name, never unpacked."""

from __future__ import annotations

import os
import re
import stat
from functools import partial
from pathlib import Path

from mlpack.errors import FormatError, StorageError
from mlpack.format.layers import Pread

__all__ = ["Blobs", "open_blobs"]

_BLOCK = 512
_MAX_MEMBERS = 200_000
_OCTAL = re.compile(rb" *([0-7]{1,11})[ \0]*")
_FILES, _FOLDERS = (b"0", b"\0"), (b"5",)


class Blobs:
    """Files of a layout by their path in it; each is kept open until `close`."""

    def __init__(self, root: Path, handle: int | None) -> None:
        """Take a folder, or the open descriptor of an archive; `open_blobs` does."""
        self._root = root
        self._handle = handle
        self._open: dict[str, int] = {}
        self._members: dict[str, tuple[int, int]] = {}

    def index(self) -> None:
        """Find the members of an archive. A folder needs nothing.

        Raises:
            FormatError: It is no plain archive of files and folders.
        """
        if self._handle is None:
            return
        total, offset = os.fstat(self._handle).st_size, 0
        while block := os.pread(self._handle, _BLOCK, offset):
            if block == bytes(_BLOCK):
                return
            name, size = _member(block, offset)
            offset += _BLOCK
            if offset + size > total:
                raise FormatError("truncated", where=repr(name))
            if size or block[156:157] in _FILES:
                if name in self._members or len(self._members) >= _MAX_MEMBERS:
                    raise FormatError("stored twice, or too many files", where=repr(name))
                self._members[name] = (offset, size)
            offset += -(-size // _BLOCK) * _BLOCK

    def find(self, name: str) -> tuple[Pread, int] | None:
        """Return how to read a file, and its size; None when it is not there.

        Raises:
            FormatError: It is something else than a plain file, or cannot be read.
        """
        if self._handle is not None:
            if name not in self._members:
                return None
            start, size = self._members[name]
            return partial(_inside, self._handle, start, size), size
        try:
            if name not in self._open:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                self._open[name] = os.open(self._root / name, flags)
            status = os.fstat(self._open[name])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=name) from error
        if not stat.S_ISREG(status.st_mode):
            raise FormatError("not a regular file", where=name)
        return partial(_inside, self._open[name], 0, status.st_size), status.st_size

    def read(self, name: str, limit: int) -> bytes | None:
        """Return a whole small file; None when it is not there.

        Raises:
            FormatError: It is larger than `limit` bytes, or cannot be read.
        """
        found = self.find(name)
        if found is None:
            return None
        pread, size = found
        if size > limit:
            raise FormatError(f"more than {limit} bytes", where=name)
        data = pread(size, 0)
        self.release(name)
        return data

    def release(self, name: str) -> None:
        """Close one file of a folder: there may be thousands."""
        if name in self._open:
            os.close(self._open.pop(name))

    def close(self) -> None:
        """Close everything."""
        for handle in self._open.values():
            os.close(handle)
        self._open.clear()
        if self._handle is not None:
            os.close(self._handle)


def open_blobs(path: Path) -> Blobs:
    """Open a layout, which is a folder or a tar archive.

    Raises:
        StorageError: Nothing is there, or it cannot be read.
    """
    try:
        if path.is_dir():
            return Blobs(path, None)
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StorageError("neither a folder nor a file", where=str(path))
    return Blobs(path, handle)


def _inside(handle: int, start: int, size: int, count: int, offset: int) -> bytes:
    """Return at most `count` bytes from `offset` of a file that lies at `start` of a descriptor."""
    count = min(count, size - offset)
    try:
        return os.pread(handle, count, start + offset) if count > 0 else b""
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}") from error


def _member(block: bytes, offset: int) -> tuple[str, int]:
    """Return the name and the size in one header; folders have size 0. Other tools write what is read here.

    Source: POSIX.1-1988 ustar; long names and extensions have no use in a layout, and are refused.
    """
    where = f"header at byte {offset}"
    size, checksum = (_OCTAL.fullmatch(field) for field in (block[124:136], block[148:156]))
    total = sum(block[:148]) + 8 * 32 + sum(block[156:])
    kind = block[156:157]
    if len(block) < _BLOCK or not size or not checksum or int(checksum[1], 8) != total:
        raise FormatError("not a tar archive", where=where)
    if kind not in (*_FILES, *_FOLDERS):
        raise FormatError(f"a member of the kind {kind!r}, where files and folders are expected", where=where)
    raw = block[:100].partition(b"\0")[0]
    if block[257:263] == b"ustar\0" and block[345]:
        raw = block[345:500].partition(b"\0")[0] + b"/" + raw
    name = raw.decode("ascii", "replace").removeprefix("./").rstrip("/")
    return name, 0 if kind in _FOLDERS else int(size[1], 8)
