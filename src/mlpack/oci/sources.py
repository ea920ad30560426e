"""What is stored as a blob: bytes in memory, or a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from mlpack.errors import StorageError

__all__ = ["Source", "open_source"]

Source = bytes | Path
"""What is sent: bytes, or a file that stays as it is meanwhile."""


def open_source(source: Source) -> BinaryIO:
    """Open what is to be sent.

    Raises:
        StorageError: The file cannot be read.
    """
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return source.open("rb")
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(source)) from error
