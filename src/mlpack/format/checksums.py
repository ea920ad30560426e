"""SHA256SUMS: the list that gives a bundle its identity."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from mlpack.errors import FormatError, UnsafePathError
from mlpack.format.names import CHECKSUMS, MAX_FILES, MAX_PATH, PATH, collisions

__all__ = ["MAX_CHECKSUMS", "bundle_digest", "parse_checksums", "serialise_checksums"]

MAX_CHECKSUMS = 32 * 1024 * 1024
"""Largest SHA256SUMS that a reader accepts, in bytes: 100,000 files fit."""

_LINE = re.compile(rf"([0-9a-f]{{64}})  ({PATH.pattern})")


def serialise_checksums(digests: Mapping[str, str]) -> bytes:
    """Return SHA256SUMS for path -> hex digest: sorted by path bytes, two spaces, LF.

    Source: the output format of coreutils `sha256sum`.
    """
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def parse_checksums(data: bytes) -> dict[str, str]:
    """Return path -> hex digest, in file order.

    Raises:
        FormatError: The file is not exactly what `serialise_checksums` writes, or lists too many files.
        UnsafePathError: Two paths collide on some file system.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError(f"not ASCII at byte {error.start}", where=CHECKSUMS) from error
    if not text.endswith("\n"):
        raise FormatError("empty, or the last line does not end", where=CHECKSUMS)
    digests: dict[str, str] = {}
    previous = ""
    for number, line in enumerate(text[:-1].split("\n"), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise FormatError(
                "expected 64 hex digits, two spaces and a safe path", where=f"{CHECKSUMS} line {number}"
            )
        digest, path = match.groups()
        if len(path) > MAX_PATH:
            raise FormatError(f"longer than {MAX_PATH} bytes", where=f"{CHECKSUMS} line {number}")
        if path <= previous:
            raise FormatError("not sorted, or listed twice", where=f"{CHECKSUMS} line {number}")
        if number > MAX_FILES:
            raise FormatError(f"more than {MAX_FILES} files", where=CHECKSUMS)
        digests[path] = digest
        previous = path
    if problems := collisions(digests):
        raise UnsafePathError("unsafe paths", where=CHECKSUMS, problems=tuple(problems))
    return digests


def bundle_digest(checksums: bytes) -> str:
    """Return the identity of a bundle, `bundle:sha256:<hex>`, from the bytes of SHA256SUMS."""
    return "bundle:sha256:" + hashlib.sha256(checksums).hexdigest()
