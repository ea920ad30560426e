"""Copying a manifest from one store to another, byte for byte, with everything that is attached to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlpack.errors import RegistryError
from mlpack.oci.attaching import subject_tag
from mlpack.oci.descriptors import Descriptor, Stored, parse_manifest
from mlpack.oci.stores import Store, add_referrer, referrers

__all__ = ["StoredBlob", "blobs_of", "copy_attached", "copy_blobs"]

_MAX_ATTACHED = 1000
_MAX_DEPTH = 3
_LEGACY = (".sig", ".att", ".sbom")
"""Endings of the tags under which cosign 1 and 2 keep what is about a manifest."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob of one store, as something to be sent to another."""

    store: Store
    descriptor: Descriptor

    def pieces(self, offset: int) -> Iterator[bytes]:
        """Yield the blob from `offset` on; the last piece only when all of it has the digest."""
        held = b""
        for piece in self.store.blob_chunks(self.descriptor):
            if offset >= len(piece):
                offset -= len(piece)
                continue
            if held:
                yield held
            held, offset = piece[offset:], 0
        if held:
            yield held


def blobs_of(stored: Stored, where: str) -> tuple[Descriptor, ...]:
    """Return the blobs that a manifest names: its config and its layers."""
    parsed = parse_manifest(stored.data, where=where)
    return (*((parsed.config,) if parsed.config else ()), *parsed.layers)


def copy_attached(source: Store, target: Store, digest: str, *, depth: int = _MAX_DEPTH) -> tuple[str, ...]:
    """Copy everything that is attached to a manifest, and what is attached to that; return the digests.

    What is listed but gone is passed over.

    Args:
        source: Where it is.
        target: Where the manifest itself is, or will be.
        digest: Of the manifest.
        depth: How many levels of attachments to attachments are followed.

    Raises:
        RegistryError: A store fails, or sends other bytes than were asked for.
    """
    entries = referrers(source, digest)
    if len(entries) > _MAX_ATTACHED:
        raise RegistryError(
            f"{len(entries)} things are attached, where at most {_MAX_ATTACHED} are copied",
            where=f"{source.name}@{digest}",
            code="registry-limit",
        )
    known = {entry.digest for entry in referrers(target, digest)}
    copied = []
    for entry in sorted(entries, key=lambda entry: entry.digest):
        stored = source.find_manifest(entry.digest)
        if stored is None:
            continue
        if entry.digest not in known:
            copy_blobs(source, target, stored)
            add_referrer(target, stored.data, digest)
            copied.append(entry.digest)
        if depth > 1:
            copied += copy_attached(source, target, entry.digest, depth=depth - 1)
    for ending in _LEGACY:
        tag = subject_tag(digest) + ending
        stored = source.find_manifest(tag)
        if stored is not None and target.find_manifest(tag) is None:
            copy_blobs(source, target, stored)
            target.put_manifest(stored.data, stored.descriptor.media_type, tag)
            copied.append(stored.descriptor.digest)
    return tuple(copied)


def copy_blobs(source: Store, target: Store, stored: Stored) -> None:
    """Copy the blobs that a manifest names.

    Raises:
        RegistryError: A store fails, or sends other bytes than were asked for.
    """
    for descriptor in blobs_of(stored, source.name):
        target.put_blob(StoredBlob(source, descriptor), descriptor)
