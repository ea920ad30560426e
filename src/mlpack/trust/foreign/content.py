"""What lies at a path, compared with what was signed: a folder, a file, or just a digest."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from mlpack.errors import UsageError
from mlpack.trust.foreign.folder import hash_parts, opened, walk
from mlpack.trust.foreign.resources import GIT, Part, Resources
from mlpack.trust.proof.refusals import refused

__all__ = ["MAX_MESSAGE", "digests_of", "ignored_below", "read_message", "require_file", "require_folder"]

MAX_MESSAGE = 256 * 1024 * 1024
"""Largest file whose Ed25519 signature is checked, in bytes: that kind needs the whole file in memory."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_ALGORITHMS = ("sha256", "sha384", "sha512")
_SHOWN = 20


def digests_of(path: str) -> dict[str, bytes]:
    """Return hash name -> digest of a file, or of what a `sha256:...` that is no file names.

    Raises:
        VerificationError: `unreadable` or `file-kind`.
    """
    match = _DIGEST.fullmatch(path)
    if match and not os.path.lexists(path):
        return {"sha256": bytes.fromhex(match[1])}
    hashes = [hashlib.new(name) for name in _ALGORITHMS]
    with opened(Path(path)) as handle:
        while chunk := os.read(handle, 1024 * 1024):
            for each in hashes:
                each.update(chunk)
    return {each.name: each.digest() for each in hashes}


def read_message(path: str) -> bytes:
    """Return the bytes of a file that has to be in memory as a whole.

    Raises:
        VerificationError: `unreadable`, `file-kind` or `file-limit`.
    """
    with opened(Path(path)) as handle, os.fdopen(os.dup(handle), "rb") as stream:
        data = stream.read(MAX_MESSAGE + 1)
    if len(data) > MAX_MESSAGE:
        raise refused("file-limit", f"more than {MAX_MESSAGE} bytes", where=path)
    return data


def ignored_below(top: Path, paths: Iterable[str], signature: Path) -> frozenset[str]:
    """Return what the caller passes over, relative to `top`: given paths, git's files, the signature.

    A relative path counts from `top`. One that lies outside is no mistake: it hides nothing.

    Raises:
        UsageError: A path is the folder itself or one above it.
    """
    base = os.path.abspath(top)
    found = set(GIT)
    for path in paths:
        absolute = os.path.abspath(os.path.join(base, path))
        if base == absolute or base.startswith(absolute.rstrip(os.sep) + os.sep):
            raise UsageError("would pass over everything", where=f"ignore {path}")
    for path in (*paths, os.path.abspath(signature)):
        absolute = os.path.abspath(os.path.join(base, path))
        for start in {base, os.path.realpath(base)}:
            if absolute.startswith(start + os.sep):
                found.add(os.path.relpath(absolute, start).replace(os.sep, "/"))
    return frozenset(found)


def require_file(path: str, resources: Resources) -> None:
    """Return if the one file that was signed is this one, by its name and contents.

    Raises:
        VerificationError: `subject-digest`, `file-missing`, `file-changed`, `unreadable` or `file-kind`.
    """
    match = None if os.path.lexists(path) else _DIGEST.fullmatch(path)
    if match is None and not os.path.lexists(path):
        raise refused("unreadable", "there is nothing here", where=path)
    if len(resources.parts) != 1:
        raise refused("file-missing", "a folder of several files was signed", where=path)
    name, expected = next(iter(resources.parts.items()))
    if match:
        whole = [part.digest for part in expected] if resources.algorithm == "sha256" else []
        if resources.shard_size is not None or whole != [bytes.fromhex(match[1])]:
            raise refused("subject-digest", "the signature is about another file", where=path)
        return
    if name not in (".", os.path.basename(path)):
        raise refused("file-missing", f"a file named {name[:200]!r} was signed", where=path)
    with opened(Path(path)) as handle:
        if not _matches(handle, expected, resources):
            raise refused("file-changed", "the contents are not what was signed", where=path)


def require_folder(
    top: Path, resources: Resources, ignored: Callable[[str], bool], *, allow_unsigned: bool
) -> int:
    """Return the number of files, if the folder holds what was signed and nothing else that counts.

    Raises:
        VerificationError: `file-*` or `unreadable`; `problems` names the paths.
    """
    if "." in resources.parts:
        raise refused("file-missing", "a single file was signed, not a folder", where=str(top))
    missing = dict.fromkeys(resources.parts)
    changed: list[str] = []
    unsigned: list[str] = []

    def visit(path: str, handle: int) -> None:
        if path in missing:
            del missing[path]
            if not _matches(handle, resources.parts[path], resources):
                changed.append(path)
        elif resources.shard_size is None or os.fstat(handle).st_size:
            unsigned.append(path)  # in shards an empty file has no part, so none is listed

    walk(top, visit, ignored=ignored, follow_links=resources.follow_links)
    for code, paths, what in (
        ("file-changed", changed, "not what was signed"),
        ("file-missing", list(missing), "signed, but not there"),
        ("file-unsigned", [] if allow_unsigned else unsigned, "there, but not signed"),
    ):
        if paths:
            raise refused(
                code,
                f"{len(paths)} file(s) {what}: {paths[0]!r}",
                where=str(top),
                problems=[repr(path) for path in paths[:_SHOWN]],
            )
    return len(resources.parts)


def _matches(handle: int, expected: Iterable[Part], resources: Resources) -> bool:
    found = hash_parts(handle, resources.algorithm, resources.shard_size)
    if resources.shard_size is None:
        return [part.digest for part in expected] == [digest for _, _, digest in found]
    return [(part.start, part.end, part.digest) for part in expected] == found
