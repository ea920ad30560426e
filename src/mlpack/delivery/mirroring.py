"""An artifact taken from a registry into a layout as it is: what a machine without a network verifies.

Everything comes along that somebody there could ask for: signature and attestations, signatures of the
artifact by cosign, and the signed history of the repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.delivery.pushing import refuse_other
from mlpack.delivery.transfers import Progress, Tally, Watched, transfer
from mlpack.errors import UsageError
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.oci.copying import StoredBlob, blobs_of, copy_attached
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference, parse_reference
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.verification import VerifiedBundle, verify

if TYPE_CHECKING:
    from mlpack.oci.descriptors import Descriptor, Stored
    from mlpack.oci.stores import Store

__all__ = ["take_into_layout"]


def take_into_layout(
    store: Store,
    artifact: Stored,
    target: str,
    policy: Policy | Unsigned,
    *,
    tag: str,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> VerifiedBundle | UnverifiedBundle:
    """Copy an artifact into a layout, verify it there, and only then give it its tag.

    What a refused or broken copy leaves has no tag and no entry; a second try goes on from it.

    Args:
        store: Where the artifact is.
        artifact: What is copied.
        target: `oci:DIR[:TAG]`.
        policy: Whom to trust.
        tag: For a target without one.
        overwrite: Whether a tag that names another artifact is moved.
        progress: Who is told how far it is.

    Raises:
        VerificationError: It does not fulfil the policy.
        RegistryError: The registry fails, or its bytes are not those that were asked for.
        TargetExistsError: The tag names another artifact, and `overwrite` is false.
        StorageError: The disk is full or refuses.
    """
    from mlpack.delivery.lifecycle.copying import copy_events

    place = parse_reference(target)
    tag = place.tag or tag
    if not isinstance(place, LayoutReference) or place.digest or not tag:
        raise UsageError("expected a tag in a layout", where=target, hint="oci:DIR:TAG")
    layout = Layout(place, write=True)
    digest = artifact.descriptor.digest
    refuse_other(layout, tag, artifact.descriptor, overwrite=overwrite)
    blobs = blobs_of(artifact, store.name)
    tally = Tally("receiving", sum(blob.size for blob in blobs), progress)

    def take(blob: Descriptor) -> None:
        if layout.put_blob(Watched(StoredBlob(store, blob), tally), blob) == "present":
            tally.add(blob.size)

    transfer(take, blobs, tally)
    layout.put_blob(artifact.data, artifact.descriptor)
    attached = copy_attached(store, layout, digest)
    copy_events(store, layout)
    here = Path(f"oci:{place.path.absolute()}@{digest}")
    try:
        found = inspect(here) if isinstance(policy, Unsigned) else verify(here, policy)
    except BaseException:
        for item in attached:
            layout.forget_manifest(item)
        raise
    layout.put_manifest(artifact.data, artifact.descriptor.media_type, tag)
    return found
