"""Whether the files of a bundle are what its own lists say. Who wrote the lists is not asked here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.checksums import MAX_CHECKSUMS, bundle_digest, parse_checksums
from mlpack.format.documents import parse_json
from mlpack.format.manifest import Manifest
from mlpack.format.names import ATTESTATIONS, CHECKSUMS, MANIFEST, SIGNATURE, WHEELS
from mlpack.format.tree import ArchiveTree, Tree
from mlpack.show.visible import visible

__all__ = ["MAX_DOCUMENT", "MAX_MANIFEST", "Integrity", "check_integrity", "one_line", "stored_order"]

MAX_MANIFEST = 32 * 1024 * 1024
MAX_DOCUMENT = 64 * 1024 * 1024
"""Largest contract, lock, BOM or evidence file that a reader parses, in bytes."""

_MAX_ATTESTATIONS = 100
_MAX_ATTESTATION = 4 * 1024 * 1024
_ATTESTATION = re.compile(rf"{ATTESTATIONS}([0-9a-f]{{64}})\.sigstore\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Integrity:
    """What a check of all files found.

    Attributes:
        checksums: Path -> hex SHA-256 as SHA256SUMS has it; empty when that file is unusable.
        digest: `bundle:sha256:<hex>`, or empty.
        manifest: The manifest, or None when it is unusable.
        problems: Every finding, one visible line each; empty means that files and lists agree.
        newer: Set when the manifest asks for a newer reader; the manifest is None then.
    """

    checksums: Mapping[str, str]
    digest: str
    manifest: Manifest | None
    problems: tuple[str, ...]
    newer: UnsupportedVersionError | None = None


def one_line(error: FormatError) -> str:
    """Return what an error says, in one line that does nothing to a terminal: names come from strangers."""
    head = f"{error.where}: {error.message}" if error.where else error.message
    return visible("; ".join([head, *error.problems]))


def stored_order(paths: Sequence[str] | Mapping[str, object]) -> list[str]:
    """Return paths in the order of an archive, so that a stream can be verified as it arrives."""

    def rank(path: str) -> tuple[int, str]:
        if path in (CHECKSUMS, SIGNATURE):
            return (CHECKSUMS, SIGNATURE).index(path), ""
        if path.startswith(ATTESTATIONS):
            return 2, path
        if path == MANIFEST:
            return 3, ""
        return (5 if path.startswith(WHEELS) else 4), path

    return sorted(paths, key=rank)


def check_integrity(tree: Tree) -> Integrity:
    """Hash every file and compare files, SHA256SUMS and manifest with one another.

    Never raises for what is inside the bundle: all findings are collected.
    """
    problems = list(tree.problems)
    checksums: dict[str, str] = {}
    digest = ""
    try:
        raw = tree.read(CHECKSUMS, MAX_CHECKSUMS)
        digest = bundle_digest(raw)
        checksums = parse_checksums(raw)
    except FormatError as error:
        problems.append(one_line(error))
    manifest, newer = None, None
    try:
        data = tree.read(MANIFEST, MAX_MANIFEST)
        if checksums.get(MANIFEST) not in (None, hashlib.sha256(data).hexdigest()):
            # Said here and not left to the pass over all files: what is parsed is what was hashed.
            problems.append(f"{MANIFEST}: contents changed")
        manifest = Manifest.from_bytes(data)
    except FormatError as error:
        problems.append(one_line(error))
        newer = error if isinstance(error, UnsupportedVersionError) else None
    if checksums:
        problems += _compare_lists(tree.entries, checksums)
        problems += _compare_digests(tree, checksums, manifest)
    if manifest is not None and checksums:
        problems += _compare_manifest(tree, checksums, manifest)
    problems += _check_attestations(tree)
    problems += _check_wheels(tree, manifest)
    if isinstance(tree, ArchiveTree):
        problems += _check_archive(tree, manifest)
    problems += [visible(problem) for problem in tree.settle()]
    return Integrity(
        checksums=checksums, digest=digest, manifest=manifest, problems=tuple(problems), newer=newer
    )


def _hashed(path: str) -> bool:
    return path not in (CHECKSUMS, SIGNATURE) and not path.startswith((ATTESTATIONS, WHEELS))


def _compare_lists(entries: Mapping[str, int], checksums: Mapping[str, str]) -> list[str]:
    problems = [f"{path}: listed in {CHECKSUMS}, but missing" for path in checksums if path not in entries]
    problems += [
        f"{path}: not listed in {CHECKSUMS}" for path in entries if _hashed(path) and path not in checksums
    ]
    problems += [f"{path}: must not be listed in {CHECKSUMS}" for path in checksums if not _hashed(path)]
    return problems


def _compare_digests(tree: Tree, checksums: Mapping[str, str], manifest: Manifest | None) -> list[str]:
    problems = []
    sizes = {} if manifest is None else manifest.files
    for path, expected in checksums.items():
        if path not in tree.entries:
            continue
        if path in sizes and sizes[path].size != tree.entries[path]:
            continue  # reported with the manifest; a file of another size is never read to its end
        try:
            found = tree.digest(path)
        except FormatError as error:
            problems.append(one_line(error))
            continue
        if found != expected:
            problems.append(
                f"{path}: contents changed (expected sha256 {expected[:12]}..., found {found[:12]}...)"
            )
    return problems


def _compare_manifest(tree: Tree, checksums: Mapping[str, str], manifest: Manifest) -> list[str]:
    problems = [
        f"{path}: not described in {MANIFEST}"
        for path in checksums
        if path != MANIFEST and path not in manifest.files
    ]
    for path, entry in manifest.files.items():
        if path not in checksums:
            problems.append(f"{path}: described in {MANIFEST}, but not listed in {CHECKSUMS}")
        elif path in tree.entries and tree.entries[path] != entry.size:
            problems.append(f"{path}: {entry.size} bytes by {MANIFEST}, found {tree.entries[path]}")
    return problems


def _check_attestations(tree: Tree) -> list[str]:
    paths = [path for path in tree.entries if path.startswith(ATTESTATIONS)]
    problems = []
    if len(paths) > _MAX_ATTESTATIONS:
        return [f"{ATTESTATIONS}: {len(paths)} files, at most {_MAX_ATTESTATIONS} allowed"]
    for path in paths:
        match = _ATTESTATION.fullmatch(path)
        if match is None:
            problems.append(f"{path}: expected {ATTESTATIONS}<sha256>.sigstore.json")
            continue
        try:
            data = tree.read(path, _MAX_ATTESTATION)
            parse_json(data, where=path)
        except FormatError as error:
            problems.append(one_line(error))
            continue
        if hashlib.sha256(data).hexdigest() != match.group(1):
            problems.append(f"{path}: contents differ from the digest in its name")
    return problems


def _check_wheels(tree: Tree, manifest: Manifest | None) -> list[str]:
    """Compare wheels with the lock; the lock itself stands under SHA256SUMS."""
    paths = [path for path in tree.entries if path.startswith(WHEELS)]
    if not paths or manifest is None:
        return []
    from mlpack.format.lock import Lock

    try:
        lock = Lock.from_bytes(tree.read(manifest.one("lock"), MAX_DOCUMENT))
    except FormatError as error:
        return [one_line(error)]
    locked = {file.path: file for package in lock.packages for file in package.files}
    problems = []
    for path in paths:
        file = locked.get(path)
        if file is None:
            problems.append(f"{path}: not in the lock")
            continue
        try:
            same = tree.entries[path] == file.size and tree.digest(path) == file.sha256
        except FormatError as error:
            problems.append(one_line(error))
            continue
        if not same:
            problems.append(f"{path}: contents differ from the lock")
    return problems


def _check_archive(tree: ArchiveTree, manifest: Manifest | None) -> list[str]:
    problems = []
    if list(tree.entries) != stored_order(tree.entries):
        problems.append("the files are not stored in the order of the format")
    if manifest is not None and tree.top != manifest.folder:
        problems.append(f"{tree.top[:140]!r}: expected the top folder {manifest.folder!r}")
    return problems
