"""What a shared library says of itself: its name, what it needs, its build, and the version of an OpenBLAS.

Source: System V ABI, ELF-64 object file format. Only little-endian 64-bit files: all our platforms have them.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NO_FACTS", "ElfFacts", "elf_facts"]

_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4
_DT_NEEDED, _DT_STRTAB, _DT_SONAME = 1, 5, 14
_MAX_ENTRIES = 4096
_OPENBLAS = re.compile(rb"OpenBLAS (\d+(?:\.\d+){1,4})[ \0]")


@dataclass(frozen=True, kw_only=True, slots=True)
class ElfFacts:
    """Facts of one library; empty where it states none.

    Attributes:
        soname: Its own name.
        needed: File names of the libraries that it needs.
        build_id: Identifier of the build, hex.
        version: Version that it holds as a text, for libraries that are known to.
    """

    soname: str = ""
    needed: tuple[str, ...] = ()
    build_id: str = ""
    version: str = ""


NO_FACTS = ElfFacts()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def elf_facts(path: Path) -> ElfFacts:
    """Return what a shared library says of itself; nothing when it is no such file or a damaged one.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
            return NO_FACTS
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _facts(data, path.name)
            except (struct.error, OverflowError, UnicodeDecodeError):  # an offset that leads nowhere
                return NO_FACTS


def _facts(data: mmap.mmap, name: str) -> ElfFacts:
    segments = list(_segments(data))
    soname, needed = _dynamic(data, segments)
    found = _OPENBLAS.search(data) if "openblas" in name.lower() else None
    return ElfFacts(
        soname=soname,
        needed=needed,
        build_id=_build_id(data, segments),
        version=found[1].decode() if found else "",
    )


def _segments(data: mmap.mmap) -> Iterator[_Segment]:
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, start + index * size)
        yield _Segment(kind=kind, offset=offset, address=address, size=length)


def _dynamic(data: mmap.mmap, segments: list[_Segment]) -> tuple[str, tuple[str, ...]]:
    """Return the name and the names that are needed."""
    entries: list[tuple[int, int]] = []
    for segment in segments:
        if segment.kind == _PT_DYNAMIC:
            count = min(segment.size // 16, _MAX_ENTRIES)
            entries = [struct.unpack_from("<QQ", data, segment.offset + 16 * at) for at in range(count)]
    values = dict(entries)
    table = _offset(values.get(_DT_STRTAB, 0), segments)
    if table is None:
        return "", ()
    needed = tuple(_text(data, table + value) for tag, value in entries if tag == _DT_NEEDED)
    soname = _text(data, table + values[_DT_SONAME]) if _DT_SONAME in values else ""
    return soname, needed


def _offset(address: int, segments: list[_Segment]) -> int | None:
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return segment.offset + address - segment.address
    return None


def _text(data: mmap.mmap, at: int) -> str:
    end = data.find(b"\0", at, at + 1000)
    return data[at:end].decode("utf-8") if end >= 0 else ""


def _build_id(data: mmap.mmap, segments: list[_Segment]) -> str:
    for segment in segments:
        at, end = segment.offset, segment.offset + min(segment.size, 1 << 16)
        while segment.kind == _PT_NOTE and at + 12 <= end:
            names, length, kind = struct.unpack_from("<III", data, at)
            start = at + 12 + (names + 3) // 4 * 4
            if kind == 3 and data[at + 12 : at + 16] == b"GNU\0":
                return data[start : start + min(length, 64)].hex()
            at = start + (length + 3) // 4 * 4
    return ""
