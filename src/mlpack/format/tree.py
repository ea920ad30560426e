"""A bundle's files, seen the same way in a folder and in an archive. Nothing here trusts a name."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from mlpack.errors import FormatError, StorageError
from mlpack.format import tar
from mlpack.format.names import path_problems

__all__ = ["ArchiveTree", "DirectoryTree", "Tree", "open_tree"]

MAX_FILES = 100_000
"""Most files that a reader accepts."""

_CHUNK = 1 << 20


class Tree(Protocol):
    """Files of one bundle.

    Attributes:
        location: Where it is, for messages.
        entries: Path -> size in bytes, of every regular file with a safe name; for archives in stored order.
        problems: What breaks the rules of the container, one sentence each.
    """

    location: Path
    entries: Mapping[str, int]
    problems: list[str]

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of one file: never more than its entry's size, and a FormatError when fewer."""

    def read(self, path: str, limit: int) -> bytes:
        """Return one file's bytes; FormatError when it is missing or larger than `limit` bytes."""

    def digest(self, path: str) -> str:
        """Return the hex SHA-256 of one file."""


def open_tree(location: str | os.PathLike[str]) -> contextlib.AbstractContextManager[Tree]:
    """Return a context manager over the files of a bundle directory or `.mlpack` archive.

    Raises:
        StorageError: Nothing is there, or it cannot be read.
    """
    path = Path(location)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        return contextlib.nullcontext(DirectoryTree(path))
    if stat.S_ISREG(mode):
        return contextlib.closing(ArchiveTree(path))
    raise StorageError("neither a folder nor a file", where=str(path))


def _unreadable(path: Path, error: OSError) -> StorageError:
    hint = "check the path" if error.errno == errno.ENOENT else ""
    return StorageError(f"cannot be read: {error.strerror or error}", where=str(path), hint=hint)


def _read_limited(tree: Tree, path: str, limit: int) -> bytes:
    if path not in tree.entries:
        raise FormatError("missing", where=path)
    if tree.entries[path] > limit:
        raise FormatError(f"{tree.entries[path]} bytes, more than the {limit} allowed", where=path)
    return b"".join(tree.chunks(path))


class DirectoryTree:
    """A bundle as a folder."""

    def __init__(self, location: Path) -> None:
        """List the folder; nothing is opened yet."""
        self.location = location
        self.problems: list[str] = []
        found: dict[str, int] = {}
        self._scan(str(location), "", found)
        self.problems += path_problems(found)
        self.entries: Mapping[str, int] = found
        self._root = str(location)

    def _scan(self, folder: str, prefix: str, found: dict[str, int]) -> None:
        try:
            with os.scandir(folder) as listing:
                children = sorted(listing, key=lambda child: child.name)
        except OSError as error:
            raise _unreadable(Path(folder), error) from error
        if not children:
            self.problems.append(f"{prefix or '.'}: empty folder")
        for child in children:
            path = prefix + child.name
            if len(found) >= MAX_FILES:
                raise FormatError(f"more than {MAX_FILES} files", where=str(self.location))
            if child.is_symlink():
                self.problems.append(f"{path!r}: a symbolic link")
            elif child.is_file(follow_symlinks=False):
                found[path] = child.stat(follow_symlinks=False).st_size
            elif not child.is_dir(follow_symlinks=False):
                self.problems.append(f"{path!r}: not a regular file")
            elif path.count("/") > 32:
                self.problems.append(f"{path[:80]!r}: nested too deeply")
            else:
                self._scan(child.path, path + "/", found)

    def _open(self, path: str) -> int:
        try:
            handle = os.open(f"{self._root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=path) from error
        return handle

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the file's bytes; see `Tree`."""
        left = self.entries[path]
        handle = self._open(path)
        try:
            while True:
                # One byte more than expected is asked for, so that a file that grew is noticed.
                chunk = os.read(handle, min(left + 1, _CHUNK))
                if len(chunk) > left or (not chunk and left):
                    raise FormatError("changed while it was read", where=path)
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=path) from error
        finally:
            os.close(handle)

    def read(self, path: str, limit: int) -> bytes:
        """Return the file's bytes; see `Tree`."""
        return _read_limited(self, path, limit)

    def digest(self, path: str) -> str:
        """Return the file's SHA-256; see `Tree`."""
        size = self.entries[path]
        handle = self._open(path)
        try:
            if size < _CHUNK:
                data = os.read(handle, size + 1)
                if len(data) == size:  # the common case in one call: thousands of small files
                    return hashlib.sha256(data).hexdigest()
                os.lseek(handle, 0, os.SEEK_SET)
            return _hash_descriptor(handle, size, path)
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=path) from error
        finally:
            os.close(handle)


