"""What is stored as a blob: bytes in memory, a file, or something that is made while it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from mlpack.errors import StorageError

__all__ = ["Remade", "Source", "read_source"]

_PIECE = 1024 * 1024


class Remade(Protocol):
    """Bytes that can be made as often as they are needed, always the same."""

    def pieces(self, offset: int) -> Iterator[bytes]:
        """Yield the bytes from `offset` on."""


Source = bytes | Path | Remade
"""What is sent: bytes, a file that stays as it is meanwhile, or bytes that are made anew for every try."""


def read_source(source: Source, offset: int = 0) -> Iterator[bytes]:
    """Yield the bytes of a source from `offset` on; it is opened again for every try.

    Raises:
        StorageError: The file cannot be read.
    """
    if isinstance(source, bytes):
        for start in range(offset, len(source), _PIECE):
            yield source[start : start + _PIECE]
    elif isinstance(source, Path):
        try:
            with source.open("rb") as stream:
                stream.seek(offset)
                while piece := stream.read(_PIECE):
                    yield piece
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror}", where=str(source)) from error
    else:
        yield from source.pieces(offset)
