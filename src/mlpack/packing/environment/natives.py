"""Native libraries that wheels bring along: OpenBLAS, libgomp, onnxruntime's own and their like."""

from __future__ import annotations

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
    """

    owner: str
    name: str
    path: str
    location: Path


def native_libraries(owner: str, item: metadata.Distribution) -> list[NativeLibrary]:
    """Return the shared libraries of one installed distribution, sorted by path.

    Args:
        owner: Normalised name of `item`.
        item: The distribution; its RECORD is read as text, which is hundreds of times faster than
            `item.files` with resolved paths.
    """
    record = item.read_text("RECORD") or ""
    paths = sorted({row[0] for row in csv.reader(record.splitlines()) if row})
    return [
        NativeLibrary(
            owner=owner,
            name=path.rpartition("/")[2],
            path=path,
            location=Path(str(item.locate_file(path))),
        )
        for path in paths
        if _LIBRARY.fullmatch(path) and not _EXTENSION.fullmatch(path) and not path.startswith(("/", ".."))
    ]


def file_sha256(path: Path) -> tuple[str, int]:
    """Return SHA-256 (hex) and size in bytes of a file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return digest.hexdigest(), stream.tell()
