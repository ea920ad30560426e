"""Names that may stand in a bundle, and names and versions of bundles.

The rules remove escaping, normalisation, case and Windows questions by construction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlpack.errors import UsageError

__all__ = [
    "ATTESTATIONS",
    "CERTIFICATES",
    "CHECKSUMS",
    "MANIFEST",
    "MAX_FILES",
    "MAX_PATH",
    "PATH",
    "REFUSED",
    "SIGNATURE",
    "UNHASHED",
    "WHEELS",
    "check_name",
    "check_version",
    "collisions",
    "path_problems",
]

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "model.sig"
MANIFEST = "manifest.json"
WHEELS = "wheels/"
ATTESTATIONS = "attestations/"

REFUSED = "mlpack.refused"
"""Graph output `(N,)`, true in rows that the original refuses for what its steps compute of them."""

CERTIFICATES = ("exact", "tight", "loose")
"""How closely a bundle answers as the original did, the closest first."""

UNHASHED = (CHECKSUMS, SIGNATURE, ATTESTATIONS, WHEELS)
"""What SHA256SUMS does not list: two files and everything in two folders."""

MAX_PATH = 240
"""Longest path inside a bundle, in bytes."""

MAX_FILES = 100_000
"""Most files that a reader accepts."""

_DEVICES = "con|prn|aux|nul|com[0-9]|lpt[0-9]"
_COMPONENT = rf"(?!(?i:{_DEVICES})(?:[./]|\Z))[A-Za-z0-9_][A-Za-z0-9._+-]{{0,99}}(?<!\.)"
PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
"""A safe relative path: plain ASCII components, no trailing dot, no Windows device name."""

_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_PRE = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)"
    rf"(?:-{_PRE}(?:\.{_PRE})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_PEP440 = re.compile(
    r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*(?:(?:a|b|rc)(?:0|[1-9][0-9]*))?"
    r"(?:\.post(?:0|[1-9][0-9]*))?(?:\.dev(?:0|[1-9][0-9]*))?(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?"
)


def check_name(name: object) -> str:
    """Return `name` if a bundle may be called so.

    Raises:
        UsageError: It may not.
    """
    if not isinstance(name, str):
        raise UsageError(f"expected a string, found {type(name).__name__}", where="name")
    if len(name) > 64 or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot be a bundle's name",
            where="name",
            hint="use lower-case letters and digits, joined by single '.', '_' or '-', at most 64 characters",
        )
    return name


def check_version(version: object) -> str:
    """Return `version` if it is a SemVer or a normalised PEP 440 version without epoch.

    Raises:
        UsageError: It is neither, or is longer than 64 characters.

    Source: Semantic Versioning 2.0.0; PEP 440, normal form.
    """
    if not isinstance(version, str):
        raise UsageError(f"expected a string, found {type(version).__name__}", where="version")
    if len(version) > 64 or not (_SEMVER.fullmatch(version) or _PEP440.fullmatch(version)):
        raise UsageError(
            f"{version[:80]!r} is neither a SemVer nor a PEP 440 version",
            where="version",
            hint="for example 1.2.0, 1.2.0-rc.1 or 1.2.0rc1",
        )
    return version


def path_problems(paths: Iterable[str]) -> list[str]:
    """Return one sentence per path that may not stand in a bundle, or not beside the others."""
    problems = []
    safe = []
    for path in paths:
        if not PATH.fullmatch(path):
            problems.append(f"{path[:MAX_PATH]!r}: not a safe path")
            continue
        if len(path) > MAX_PATH:
            problems.append(f"{path[:40]!r}...: longer than {MAX_PATH} bytes")
        safe.append(path)
    return problems + collisions(safe)


def collisions(paths: Iterable[str]) -> list[str]:
    """Return one sentence per path, each safe by itself, that may not stand beside the others.

    A file system may ignore case, so names that differ by case alone collide, folders and the format's own
    names included; and no file can be a folder too.
    """
    problems = []
    files = set()
    spelling = {name.rstrip("/").lower(): name.rstrip("/") for name in (*UNHASHED, MANIFEST)}
    folders = {name.rstrip("/") for name in (ATTESTATIONS, WHEELS)}
    for path in paths:
        files.add(path)
        part = path
        while part:
            other = spelling.setdefault(part.lower(), part)
            if other != part:
                problems.append(f"{part!r}: differs from {other!r} only by case")
            part = part.rpartition("/")[0]
            if part in folders:
                break  # it and the folders above it have been looked at
            if part:
                folders.add(part)
    return problems + [f"{path!r}: both a file and a folder" for path in sorted(files & folders)]
