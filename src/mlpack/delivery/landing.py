"""Where the files of a bundle land as they arrive, in any order: a folder, or the places of an archive."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from mlpack.errors import FormatError
from mlpack.format import tar
from mlpack.format.integrity import stored_order
from mlpack.format.names import WHEELS
from mlpack.format.writer import write_file

__all__ = ["ArchiveLanding", "DirectoryLanding", "Landing"]

Buffer = bytes | memoryview


class Landing(Protocol):
    """Takes files."""

    def take(self, path: str, size: int, pieces: Iterable[Buffer]) -> str:
        """Write one file and return its hex SHA-256. Several threads may do so at once."""

    def finish(self) -> None:
        """Write what comes after the last file."""


class DirectoryLanding:
    """A folder."""

    def __init__(self, root: Path) -> None:
        """Take an empty folder."""
        self._root = root

    def take(self, path: str, size: int, pieces: Iterable[Buffer]) -> str:
        """Write one file; see `Landing`."""
        del size
        hashing = hashlib.sha256()
        write_file(self._root, path, _hashed(pieces, hashing))
        return hashing.hexdigest()

    def finish(self) -> None:
        """Do nothing."""


class ArchiveLanding:
    """A `.mlpack` archive: all sizes are known, so every file but a wheel has its place from the start."""

    def __init__(self, handle: int, folder: str, sizes: Mapping[str, int]) -> None:
        """Lay out the archive.

        Args:
            handle: An open, empty file.
            folder: `NAME-VERSION`.
            sizes: Path -> size in bytes of every file that is not a wheel; wheels follow as they come.
        """
        self._handle = handle
        self._folder = folder
        self._places: dict[str, int] = {}
        self._end = 0
        for path in stored_order(sizes):
            self._append(path, sizes[path])

    def _append(self, path: str, size: int) -> int:
        self._places[path] = self._end
        self._end += tar.BLOCK + size + len(tar.padding(size))
        return self._places[path]

    def take(self, path: str, size: int, pieces: Iterable[Buffer]) -> str:
        """Write one file; see `Landing`. Wheels must come one at a time, in the order of their names."""
        place = self._places.get(path)
        if place is None:
            if not path.startswith(WHEELS):
                raise FormatError("a file that no list names", where=path)
            place = self._append(path, size)
        hashing = hashlib.sha256()
        self._write(tar.header(f"{self._folder}/{path}", size), place)
        place += tar.BLOCK
        for piece in _hashed(pieces, hashing):
            self._write(piece, place)
            place += len(piece)
        self._write(tar.padding(size), place)
        return hashing.hexdigest()

    def finish(self) -> None:
        """End the archive."""
        self._write(tar.END, self._end)

    def _write(self, data: Buffer, place: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._handle, view, place)
            view, place = view[written:], place + written


def _hashed(pieces: Iterable[Buffer], hashing: hashlib._Hash) -> Iterable[Buffer]:
    for piece in pieces:
        hashing.update(piece)
        yield piece
