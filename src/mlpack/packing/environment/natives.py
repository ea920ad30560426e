"""Native libraries that wheels bring along: OpenBLAS, libgomp, onnxruntime's own and their like."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

__all__ = ["NativeLibrary", "file_sha256", "native_libraries"]

_LIBRARY = re.compile(
    r"(?:.*/)?(?:[^/]+\.libs/[^/]+\.so[^/]*|\.dylibs/[^/]+|lib[^/]*\.so(?:\.[0-9.]+)?|[^/]+\.(?:dylib|dll))"
)
_EXTENSION = re.compile(r".*\.(?:cpython-[^/]*|abi3|pypy[^/]*|cp\d+[^/]*)\.(?:so|dylib|pyd)")
"""Modules of Python itself; they belong to the package and have no life of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeLibrary:
    """One shared library that an installed wheel brought.

    Attributes:
        owner: Normalised name of the distribution.
        name: File name.
        path: Path inside the wheel, with `/`.
        location: Where it lies on this machine; never written anywhere.
        recorded: SHA-256 (hex) and size in bytes that its wheel's RECORD states, or None.
    """

    owner: str
    name: str
    path: str
    location: Path
    recorded: tuple[str, int] | None = None


def native_libraries(owner: str, item: metadata.Distribution) -> list[NativeLibrary]:
    """Return the shared libraries of one installed distribution, sorted by path.

    Args:
        owner: Normalised name of `item`.
        item: The distribution; its RECORD is read as text, which is hundreds of times faster than
            `item.files` with resolved paths.
    """
    record = item.read_text("RECORD") or ""
    rows = {row[0]: row for row in csv.reader(record.splitlines()) if row}
    return [
        NativeLibrary(
            owner=owner,
            name=path.rpartition("/")[2],
            path=path,
            location=Path(str(item.locate_file(path))),
            recorded=_recorded(rows[path]),
        )
        for path in sorted(rows)
        if _LIBRARY.fullmatch(path) and not _EXTENSION.fullmatch(path) and not path.startswith(("/", ".."))
    ]


def _recorded(row: list[str]) -> tuple[str, int] | None:
    """Return hash and size of one line. Source: PyPA, "Recording installed projects"."""
    algorithm, _, digest = row[1].partition("=") if len(row) > 2 else ("", "", "")
    if algorithm != "sha256" or not row[2].isdecimal():
        return None
    try:
        return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex(), int(row[2])
    except ValueError:
        return None


def file_sha256(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size in bytes of a file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return digest.hexdigest(), stream.tell()
