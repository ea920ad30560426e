"""The inside of a signature: the statement of OpenSSF Model Signing (OMS) v1.0, in the profile of bundles.

Source: https://github.com/ossf/model-signing-spec/blob/main/spec/v1.0.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlpack.errors import FormatError, SignatureInvalidError
from mlpack.format.documents import Fields
from mlpack.format.names import MAX_PATH, PATH
from mlpack.trust.proof.reading import strict_json

__all__ = ["IGNORED", "PREDICATE_TYPE", "Statement", "build_statement", "parse_statement"]

PREDICATE_TYPE = "https://model_signing/signature/v1.0"

IGNORED = ("model.sig", "attestations", "wheels", ".git", ".gitattributes", ".github", ".gitignore")
"""What a bundle's signature leaves out, exactly. `verify` itself tolerates no `.git*` leftovers."""

_TYPE = "https://in-toto.io/Statement/v1"
_WHERE = "model.sig statement"
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """What a signature says: these files, with these contents.

    Attributes:
        subject: Name that the signer gave the whole, `NAME-VERSION` for bundles.
        resources: Path -> hex SHA-256, in the order listed.
    """

    subject: str
    resources: Mapping[str, str]


def build_statement(subject: str, digests: Mapping[str, str]) -> bytes:
    """Return the OMS statement over `digests` (path -> hex SHA-256) as compact JSON.

    Resources are sorted by code point, as the specification says.
    """
    names = sorted(digests)
    document = {
        "_type": _TYPE,
        "subject": [{"name": subject, "digest": {"sha256": _root(digests[name] for name in names)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": list(IGNORED),
            },
            "resources": [{"name": name, "algorithm": "sha256", "digest": digests[name]} for name in names],
        },
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def parse_statement(payload: bytes) -> Statement:
    """Parse a statement strictly, as the profile `bundle` demands.

    Raises:
        SignatureInvalidError: It breaks OMS v1.0 or the rules for bundles.
    """
    try:
        return _parse(strict_json(payload, _WHERE))
    except FormatError as error:
        raise SignatureInvalidError(error.message, where=error.where) from error


def _parse(top: Fields) -> Statement:
    top.choice("_type", (_TYPE,))
    top.choice("predicateType", (PREDICATE_TYPE,))
    subjects, predicate = top.each("subject"), top.fields("predicate")
    top.done()
    if len(subjects) != 1:
        raise FormatError(f"expected one subject, found {len(subjects)}", where=f"{_WHERE}.subject")
    subject, digest = subjects[0].text("name"), subjects[0].fields("digest")
    subjects[0].done()
    root = digest.text("sha256")
    digest.done()
    _check_serialization(predicate.fields("serialization"))
    resources = _resources(predicate.items("resources"), f"{predicate.where}.resources")
    predicate.done()
    if root != _root(resources.values()):
        raise FormatError("does not equal the hash over the resources", where=f"{digest.where}.sha256")
    return Statement(subject=subject, resources=resources)


def _check_serialization(fields: Fields) -> None:
    fields.choice("method", ("files",))
    fields.choice("hash_type", ("sha256",))
    if fields.flag("allow_symlinks"):
        raise FormatError("expected false", where=f"{fields.where}.allow_symlinks")
    ignored = fields.texts("ignore_paths")
    if sorted(ignored) != sorted(IGNORED):
        raise FormatError(
            f"expected exactly {', '.join(IGNORED)}; found {', '.join(path[:40] for path in ignored[:20])}",
            where=f"{fields.where}.ignore_paths",
        )
    fields.done()


def _resources(items: list[Any], where: str) -> dict[str, str]:
    """Return name -> digest. A plain loop: 20,000 cursors would cost more than hashing the files."""
    resources: dict[str, str] = {}
    is_safe = PATH.fullmatch
    for item in items:
        if not isinstance(item, dict) or len(item) != 3 or item.get("algorithm") != "sha256":
            raise FormatError(
                "expected name, digest and the algorithm sha256", where=f"{where}[{len(resources)}]"
            )
        name, digest = item.get("name"), item.get("digest")
        if not isinstance(name, str) or not is_safe(name) or len(name) > MAX_PATH:
            raise FormatError("expected a safe path", where=f"{where}[{len(resources)}].name")
        if not isinstance(digest, str) or len(digest) != 64:
            raise FormatError("expected 64 lower-case hex digits", where=f"{where}[{len(resources)}].digest")
        if name in resources:
            raise FormatError(f"{name!r} is listed twice", where=f"{where}[{len(resources)}].name")
        resources[name] = digest
    if not resources:
        raise FormatError("expected at least one resource", where=where)
    if not _HEX.fullmatch("".join(resources.values())):
        raise FormatError("expected lower-case hex digits in every digest", where=where)
    names = list(resources)
    # The specification sorts by code point, the reference implementation by path component.
    if names != sorted(names) and names != sorted(names, key=lambda name: name.split("/")):
        raise FormatError("not sorted", where=where)
    return resources


def _root(digests: Iterable[str]) -> str:
    """Return the OMS root digest: SHA-256 over the raw digests in listed order."""
    return hashlib.sha256(bytes.fromhex("".join(digests))).hexdigest()
