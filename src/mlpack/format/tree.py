"""A bundle's files, seen the same way in a folder and in an archive. Nothing here trusts a name."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from mlpack.errors import FormatError, StorageError
from mlpack.format import tar
from mlpack.format.names import MAX_FILES, MAX_PATH, PATH, path_problems
from mlpack.format.places import layout_place

__all__ = ["ArchiveTree", "DirectoryTree", "Tree", "open_tree", "read_limited", "safe_entries"]

_MAX_DEPTH = MAX_PATH // 2
"""Deepest nesting of folders that a path can name."""

_CHUNK = 1 << 20

_GIT = (".git", ".gitignore", ".gitattributes", ".github")
"""What git leaves in folders; signatures ignore them, bundles do not."""


class Tree(Protocol):
    """Files of one bundle.

    Attributes:
        location: Where it is, for messages.
        entries: Path -> size in bytes, of every regular file with a safe name; for archives in stored order.
        problems: What breaks the rules of the container, one sentence each, plain ASCII.
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

    def settle(self) -> list[str]:
        """Return what is wrong with the container beyond `problems`, which only reading all of it shows."""


def open_tree(location: str | os.PathLike[str]) -> contextlib.AbstractContextManager[Tree]:
    """Return a context manager over the files of a bundle: a folder, a `.mlpack` archive, or `oci:DIR[:TAG]`.

    Raises:
        StorageError: Nothing is there, or it cannot be read.
    """
    if (place := layout_place(location)) is not None:
        from mlpack.format.layout import LayoutTree

        return contextlib.closing(LayoutTree(place))
    path = Path(location)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:  # a NUL in the path
        raise StorageError(f"not a path: {error}", where=repr(str(path))) from error
    if stat.S_ISDIR(mode):
        return contextlib.nullcontext(DirectoryTree(path))
    if stat.S_ISREG(mode):
        return contextlib.closing(ArchiveTree(path))
    raise StorageError("neither a folder nor a file", where=str(path))


def _unreadable(path: Path, error: OSError) -> StorageError:
    hint = "check the path" if error.errno == errno.ENOENT else ""
    return StorageError(f"cannot be read: {error.strerror or error}", where=str(path), hint=hint)


def read_limited(tree: Tree, path: str, limit: int) -> bytes:
    """Return the whole of one file, as `Tree.read` does."""
    if path not in tree.entries:
        raise FormatError("missing", where=path)
    if tree.entries[path] > limit:
        raise FormatError(f"{tree.entries[path]} bytes, more than the {limit} allowed", where=path)
    return b"".join(tree.chunks(path))


def safe_entries(found: dict[str, int], problems: list[str]) -> dict[str, int]:
    """Return what can be named in a bundle at all, and add what is wrong with names to `problems`."""
    wrong = path_problems(found)
    problems += wrong
    return (
        found
        if not wrong
        else {path: size for path, size in found.items() if len(path) <= MAX_PATH and PATH.fullmatch(path)}
    )


