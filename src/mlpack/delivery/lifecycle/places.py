"""Which repository is meant, which bundle in it, and how its bytes come here to be verified."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlpack.errors import RegistryError, UsageError
from mlpack.format.layers import ARTIFACT_TYPE
from mlpack.format.layout import ATTACHED_TYPE
from mlpack.oci.copying import copy_blobs
from mlpack.oci.descriptors import EMPTY, EMPTY_BYTES, Stored, parse_manifest
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference, Reference, parse_reference
from mlpack.oci.stores import Store, open_store, referrers

__all__ = ["artifact_at", "bundle_place", "is_bundle", "open_repository", "repository_of"]


def repository_of(reference: str) -> Reference:
    """Return what a reference names.

    Raises:
        UsageError: It is no reference.
    """
    place = parse_reference(reference)
    if isinstance(place, LayoutReference) and place.path.is_file():
        raise UsageError("an archive of a layout has no history that could grow", where=reference)
    return place


def open_repository(place: Reference, *, write: bool, plain_http: bool | None) -> Store:
    """Open the repository that a reference is in. A layout that is not there is not made.

    Raises:
        RegistryError: There is none.
    """
    making = write and not isinstance(place, LayoutReference)
    return open_store(place, write=making, plain_http=plain_http)


def is_bundle(stored: Stored, where: str) -> bool:
    """Return whether a manifest is that of a bundle."""
    parsed = parse_manifest(stored.data, where=where)
    return parsed.config is not None and parsed.artifact_type == ARTIFACT_TYPE


def artifact_at(store: Store, place: Reference) -> Stored:
    """Return the artifact that a reference names; in a layout without a tag, the only bundle there is.

    Raises:
        RegistryError: There is none, several could be meant, or it is no bundle.
    """
    if place.wanted:
        stored = store.manifest(place.wanted)
        if not is_bundle(stored, str(place)):
            raise RegistryError("not a bundle", where=str(place), code="registry-document")
        return stored
    found: dict[str, Stored] = {}
    for tag in store.tags():
        candidate = store.find_manifest(tag)
        if candidate is not None and is_bundle(candidate, store.name):
            found[candidate.descriptor.digest] = candidate
    if len(found) != 1:
        raise RegistryError(
            f"holds {len(found) or 'no'} bundle{'' if len(found) == 1 else 's'}, so say which is meant",
            where=store.name,
            code="registry-not-found",
            hint="name its tag: oci:DIR:TAG",
        )
    return next(iter(found.values()))


@contextlib.contextmanager
def bundle_place(store: Store, place: Reference, stored: Stored) -> Iterator[str]:
    """Yield where the bundle of an artifact can be read: in its layout, or in a copy that goes away after.

    Raises:
        RegistryError: The registry fails, or sends other bytes.
        StorageError: There is no room for the copy.
    """
    digest = stored.descriptor.digest
    if isinstance(place, LayoutReference):
        yield f"oci:{place.path}@{digest}"
        return
    with tempfile.TemporaryDirectory(prefix="mlpack-") as folder:
        target = Layout(LayoutReference(path=Path(folder) / "layout"), write=True)
        target.put_blob(EMPTY_BYTES, EMPTY)  # every store has it, listed or not
        for item in (*_attached(store, digest), stored):
            copy_blobs(store, target, item)
            target.put_manifest(item.data, item.descriptor.media_type)
        yield f"oci:{folder}/layout@{digest}"


def _attached(store: Store, digest: str) -> Iterator[Stored]:
    for entry in referrers(store, digest):
        with contextlib.suppress(RegistryError):  # what is broken does not count, as in a layout
            item = store.manifest(entry.digest)
            if parse_manifest(item.data, where=entry.digest).artifact_type == ATTACHED_TYPE:
                yield item
