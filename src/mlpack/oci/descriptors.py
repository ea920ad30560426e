"""Digests, descriptors and manifests: what content-addressed storage is made of.

Source: OCI image specification 1.1.1, descriptor.md, manifest.md and image-index.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlpack.errors import RegistryError
from mlpack.oci.documents import json_bytes, parse_object, texts

__all__ = [
    "EMPTY",
    "EMPTY_BYTES",
    "IMAGE_INDEX",
    "IMAGE_MANIFEST",
    "INDEXES",
    "MANIFESTS",
    "MAX_MANIFEST",
    "Descriptor",
    "Manifest",
    "Stored",
    "check_digest",
    "manifest_bytes",
    "parse_manifest",
    "sha256",
]

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

INDEXES = (IMAGE_INDEX, _DOCKER_LIST)
MANIFESTS = (IMAGE_MANIFEST, _DOCKER_MANIFEST, *INDEXES)
"""Every manifest type that is read; the two of Docker have the same fields as those of OCI."""

MAX_MANIFEST = 4 * 1024 * 1024
"""Largest manifest, in bytes: what the distribution specification asks registries to accept."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_MAX_SIZE = 2**60
_MAX_ENTRIES = 10_000


def sha256(data: bytes) -> str:
    """Return `sha256:` and the hex hash of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def check_digest(value: object, *, where: str) -> str:
    """Return a digest if it is `sha256:` and 64 lower-case hex digits.

    Raises:
        RegistryError: It is not. No other algorithm is used: a digest is an identity, so it has one spelling.
    """
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise RegistryError("expected sha256: and 64 hex digits", where=where, code="registry-document")
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """A pointer to content: what it is, its hash, its length.

    Attributes:
        media_type: Type of the content.
        digest: `sha256:<hex>`.
        size: Length in bytes.
        artifact_type: What an artifact's manifest is for; empty when not said.
        annotations: Free texts; nothing in them is authenticated by the digest.
        platform: Operating system and architecture of an image in an index; empty when not said.
    """

    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: bytes, media_type: str, *, annotations: Mapping[str, str] | None = None) -> Descriptor:
        """Return the descriptor of `data`."""
        return cls(media_type=media_type, digest=sha256(data), size=len(data), annotations=annotations or {})

    @classmethod
    def parse(cls, value: object, *, where: str) -> Descriptor:
        """Parse a descriptor; fields that we do not use are passed over.

        Raises:
            RegistryError: It breaks the specification.
        """
        if not isinstance(value, dict):
            raise _broken("expected a descriptor", where)
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_SIZE:
            raise _broken("expected a size in bytes", f"{where}.size")
        platform = value.get("platform")
        return cls(
            media_type=_media_type(value.get("mediaType"), f"{where}.mediaType"),
            digest=check_digest(value.get("digest"), where=f"{where}.digest"),
            size=size,
            artifact_type=_artifact_type(value, where),
            annotations=texts(value.get("annotations"), where=f"{where}.annotations"),
            platform=platform if isinstance(platform, dict) else {},
        )

    def document(self) -> dict[str, Any]:
        """Return the descriptor as JSON."""
        document: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.platform:
            document["platform"] = dict(self.platform)
        return document

    def check(self, data: bytes, *, where: str) -> None:
        """Return if `data` is the content.

        Raises:
            RegistryError: It is not.
        """
        if len(data) != self.size or sha256(data) != self.digest:
            raise RegistryError(
                f"expected {self.size} bytes with {self.digest}, found {len(data)} with {sha256(data)}",
                where=where,
                code="registry-corrupt",
                hint="the store or the way to it is damaged or hostile; nothing was kept",
            )


EMPTY_BYTES = b"{}"
EMPTY = Descriptor.of(EMPTY_BYTES, "application/vnd.oci.empty.v1+json")
"""The config of artifacts that have none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A manifest as a store holds it: the exact bytes, which hash to the digest.

    Attributes:
        descriptor: Type, digest and size.
        data: The bytes.
    """

    descriptor: Descriptor
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A parsed manifest or index.

    Attributes:
        media_type: One of `MANIFESTS`.
        artifact_type: As the image specification derives it: the field, or else the config's media type.
        config: None for an index.
        layers: Empty for an index.
        manifests: The entries of an index; empty otherwise.
        subject: What this is attached to, if anything.
        annotations: Free texts, covered by the manifest's own digest.
    """

    media_type: str
    artifact_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]


def parse_manifest(data: bytes, *, where: str, media_type: str = "") -> Manifest:
    """Parse a manifest or an index.

    Args:
        data: The exact bytes.
        where: What it is, for messages.
        media_type: What the store says it is; empty to take the document's word.

    Raises:
        RegistryError: It is neither, or what it says of itself is not what the store said.
    """
    if len(data) > MAX_MANIFEST:
        raise _broken(f"more than {MAX_MANIFEST} bytes", where)
    document = parse_object(data, where=where)
    kind = document.get(
        "mediaType", media_type or (IMAGE_INDEX if "manifests" in document else IMAGE_MANIFEST)
    )
    if document.get("schemaVersion") != 2 or kind not in MANIFESTS:
        raise _broken("neither an image manifest nor an index", where)
    if media_type and kind != media_type:
        raise _broken(f"says that it is {kind}, but was served as {media_type[:100]!r}", where)
    # One document must not be both: readers would differ in which half they see.
    if kind in INDEXES and ("layers" in document or "config" in document):
        raise _broken("an index with layers", where)
    if kind not in INDEXES and "manifests" in document:
        raise _broken("a manifest with manifests", where)
    subject = document.get("subject")
    config = None if kind in INDEXES else Descriptor.parse(document.get("config"), where=f"{where}.config")
    return Manifest(
        media_type=kind,
        artifact_type=_artifact_type(document, where) or (config.media_type if config else ""),
        config=config,
        layers=() if kind in INDEXES else _descriptors(document, "layers", where),
        manifests=_descriptors(document, "manifests", where) if kind in INDEXES else (),
        subject=None if subject is None else Descriptor.parse(subject, where=f"{where}.subject"),
        annotations=texts(document.get("annotations"), where=f"{where}.annotations"),
    )


def manifest_bytes(
    *,
    artifact_type: str = "",
    config: Descriptor = EMPTY,
    layers: tuple[Descriptor, ...],
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """Return an image manifest; the same parts give the same bytes."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": config.document(),
        "layers": [layer.document() for layer in layers],
    }
    if artifact_type:
        document["artifactType"] = artifact_type
    if subject is not None:
        document["subject"] = {
            "mediaType": subject.media_type,
            "digest": subject.digest,
            "size": subject.size,
        }
    if annotations:
        document["annotations"] = dict(annotations)
    return json_bytes(document)


def _descriptors(document: Mapping[str, Any], key: str, where: str) -> tuple[Descriptor, ...]:
    items = document.get(key)
    if not isinstance(items, list) or len(items) > _MAX_ENTRIES:
        raise _broken(f"expected at most {_MAX_ENTRIES} entries", f"{where}.{key}")
    return tuple(Descriptor.parse(item, where=f"{where}.{key}[{index}]") for index, item in enumerate(items))


def _artifact_type(document: Mapping[str, Any], where: str) -> str:
    value = document.get("artifactType")
    return _media_type(value, f"{where}.artifactType") if value else ""


def _media_type(value: object, where: str) -> str:
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise _broken("expected a media type", where)
    return value


def _broken(message: str, where: str) -> RegistryError:
    return RegistryError(message, where=where, code="registry-document")
