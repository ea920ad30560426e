"""One view of everything that stores manifests and blobs, whether a registry or a folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from mlpack.oci.attaching import TagStore, attach, referrers_by_tag
from mlpack.oci.descriptors import Descriptor, Stored
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference, Reference
from mlpack.oci.registry import Registry
from mlpack.oci.sources import Source

if TYPE_CHECKING:
    from mlpack.oci.credentials import Credentials

__all__ = ["Store", "add_referrer", "open_store", "referrers"]


class Store(TagStore, Protocol):
    """A repository of a registry, or a layout on disk."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """Close what is open."""

    def manifest(self, wanted: str) -> Stored:
        """Return the manifest with a tag or digest."""

    def listed_referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """Return what the store itself lists as attached; None if it keeps no such lists."""

    def blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob."""

    def blob_chunks(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces."""

    def save_blob(self, descriptor: Descriptor, file: BinaryIO) -> None:
        """Write a blob to a file."""

    def has_blob(self, digest: str) -> bool:
        """Tell whether a blob is there."""

    def put_blob(self, source: Source, descriptor: Descriptor, *, mount_from: str = "") -> str:
        """Store a blob unless it is there."""


def open_store(
    reference: Reference,
    *,
    write: bool = False,
    plain_http: bool | None = None,
    credentials: Credentials | None = None,
) -> Store:
    """Return the store that a reference is in; see `Registry` and `Layout`."""
    if isinstance(reference, LayoutReference):
        return Layout(reference, write=write)
    return Registry(reference, write=write, plain_http=plain_http, credentials=credentials)


def referrers(store: Store, digest: str, artifact_type: str = "") -> tuple[Descriptor, ...]:
    """Return what is attached to a manifest. Nothing in the descriptors is to be believed but the digests.

    Args:
        store: Where the manifest is.
        digest: Of the manifest.
        artifact_type: Only these; empty for all. A server's own filter is never relied on.

    Raises:
        RegistryError: The lists cannot be read.
    """
    found = store.listed_referrers(digest)
    if found is None:
        found = referrers_by_tag(store, digest)
    return tuple(entry for entry in found if not artifact_type or entry.artifact_type == artifact_type)


def add_referrer(store: Store, data: bytes, subject: str) -> Descriptor:
    """Store a manifest whose `subject` is `subject`, so that it is found; see `attaching`."""
    return attach(store, data, subject, listed=store.listed_referrers(subject) is not None)
