"""The OMS statement of any folder or file: which parts were signed, hashed how, and what was left out.

Source: https://github.com/ossf/model-signing-spec/blob/main/spec/v1.0.md, sections 5, 6 and 11.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.trust.proof.refusals import refused

__all__ = ["GIT", "PREDICATE", "PREDICATE_02", "Part", "Resources", "parse_resources", "parse_resources_02"]

PREDICATE = "https://model_signing/signature/v1.0"
PREDICATE_02 = "https://model_signing/Digests/v0.1"

GIT = (".git", ".gitattributes", ".github", ".gitignore")
"""What no OMS signature covers, at the top of a folder."""

SIZES = {"sha256": 32, "blake2b": 64, "blake3": 32}
_WHERE = "signed statement"
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_SHARD = re.compile(r"(.+):(0|[1-9][0-9]{0,18}):([1-9][0-9]{0,18})", re.DOTALL)
_MAX_NAME = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One hashed range of a file; `end` is None for the whole file, whatever its size."""

    start: int
    end: int | None
    digest: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What a statement says of a folder or file.

    Attributes:
        parts: File -> its parts, by start. The file "." stands for a model that is one file.
        shard_size: Bytes in a part; None when files are hashed whole.
        ignored: Paths that the signer left out, each with what is under it.
    """

    algorithm: str
    parts: Mapping[str, Sequence[Part]]
    shard_size: int | None = None
    follow_links: bool = False
    ignored: frozenset[str] = field(default_factory=frozenset)


def parse_resources(predicate: Fields, subjects: Sequence[Fields], *, lax: bool) -> Resources:
    """Read the predicate of OMS v1.0; `lax` accepts any order of the resources.

    Raises:
        VerificationError: `statement-malformed`, `signature-unsupported`, `resource*`, `ignore-path`
            or `root-digest`.
        FormatError: A field is missing or of the wrong type.
    """
    how, listed = predicate.fields("serialization"), predicate.each("resources")
    predicate.done()
    algorithm = how.text("hash_type")
    if algorithm not in SIZES:
        raise refused("signature-unsupported", f"hash {algorithm[:40]!r}", where=_WHERE)
    shard_size = _shard_size(how)
    follow_links = how.flag("allow_symlinks")
    ignored = frozenset(
        _ignored(path) for path in (how.texts("ignore_paths") if how.has("ignore_paths") else ())
    )
    how.done()
    if not listed:
        raise refused("resources-empty", "the signature covers no file at all", where=_WHERE)
    names, parts, digests = _parts(listed, algorithm, shard_size)
    if not lax:
        _require_order(names, parts, shard_size)
    _require_root(subjects, digests)
    for path in parts:
        if hidden := _covering(path, ignored):
            raise refused("resource-ignored", f"{path!r} is signed, and ignored as {hidden!r}", where=_WHERE)
    if "." in parts and len(parts) > 1:
        raise refused("resource-path", "'.' beside other files", where=_WHERE)
    return Resources(
        algorithm=algorithm, parts=parts, shard_size=shard_size, follow_links=follow_links, ignored=ignored
    )


def parse_resources_02(subjects: Sequence[Fields]) -> Resources:
    """Read the form of release 0.2, where every subject is a file.

    Raises:
        VerificationError: `resource*`.
        FormatError: A field is missing or of the wrong type.
    """
    parts: dict[str, list[Part]] = {}
    for subject in subjects:
        path = _path(subject.text("name"))
        digest = _digest(subject.fields("digest"), "sha256", "sha256")
        if path in parts:
            raise refused("resource-duplicate", f"{path!r} is listed twice", where=_WHERE)
        parts[path] = [Part(start=0, end=None, digest=digest)]
    if not parts:
        raise refused("resources-empty", "the signature covers no file at all", where=_WHERE)
    return Resources(algorithm="sha256", parts=parts)


def _shard_size(how: Fields) -> int | None:
    if how.choice("method", ("files", "shards")) == "files":
        return None
    size = how.number("shard_size")  # the reference tool writes 1000000000.0
    if not size.is_integer() or not 1 <= size <= 2**53:
        raise FormatError("expected a positive integer", where=f"{how.where}.shard_size")
    return int(size)


def _ignored(path: str) -> str:
    """Return an ignore entry as it is compared: plain components that name something below the top."""
    components = [part for part in path.split("/") if part not in ("", ".")]
    if not components or path.startswith("/") or ".." in components or any(c in path for c in "*?[\0"):
        raise refused("ignore-path", f"{path[:200]!r} hides more than one path", where=_WHERE)
    return "/".join(components)


def _parts(
    listed: Sequence[Fields], algorithm: str, shard_size: int | None
) -> tuple[list[str], dict[str, list[Part]], list[bytes]]:
    """Return the names as listed, the parts of every file by start, and the digests as listed."""
    allowed = (algorithm, f"{algorithm}-sharded-{shard_size}")
    names: list[str] = []
    digests: list[bytes] = []
    parts: dict[str, list[Part]] = {}
    seen: set[tuple[str, int]] = set()
    for resource in listed:
        name = resource.text("name")
        resource.choice("algorithm", allowed if shard_size else allowed[:1])
        digest = _digest(resource, "digest", algorithm)
        path, start, end = _range(name, shard_size)
        if (path, start) in seen:
            raise refused("resource-duplicate", f"{name[:200]!r} is listed twice", where=_WHERE)
        seen.add((path, start))
        names.append(name)
        digests.append(digest)
        parts.setdefault(path, []).append(Part(start=start, end=end, digest=digest))
    if shard_size:
        for path, found in parts.items():
            found.sort(key=lambda part: part.start)
            _require_whole(path, found, shard_size)
    return names, parts, digests


def _range(name: str, shard_size: int | None) -> tuple[str, int, int | None]:
    if shard_size is None:
        return _path(name), 0, None
    match = _SHARD.fullmatch(name)
    if match is None:
        raise refused("resource-path", f"{name[:200]!r} names no range of a file", where=_WHERE)
    return _path(match[1]), int(match[2]), int(match[3])


def _require_whole(path: str, parts: Sequence[Part], shard_size: int) -> None:
    """Refuse ranges with gaps or of another size: bytes between them would not be signed."""
    expected = 0
    for number, part in enumerate(parts, 1):
        size = (part.end or 0) - part.start
        short = not 1 <= size <= shard_size or (number < len(parts) and size != shard_size)
        if part.start != expected or short:
            raise refused("resource-path", f"the ranges of {path[:200]!r} leave gaps", where=_WHERE)
        expected = part.start + size


def _path(name: str) -> str:
    """Return a resource's name, if it is one normalised path below the top."""
    if name == ".":
        return name
    components = name.split("/")
    if len(name) > _MAX_NAME or "\0" in name or any(part in ("", ".", "..") for part in components):
        raise refused("resource-path", f"{name[:200]!r} is not a plain path", where=_WHERE)
    return name