class DirectoryTree:
    """A bundle as a folder."""

    def __init__(self, location: Path) -> None:
        """List the folder; nothing is opened yet.

        Raises:
            StorageError: The folder itself cannot be listed.
        """
        self.location = location
        self.problems: list[str] = []
        self._root = str(location)
        self._seen = 0
        found: dict[str, int] = {}
        try:
            self._scan(self._root, "", found)
        except FormatError as error:
            self.problems.append(error.message if not error.where else f"{error.where}: {error.message}")
        self.entries: Mapping[str, int] = safe_entries(found, self.problems)

    def _scan(self, folder: str, prefix: str, found: dict[str, int]) -> None:
        try:
            with os.scandir(folder) as listing:
                children = list(itertools.islice(listing, 2 * MAX_FILES + 2 - self._seen))
        except OSError as error:
            if not prefix:
                raise _unreadable(Path(folder), error) from error
            self.problems.append(f"{prefix!r}: cannot be read: {error.strerror}")
            return
        if not children:
            self.problems.append(f"{prefix or '.'!r}: empty folder")
        self._seen += len(children)
        if self._seen > 2 * MAX_FILES:
            raise FormatError(f"more than {2 * MAX_FILES} files and folders")
        for child in sorted(children, key=lambda child: child.name):
            path = prefix + child.name
            try:
                self._look_at(child, path, found)
            except OSError as error:
                self.problems.append(f"{path!r}: cannot be read: {error.strerror}")

    def _look_at(self, child: os.DirEntry[str], path: str, found: dict[str, int]) -> None:
        if path in _GIT:
            self.problems.append(f"{path!r}: a leftover of git")
        elif child.is_symlink():
            self.problems.append(f"{path!r}: a symbolic link")
        elif child.is_file(follow_symlinks=False):
            if len(found) >= MAX_FILES:
                raise FormatError(f"more than {MAX_FILES} files")
            found[path] = child.stat(follow_symlinks=False).st_size
        elif not child.is_dir(follow_symlinks=False):
            self.problems.append(f"{path!r}: not a regular file")
        elif path.count("/") >= _MAX_DEPTH:
            self.problems.append(f"{path[:MAX_PATH]!r}: nested too deeply")
        else:
            self._scan(child.path, path + "/", found)

    def _open(self, path: str) -> int:
        try:
            handle = os.open(
                f"{self._root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
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
        return read_limited(self, path, limit)

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

    def settle(self) -> list[str]:
        """Return nothing: all was seen at once."""
        return []


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
        """Walk the headers; the contents are not read yet.

        Raises:
            StorageError: The archive cannot be opened or read, or is not a regular file.
        """
        self.location = location
        self.problems: list[str] = []
        self.top = ""
        """The one top folder, `NAME-VERSION`."""
        self._offsets: dict[str, int] = {}
        found: dict[str, int] = {}
        try:
            # Without O_NONBLOCK, a pipe that took the file's place would hang the reader.
            self._handle = os.open(location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(location, error) from error
        try:
            self._walk(found)
        except FormatError as error:
            self.problems.append(error.message if not error.where else f"{error.where}: {error.message}")
        except OSError as error:
            os.close(self._handle)
            raise _unreadable(location, error) from error
        except BaseException:
            os.close(self._handle)
            raise
        self.entries: Mapping[str, int] = safe_entries(found, self.problems)

    def _walk(self, found: dict[str, int]) -> None:
        status = os.fstat(self._handle)
        if not stat.S_ISREG(status.st_mode):
            raise FormatError("not a regular file")

        def pread(count: int, offset: int) -> bytes:
            return os.pread(self._handle, count, offset)

        for name, offset, size in tar.members(pread, status.st_size):
            path = self._member(name, found)
            self._offsets[path] = offset
            found[path] = size

    def _member(self, name: str, found: dict[str, int]) -> str:
        """Return the path of one member below the top folder."""
        top, _, path = name.partition("/")
        self.top = self.top or top
        if top != self.top or not path:
            raise FormatError("not inside the one top folder", where=repr(name))
        if path in found:
            raise FormatError("stored twice", where=repr(path))
        if len(found) >= MAX_FILES:
            raise FormatError(f"more than {MAX_FILES} files")
        return path

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the file's bytes; see `Tree`."""
        offset, left = self._offsets[path], self.entries[path]
        while left:
            try:
                chunk = os.pread(self._handle, min(left, _CHUNK), offset)
            except OSError as error:
                raise FormatError(f"cannot be read: {error.strerror}", where=path) from error
            if not chunk:
                raise FormatError("changed while it was read", where=path)
            offset += len(chunk)
            left -= len(chunk)
            yield chunk

    def read(self, path: str, limit: int) -> bytes:
        """Return the file's bytes; see `Tree`."""
        return read_limited(self, path, limit)

    def digest(self, path: str) -> str:
        """Return the file's SHA-256; see `Tree`."""
        hasher = hashlib.sha256()
        for chunk in self.chunks(path):
            hasher.update(chunk)
        return hasher.hexdigest()

    def settle(self) -> list[str]:
        """Return nothing: all was seen at once."""
        return []

    def close(self) -> None:
        """Close the archive."""
        os.close(self._handle)
