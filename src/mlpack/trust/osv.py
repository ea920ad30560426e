"""An offline export of OSV records: which of them are about given packages, how new it is, and its digest.

The export is the verifier's own; it is still read with limits, because it was made elsewhere.

Source: OSV schema 1.6 (ossf.github.io/osv-schema), evaluation of ranges.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlpack.errors import PolicyError
from mlpack.trust.components import normal_name

__all__ = ["Database", "fixed_versions", "read_database", "record_hits"]

MAX_RECORDS = 1_000_000
MAX_RECORD = 16 * 1024 * 1024
"""Largest record, in bytes; records are read one at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """What was read of an export.

    Attributes:
        digest: `file:sha256:<hex>` of the zip file; of the list of names and hashes for a folder.
        newest: When its newest record was changed.
        count: Number of records.
        covered: Number of records about PyPI.
        records: Normal name of a package -> records that name it, without withdrawn ones.
    """

    digest: str
    newest: dt.datetime
    count: int
    covered: int
    records: Mapping[str, tuple[Mapping[str, Any], ...]]


def read_database(path: Path, wanted: frozenset[str]) -> Database:
    """Read an export, and keep the records about `wanted` packages of PyPI.

    Raises:
        PolicyError: It cannot be read, is too large, or holds something that is no record.
    """
    hasher = hashlib.sha256()
    newest = dt.datetime.min.replace(tzinfo=dt.UTC)
    count = covered = 0
    records: dict[str, list[Mapping[str, Any]]] = {name: [] for name in wanted}
    try:
        for name, data in _files(path, hasher):
            count += 1
            if count > MAX_RECORDS:
                raise PolicyError(f"more than {MAX_RECORDS} records", where=str(path))
            record = _record(data, f"{path}/{name[:80]}")
            newest = max(newest, _modified(record, f"{path}/{name[:80]}"))
            names = _packages(record)
            covered += bool(names)
            if "withdrawn" not in record:
                for found in names & wanted:
                    records[found].append(record)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise PolicyError(f"the database cannot be read: {error}"[:300], where=str(path)) from error
    kept = {name: tuple(sorted(found, key=lambda item: str(item["id"]))) for name, found in records.items()}
    digest = f"file:sha256:{hasher.hexdigest()}"
    return Database(digest=digest, newest=newest, count=count, covered=covered, records=kept)


def _files(path: Path, hasher: Any) -> Iterator[tuple[str, bytes]]:  # noqa: ANN401  (hashlib has no public type)
    """Yield name and bytes of every record; the hash is complete when the last one was taken."""
    if path.is_dir():
        for file in sorted(path.glob("*.json")):
            with file.open("rb") as stream:
                data = _limited(stream.read(MAX_RECORD + 1), file.name)
            hasher.update(
                f"{hashlib.sha256(data).hexdigest()}  {file.name}\n".encode("utf-8", "surrogateescape")
            )
            yield file.name, data
        return
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            hasher.update(chunk)
        # The same open file: what is read now is what was hashed, even if another took its place.
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".json"):
                    with archive.open(info) as member:
                        yield info.filename, _limited(member.read(MAX_RECORD + 1), info.filename)


def _limited(data: bytes, name: str) -> bytes:
    if len(data) > MAX_RECORD:
        raise PolicyError(f"a record of more than {MAX_RECORD} bytes", where=name[:80])
    return data


def _record(data: bytes, where: str) -> Mapping[str, Any]:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PolicyError("not an OSV record: not JSON", where=where) from error
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise PolicyError("not an OSV record", where=where)
    return record


def _modified(record: Mapping[str, Any], where: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(record["modified"])
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError("not an OSV record: no time of change", where=where) from error
    if moment.tzinfo is None:
        raise PolicyError("not an OSV record: a time without its zone", where=where)
    return moment


def _affected(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (normal name, entry) for every entry about a package of PyPI."""
    entries = record.get("affected")
    for entry in entries if isinstance(entries, list) else ():
        package = entry.get("package") if isinstance(entry, dict) else None
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            continue
        if str(package.get("ecosystem")).partition(":")[0] == "PyPI":
            yield normal_name(package["name"]), entry


def _packages(record: Mapping[str, Any]) -> set[str]:
    return {name for name, _ in _affected(record)}


def record_hits(record: Mapping[str, Any], name: str, version: str) -> bool | None:
    """Return whether a record is about this version of a package; None when nobody can tell.

    Args:
        record: An OSV record.
        name: Normal name of the package.
        version: Its version.
    """
    verdicts = [_entry_hits(entry, version) for found, entry in _affected(record) if found == name]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def fixed_versions(record: Mapping[str, Any], name: str, version: str) -> tuple[str, ...]:
    """Return the versions after `version` in which a record says that a package is fixed, oldest first.

    Args:
        record: An OSV record that is about this version.
        name: Normal name of the package.
        version: Its version.
    """
    mine = _parsed(version)
    found = {}
    for other, entry in _affected(record):
        for item in _ranges(entry) or () if other == name else ():
            for event in item:
                at = _parsed(event.get("fixed"))
                if at is not None and (mine is None or at > mine):
                    found[at] = str(event["fixed"])
    return tuple(found[at] for at in sorted(found))


def _entry_hits(entry: Mapping[str, Any], version: str) -> bool | None:
    """Return whether one entry is about a version; None when its shape or a version means nothing to us."""
    mine = _parsed(version)
    listed = entry.get("versions") or []
    if mine is None or not isinstance(listed, list):
        return None
    # A listed version that is none by PEP 440 is not ours, which is one.
    if any(item == version or _parsed(item) == mine for item in listed):
        return True
    ranges = _ranges(entry)
    if ranges is None:
        return None
    if not ranges and not listed:
        return None  # only commits are named, and a wheel does not say which it was made of
    verdicts = [_in_range(events, mine) for events in ranges]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _parsed(text: object) -> Any:  # noqa: ANN401  (packaging is imported late)
    """Return the public part of a version, or None: a build such as `2.9.0+cpu` is of the release `2.9.0`."""
    from packaging.version import InvalidVersion, Version

    if not isinstance(text, str):
        return None
    try:
        return Version(Version(text).public)
    except InvalidVersion:
        return None


def _ranges(entry: Mapping[str, Any]) -> list[list[Mapping[str, Any]]] | None:
    """Return the events of every range over versions, or None when it has another shape."""
    found = []
    listed = entry.get("ranges") or []
    for item in listed if isinstance(listed, list) else (None,):
        events = item.get("events") if isinstance(item, dict) else None
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            return None
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in ("ECOSYSTEM", "SEMVER", "GIT"):
            return None
        if kind != "GIT":
            found.append(events)
    return found


_ORDER = {"introduced": 0, "last_affected": 1, "fixed": 2}


def _in_range(events: list[Mapping[str, Any]], mine: Any) -> bool | None:  # noqa: ANN401
    from packaging.version import Version

    start = Version("0.dev0")
    moves: list[tuple[Any, int]] = []
    for kind, text in ((kind, text) for event in events for kind, text in event.items() if kind in _ORDER):
        at = start if text == "0" else _parsed(text)
        if at is None:
            return None
        moves.append((at, _ORDER[kind]))
    affected = False
    for at, move in sorted(moves):
        if move == _ORDER["introduced"] and (mine >= at or at == start):
            affected = True
        elif (move == _ORDER["fixed"] and mine >= at) or (move == _ORDER["last_affected"] and mine > at):
            affected = False
    return affected
