"""Installed files against their RECORD: what was changed by hand is not what a lock names."""

from __future__ import annotations

import base64
import csv
import functools
import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

__all__ = ["changed_files"]

_AT_ONCE = 4


def changed_files(installed: Mapping[str, metadata.Distribution]) -> dict[str, list[str]]:
    """Return the files of installed distributions that are not what their wheel brought.

    Files without a hash in RECORD, such as compiled bytecode, are not looked at, nor is what has no RECORD.

    Args:
        installed: Normalised name to distribution.

    Returns:
        Name -> paths as RECORD has them, sorted; a file that is gone counts as changed. Names without any are
        left out.

    Source: packaging.python.org, "Recording installed projects".
    """
    entries = [(name, *entry) for name, item in installed.items() for entry in _entries(item)]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        same = pool.map(lambda entry: _holds(entry[2], entry[3], entry[4]), entries, chunksize=64)
        found = [(entry[0], entry[1]) for entry, holds in zip(entries, same, strict=True) if not holds]
    changed: dict[str, list[str]] = {}
    for name, path in sorted(found):
        changed.setdefault(name, []).append(path)
    return changed


def _entries(item: metadata.Distribution) -> Iterable[tuple[str, Path, str, str]]:
    """Yield path in RECORD, place, algorithm and digest of every file with a hash."""
    for row in csv.reader((item.read_text("RECORD") or "").splitlines()):
        if len(row) > 1 and "=" in row[1]:
            algorithm, _, digest = row[1].partition("=")
            if algorithm in hashlib.algorithms_guaranteed and not algorithm.startswith("shake"):
                yield row[0], Path(str(item.locate_file(row[0]))), algorithm, digest


def _holds(path: Path, algorithm: str, digest: str) -> bool:
    try:
        status = path.stat()
        return _digest(path, algorithm, status.st_mtime_ns, status.st_size) == digest.rstrip("=")
    except OSError:
        return False


@functools.lru_cache(maxsize=50_000)
def _digest(path: Path, algorithm: str, _time: int, _size: int) -> str:
    """Return a file's digest as RECORD writes it; asked again only when the file was written again."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, algorithm).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
