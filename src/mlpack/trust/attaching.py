"""Signatures and attestations of a bundle in an OCI layout: attached to its artifact, as if in its folder.

The manifests have no time in them: attaching the same file twice attaches it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.errors import FormatError, SignatureInvalidError, UsageError
from mlpack.format.documents import Fields, parse_json
from mlpack.format.layout import ATTACHED_TYPE, TITLE
from mlpack.format.places import layout_place
from mlpack.oci.descriptors import (
    EMPTY,
    EMPTY_BYTES,
    IMAGE_MANIFEST,
    Descriptor,
    manifest_bytes,
    sha256,
)
from mlpack.trust.envelope import parse_envelope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlpack.oci.layout import Layout

__all__ = ["add_to_layout", "attachment"]


def add_to_layout(place: Path, name: str, data: bytes, *, replace: bool = False) -> None:
    """Attach a signature or an attestation to a bundle in a local layout.

    Args:
        place: The bundle, `oci:DIR[:TAG]`.
        name: Its path in the bundle: `model.sig`, or a file of `attestations/`.
        data: The signature file.
        replace: Whether another file of that name goes.

    Raises:
        UsageError: The layout is an archive, in which nothing can be added.
        StorageError: Something cannot be read or written.
        RegistryError: The layout is not intact.
    """
    from mlpack.oci.layout import Layout
    from mlpack.oci.references import LayoutReference

    found = layout_place(place)
    if found is None or found.path.is_file():
        raise UsageError("nothing can be added to an archive of a layout", where=str(place))
    store = Layout(LayoutReference(path=found.path, tag=found.tag, digest=found.digest), write=True)
    subject = store.manifest(found.digest or found.tag)
    gone = list(_named(store, subject.descriptor.digest, name)) if replace else []
    manifest, layer = attachment(subject.descriptor, name, data)
    store.put_blob(data, layer)
    store.put_blob(EMPTY_BYTES, EMPTY)
    store.put_manifest(manifest, IMAGE_MANIFEST)
    kept = sha256(manifest)
    for digest in gone:
        if digest != kept:
            store.forget_manifest(digest)


def attachment(subject: Descriptor, name: str, data: bytes) -> tuple[bytes, Descriptor]:
    """Return the manifest that attaches one file of a bundle to its artifact, and the blob that it names.

    Args:
        subject: The artifact.
        name: Path in the bundle: `model.sig`, or a file of `attestations/`.
        data: The file.
    """
    layer = Descriptor.of(data, ATTACHED_TYPE)
    annotations = {TITLE: name, "dev.sigstore.bundle.content": "dsse-envelope"}
    if kind := _predicate_type(data):
        annotations["dev.sigstore.bundle.predicateType"] = kind
    manifest = manifest_bytes(
        artifact_type=ATTACHED_TYPE, layers=(layer,), subject=subject, annotations=annotations
    )
    return manifest, layer


def _predicate_type(data: bytes) -> str:
    """Return what a signature file is about, for those who list attachments; nothing depends on it."""
    try:
        payload = parse_envelope(data).payload
        return Fields(parse_json(payload, where="statement"), "statement").text("predicateType")
    except (FormatError, SignatureInvalidError):
        return ""


def _named(store: Layout, subject: str, name: str) -> Iterator[str]:
    for entry in store.listed_referrers(subject) or ():
        if entry.annotations.get(TITLE, "") == name and entry.artifact_type == ATTACHED_TYPE:
            yield entry.digest
