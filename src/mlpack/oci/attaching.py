"""Attaching one manifest to another (referrers): concurrent writers and garbage collection lose nothing.

A registry with the referrers API keeps the list itself. Any other has only the tag `sha256-<hex>`, an index
that every client reads, changes and writes back: two at once, and one attestation is lost; and a collection
that deletes untagged manifests takes all of them. So each attachment also gets a tag of its own. That tag is
never shared, hence never lost; the index is rebuilt from these tags until it holds all of them. Entries of
other tools stay.

Source: OCI distribution specification 1.1.1, "Referrers tag schema".
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Protocol

from mlpack.errors import RegistryError
from mlpack.oci.descriptors import (
    IMAGE_INDEX,
    IMAGE_MANIFEST,
    INDEXES,
    Descriptor,
    Stored,
    parse_manifest,
    sha256,
)
from mlpack.oci.documents import json_bytes

__all__ = ["TagStore", "attach", "converge", "own_tag", "own_tags", "referrers_by_tag", "subject_tag"]

_ROUNDS = 60
_OWN = re.compile(r"sha256-([0-9a-f]{64})\.mlpack(?:\.[a-z]{1,8})?\.[0-9a-f]{32}")
_MAX_OWN = 10_000


class TagStore(Protocol):
    """What attaching needs of a store."""

    name: str

    def find_manifest(self, wanted: str) -> Stored | None:
        """Return the manifest with a tag or digest, or None."""

    def put_manifest(self, data: bytes, media_type: str, tag: str = "", *, match: str = "") -> bool:
        """Store a manifest; return whether the store lists referrers itself."""

    def has_manifest(self, digest: str) -> bool:
        """Tell whether a manifest is there."""

    def tags(self) -> tuple[str, ...]:
        """Return every tag."""


def subject_tag(digest: str) -> str:
    """Return the tag of the fallback index for what is attached to `digest`."""
    return digest.replace(":", "-", 1)


def own_tag(digest: str, attached: str, kind: str = "") -> str:
    """Return the tag that one attachment has for itself: its name says to what, and which.

    Args:
        digest: What it is attached to.
        attached: Digest of the attachment.
        kind: A short word that keeps families of attachments apart; empty for referrers.
    """
    return f"{subject_tag(digest)}.mlpack.{kind + '.' if kind else ''}{attached.removeprefix('sha256:')[:32]}"


def own_tags(store: TagStore, digest: str, kind: str = "") -> tuple[str, ...]:
    """Return the tags of every attachment that was made by this module."""
    prefix = own_tag(digest, "", kind)
    found = [tag for tag in store.tags() if tag.startswith(prefix) and len(tag) == len(prefix) + 32]
    if len(found) > _MAX_OWN:
        raise RegistryError(f"more than {_MAX_OWN} attachments", where=f"{store.name}@{digest}")
    return tuple(tag for tag in found if _OWN.fullmatch(tag))


def attach(store: TagStore, data: bytes, subject: str, *, listed: bool) -> Descriptor:
    """Store a manifest that has a `subject`, such that whoever looks for attachments finds it.

    Args:
        store: Where the subject is.
        data: The manifest.
        subject: Digest that it is attached to.
        listed: Whether the store keeps lists of referrers itself.

    Raises:
        RegistryError: The store refuses, or the list cannot be brought up to date.
    """
    entry = _entry(data, store.name)
    if listed and store.put_manifest(data, IMAGE_MANIFEST):
        return entry
    store.put_manifest(data, IMAGE_MANIFEST, own_tag(subject, entry.digest))
    tag = subject_tag(subject)

    def rebuild(current: Stored | None) -> tuple[bytes, str] | None:
        entries = {item.digest: item for item in _index_entries(current, f"{store.name}:{tag}")}
        if not _add_own(store, subject, entries):
            return None
        return _index(list(entries.values())), IMAGE_INDEX

    try:
        converge(store, tag, rebuild)
    except RegistryError as error:
        if error.code != "registry":
            raise
        _drop_missing(store, tag, error)
        converge(store, tag, rebuild)
    return entry


def converge(store: TagStore, tag: str, rebuild: Callable[[Stored | None], tuple[bytes, str] | None]) -> None:
    """Bring what a shared tag points to up to date, with other writers doing the same.

    Each round reads, rebuilds and writes; it ends when a fresh reading needs no change. As every writer tags
    its own attachment before the first round, whoever writes last sees the tags of all and leaves none out.

    Args:
        store: Where the tag is.
        tag: The shared tag.
        rebuild: From what the tag has to the new bytes and their type; None when nothing is missing.

    Raises:
        RegistryError: It does not come to rest.
    """
    for number in range(_ROUNDS):
        current = store.find_manifest(tag)
        fresh = rebuild(current)
        if fresh is None:
            return
        try:
            store.put_manifest(fresh[0], fresh[1], tag, match=current.descriptor.digest if current else "")
        except RegistryError as error:
            if error.code != "registry-conflict":
                raise
        # A pause of random length lets one of two writers through before the other looks again.
        time.sleep(random.uniform(0, 0.02 * min(number + 1, 10)))  # noqa: S311
    raise RegistryError(
        f"others kept changing {tag} while it was brought up to date",
        where=store.name,
        code="registry-conflict",
        hint="nothing of yours is lost: run the command again",
    )


def referrers_by_tag(store: TagStore, digest: str) -> tuple[Descriptor, ...]:
    """Return what is attached, by the fallback index and by the tags of our own: either may know more."""
    tag = subject_tag(digest)
    found = {item.digest: item for item in _index_entries(store.find_manifest(tag), f"{store.name}:{tag}")}
    _add_own(store, digest, found)
    return tuple(found.values())


def _add_own(store: TagStore, subject: str, entries: dict[str, Descriptor]) -> bool:
    """Add what has a tag of our own and is in no list yet; return whether there was any.

    The tag says which attachment it is for, so those that are listed are not fetched once more.
    """
    listed, before = {own_tag(subject, digest) for digest in entries}, len(entries)
    for own in own_tags(store, subject):
        if own not in listed and (stored := store.find_manifest(own)) is not None:
            entries.setdefault(stored.descriptor.digest, _entry(stored.data, store.name))
    return len(entries) > before


def _entry(data: bytes, where: str) -> Descriptor:
    """Return how an index lists a manifest: with its real artifact type and all of its annotations."""
    parsed = parse_manifest(data, where=where)
    return Descriptor(
        media_type=parsed.media_type,
        digest=sha256(data),
        size=len(data),
        artifact_type=parsed.artifact_type,
        annotations=parsed.annotations,
    )


def _index_entries(stored: Stored | None, where: str) -> tuple[Descriptor, ...]:
    if stored is None:
        return ()
    if stored.descriptor.media_type not in INDEXES:
        raise RegistryError(
            f"expected the index of what is attached, found {stored.descriptor.media_type}",
            where=where,
            code="registry-document",
            hint="something else has taken this tag; delete it by hand",
        )
    return parse_manifest(stored.data, where=where).manifests


def _index(entries: list[Descriptor]) -> bytes:
    return json_bytes(
        {
            "schemaVersion": 2,
            "mediaType": IMAGE_INDEX,
            "manifests": [entry.document() for entry in entries],
        }
    )


def _drop_missing(store: TagStore, tag: str, refusal: RegistryError) -> None:
    """Rewrite an index without entries whose manifests are gone: registries refuse to store those."""
    entries = _index_entries(store.find_manifest(tag), f"{store.name}:{tag}")
    kept = [entry for entry in entries if store.has_manifest(entry.digest)]
    if len(kept) == len(entries):
        raise refusal
    store.put_manifest(_index(kept), IMAGE_INDEX, tag)
