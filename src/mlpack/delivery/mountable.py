"""The same layers once more as an image that a cluster mounts: Kubernetes image volumes, KServe modelcars.

Container runtimes mount nothing but images. So beside the artifact lies an index with one manifest for each
processor, all over the same blobs; the files are in `/models`, with the signature, which the artifact has
attached, in a last layer of its own: what is mounted can be verified like any folder.

Source: OCI image specification 1.1.1, config.md; KServe, "oci+native" storage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlpack.delivery.layering import DescribedLayer
from mlpack.oci.descriptors import IMAGE_INDEX, IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.oci.documents import json_bytes
from mlpack.oci.stores import Store

__all__ = ["MOUNTABLE", "mountable_tag", "store_mountable"]

MOUNTABLE: Final = "-image"
"""What the tag of the mountable form has more than that of the artifact."""

_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES: Final = ("amd64", "arm64")
_MAX_TAG: Final = 128


def mountable_tag(tag: str) -> str:
    """Return the tag of the mountable form; empty when there is no room for one."""
    return tag + MOUNTABLE if len(tag) + len(MOUNTABLE) <= _MAX_TAG else ""


def store_mountable(
    store: Store, layers: Sequence[DescribedLayer], annotations: Mapping[str, str], tag: str
) -> str:
    """Store the index and its manifests, whose blobs are there already; return the digest of the index."""
    entries: list[dict[str, Any]] = []
    for architecture in _ARCHITECTURES:
        rootfs = {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}
        config = json_bytes({"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs})
        described = Descriptor.of(config, _CONFIG)
        store.put_blob(config, described)
        data = manifest_bytes(config=described, layers=tuple(_as_image_layer(layer) for layer in layers))
        store.put_manifest(data, IMAGE_MANIFEST)
        platform = {"os": "linux", "architecture": architecture}
        entries.append(Descriptor.of(data, IMAGE_MANIFEST).document() | {"platform": platform})
    index = json_bytes(
        {
            "schemaVersion": 2,
            "mediaType": IMAGE_INDEX,
            "manifests": entries,
            "annotations": dict(annotations),
        }
    )
    store.put_manifest(index, IMAGE_INDEX, tag)
    return sha256(index)


def _as_image_layer(layer: DescribedLayer) -> Descriptor:
    return Descriptor(media_type=_LAYER, digest=layer.descriptor.digest, size=layer.descriptor.size)