def _hash_descriptor(handle: int, size: int, path: str) -> str:
    """Hash exactly `size` bytes from where the descriptor stands, which must be all there is."""
    hasher = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    left = size
    while count := os.readv(handle, [view]):
        left -= count
        if left < 0:
            break
        hasher.update(view[:count])
    if left:
        raise FormatError("changed while it was read", where=path)
    return hasher.hexdigest()


class ArchiveTree:
    """A bundle as a `.mlpack` archive: one exact form of ustar, nothing unpacked."""

    def __init__(self, location: Path) -> None:
        """Walk the headers; the contents are not read yet."""
        self.location = location
        self.problems: list[str] = []
        self.top = ""
        """The one top folder, `NAME-VERSION`."""
        self._offsets: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        try:
            self._handle = os.open(location, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(location, error) from error
        try:
            self._walk()
        except FormatError as error:
            self.problems.append(str(error))
        except BaseException:
            os.close(self._handle)
            raise
        self.problems += path_problems(self._sizes)
        self.entries: Mapping[str, int] = self._sizes

    def _walk(self) -> None:
        total = os.fstat(self._handle).st_size
        offset = 0
        while True:
            block = os.pread(self._handle, tar.BLOCK, offset)
            if block == bytes(tar.BLOCK):
                self._check_end(offset, total)
                return
            if len(block) < tar.BLOCK:
                raise FormatError(f"truncated at byte {offset}", where=self.location.name)
            name, size = tar.member_name(block)
            top, _, path = name.partition("/")
            self.top = self.top or top
            if top != self.top or not path:
                raise FormatError("not inside the one top folder", where=name[:260])
            if path in self._sizes:
                raise FormatError("stored twice", where=path[:260])
            if len(self._sizes) >= MAX_FILES:
                raise FormatError(f"more than {MAX_FILES} files", where=self.location.name)
            offset += tar.BLOCK
            end = offset + size
            if end > total:
                raise FormatError(f"truncated: {end - total} bytes are missing", where=path[:260])
            fill = tar.padding(size)
            if os.pread(self._handle, len(fill), end) != fill:
                raise FormatError("bytes hidden after the file", where=path[:260])
            self._offsets[path] = offset
            self._sizes[path] = size
            offset = end + len(fill)

    def _check_end(self, offset: int, total: int) -> None:
        if os.pread(self._handle, len(tar.END) + 1, offset) != tar.END or total != offset + len(tar.END):
            raise FormatError("expected two zero blocks and nothing after", where=self.location.name)

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the file's bytes; see `Tree`."""
        offset, left = self._offsets[path], self._sizes[path]
        while left:
            chunk = os.pread(self._handle, min(left, _CHUNK), offset)
            if not chunk:
                raise FormatError("changed while it was read", where=path)
            offset += len(chunk)
            left -= len(chunk)
            yield chunk

    def read(self, path: str, limit: int) -> bytes:
        """Return the file's bytes; see `Tree`."""
        return _read_limited(self, path, limit)

    def digest(self, path: str) -> str:
        """Return the file's SHA-256; see `Tree`."""
        hasher = hashlib.sha256()
        for chunk in self.chunks(path):
            hasher.update(chunk)
        return hasher.hexdigest()

    def close(self) -> None:
        """Close the archive."""
        os.close(self._handle)