def _digest(fields: Fields, key: str, algorithm: str) -> bytes:
    text = fields.text(key)
    if not _HEX.fullmatch(text) or len(text) != 2 * SIZES[algorithm]:
        raise FormatError(
            f"not a {algorithm} digest in lower-case hexadecimal", where=f"{fields.where}.{key}"
        )
    return bytes.fromhex(text)


def _require_order(names: list[str], parts: Mapping[str, Sequence[Part]], shard_size: int | None) -> None:
    """Accept the order of the specification, and that of the reference tool: by component, then by range."""
    if names == sorted(names):
        return
    by_path = (lambda path: [path]), (lambda path: path.split("/"))
    for key in by_path:
        expected = [
            f"{path}:{part.start}:{part.end}" if shard_size else path
            for path in sorted(parts, key=key)
            for part in parts[path]
        ]
        if names == expected:
            return
    raise refused("resource-order", "the resources are in no known order", where=_WHERE)


def _require_root(subjects: Sequence[Fields], digests: Sequence[bytes]) -> None:
    if len(subjects) != 1:
        raise refused("statement-malformed", f"expected one subject, found {len(subjects)}", where=_WHERE)
    if not subjects[0].text("name"):
        raise refused("statement-malformed", "a subject without a name", where=_WHERE)
    if (
        _digest(subjects[0].fields("digest"), "sha256", "sha256")
        != hashlib.sha256(b"".join(digests)).digest()
    ):
        raise refused("root-digest", "the subject is not the hash over the listed resources", where=_WHERE)


def _covering(path: str, ignored: frozenset[str]) -> str:
    """Return the ignore entry that covers `path`; empty when none does."""
    while path:
        if path in ignored:
            return path
        path = path.rpartition("/")[0]
    return ""
