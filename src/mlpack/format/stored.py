"""Files of a bundle that are too large to be held in memory: where they lie, and what they must be."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mlpack.errors import FormatError, StorageError

__all__ = ["WEIGHTS_FEATURE", "StoredFile", "is_weights", "write_hashed"]

WEIGHTS_FEATURE = "external-data"
"""Entry of `format.requires` of every bundle whose graph has its large constants in files beside it."""

_WEIGHTS = re.compile(r"model/weights-[1-9][0-9]{0,3}\.bin")
_CHUNK = 1 << 20


def is_weights(path: str) -> bool:
    """Return whether a path in a bundle is that of a file with constants of the graph."""
    return _WEIGHTS.fullmatch(path) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """One file outside of memory.

    Attributes:
        path: Where it lies, in a folder that only its owner can enter.
        size: Its size in bytes.
        sha256: Hex digest of what it must hold.
    """

    path: Path
    size: int
    sha256: str

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes.

        Raises:
            FormatError: At the end: they are not the ones that were measured.
            StorageError: It cannot be read.
        """
        hasher = hashlib.sha256()
        left = self.size
        try:
            with self.path.open("rb", buffering=0) as file:
                while chunk := file.read(min(left + 1, _CHUNK)):
                    left -= len(chunk)
                    hasher.update(chunk)
                    if left < 0:
                        break
                    yield chunk
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror}", where=self.path.name) from error
        if left or hasher.hexdigest() != self.sha256:
            raise FormatError("has changed since it was written", where=self.path.name)


def write_hashed(chunks: Iterator[bytes], target: Path) -> StoredFile:
    """Write a new file that only its owner can read, and return what it holds.

    Raises:
        StorageError: It cannot be written.
    """
    hasher, size = hashlib.sha256(), 0
    try:
        with _private(target) as file:
            for chunk in chunks:
                hasher.update(chunk)
                size += len(chunk)
                file.write(chunk)
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", where=str(target)) from error
    return StoredFile(path=target, size=size, sha256=hasher.hexdigest())


def _private(target: Path) -> BinaryIO:
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
