"""Folders as they lie on a disk: walked through descriptors, hashed as found, no link followed unseen."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlpack.trust.proof.refusals import refused

__all__ = ["Visitor", "hash_parts", "new_hash", "opened", "walk"]

_MAX_FILES = 1_000_000
_MAX_DEPTH = 128
_CHUNK = 1024 * 1024
_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)

Visitor = Callable[[str, int], None]
"""Takes a file's path below the top and an open descriptor of it."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


def new_hash(algorithm: str) -> _Hash:
    """Return a fresh hash of one of the three kinds.

    Raises:
        VerificationError: `signature-unsupported`: blake3 is not installed.
    """
    if algorithm != "blake3":
        return hashlib.new(algorithm)
    try:
        import blake3
    except ImportError as error:
        raise refused(
            "signature-unsupported", "hashed with blake3, which Python lacks", hint="pip install blake3"
        ) from error
    found: _Hash = blake3.blake3()
    return found


def hash_parts(handle: int, algorithm: str, shard_size: int | None = None) -> list[tuple[int, int, bytes]]:
    """Return start, end and digest of every part of an open file; without `shard_size` the whole is one."""
    parts: list[tuple[int, int, bytes]] = []
    start = position = 0
    current = new_hash(algorithm)
    chunk = min(
        _CHUNK, os.fstat(handle).st_size + 1
    )  # a small file is read at once, and once more to its end
    while True:
        room = chunk if shard_size is None else min(chunk, start + shard_size - position)
        data = os.read(handle, room)
        if not data:
            break
        current.update(data)
        position += len(data)
        if shard_size is not None and position - start == shard_size:
            parts.append((start, position, current.digest()))
            start, current = position, new_hash(algorithm)
    if shard_size is None or position > start:
        parts.append((start, position, current.digest()))
    return parts


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open one regular file that the caller names.

    Raises:
        VerificationError: `unreadable` or `file-kind`.
    """
    try:
        handle = os.open(path, _OPEN)
    except OSError as error:
        raise refused("unreadable", f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise refused("file-kind", "not a regular file", where=str(path))
        yield handle
    except OSError as error:
        raise refused("unreadable", f"cannot be read: {error.strerror}", where=str(path)) from error
    finally:
        os.close(handle)


def walk(top: Path, visit: Visitor, *, ignored: Callable[[str], bool], follow_links: bool) -> None:
    """Visit every regular file below `top` in order of names, except what is ignored.

    Args:
        top: The folder.
        visit: Called for each file.
        ignored: Tells whether a path, and all below it, is passed over.
        follow_links: Whether symbolic links that stay below `top` count as what they point to.

    Raises:
        VerificationError: `unreadable`, `file-link`, `file-kind`, `file-name` or `file-limit`.
    """
    walker = _Walk(top=Path(os.path.realpath(top)), visit=visit, ignored=ignored, follow_links=follow_links)
    try:
        handle = os.open(top, _OPEN | _FOLDER)
        try:
            walker.folder(handle, "", 0)
        finally:
            os.close(handle)
    except OSError as error:
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(top)
        raise refused("unreadable", f"cannot be read: {error.strerror}", where=where) from error


@dataclass(kw_only=True, slots=True)
class _Walk:
    top: Path
    visit: Visitor
    ignored: Callable[[str], bool]
    follow_links: bool
    count: int = 0
    above: list[tuple[int, int]] = field(default_factory=list)

    def folder(self, handle: int, prefix: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise refused("file-limit", f"folders nested more than {_MAX_DEPTH} deep", where=prefix)
        status = os.fstat(handle)
        identity = (status.st_dev, status.st_ino)
        if identity in self.above:
            raise refused("file-link", "a symbolic link leads back to a folder above it", where=prefix)
        self.above.append(identity)
        for name in sorted(os.listdir(handle)):
            path = prefix + name
            if not self.ignored(path):
                self._entry(handle, name, path, depth)
        self.above.pop()

    def _entry(self, parent: int, name: str, path: str, depth: int) -> None:
        self.count += 1
        if self.count > _MAX_FILES:
            raise refused("file-limit", f"more than {_MAX_FILES} entries")
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if not _readable(name):
            raise refused("file-name", "a name that is not UTF-8", where=ascii(path))
        if stat.S_ISLNK(mode):
            self._link(path, depth)
            return
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise refused("file-kind", "neither a file nor a folder", where=path)
        flags = _OPEN | _NOFOLLOW | (_FOLDER if stat.S_ISDIR(mode) else 0)
        self._enter(os.open(name, flags, dir_fd=parent), path, depth)

    def _link(self, path: str, depth: int) -> None:
        if not self.follow_links:
            raise refused("file-link", "a symbolic link", where=path)
        target = Path(os.path.realpath(self.top / path))
        if not target.is_relative_to(self.top):
            raise refused("file-link", "a symbolic link that leaves the folder", where=path)
        self._enter(os.open(target, _OPEN | _NOFOLLOW), path, depth)

    def _enter(self, handle: int, path: str, depth: int) -> None:
        try:
            mode = os.fstat(handle).st_mode  # what was opened, whatever the name stands for by now
            if stat.S_ISDIR(mode):
                self.folder(handle, path + "/", depth + 1)
            elif stat.S_ISREG(mode):
                self.visit(path, handle)
            else:
                raise refused("file-kind", "neither a file nor a folder", where=path)
        finally:
            os.close(handle)


def _readable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
