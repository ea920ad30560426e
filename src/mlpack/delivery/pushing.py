"""Pushing a bundle: an artifact in a registry or a local OCI layout, with what signs it attached.

The artifact is a CNCF ModelPack: a config that says what every model hub wants to know, layers with the
files, and what signs it attached. The same bundle gives the same artifact digest, whoever pushes it.

Source: CNCF ModelPack model-spec v0.0.7, docs/spec.md, docs/config.md and schema/config-schema.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlpack.delivery.known import open_known
from mlpack.delivery.layering import DescribedLayer, describe_layers, describe_signatures, layers_size
from mlpack.delivery.mountable import mountable_tag, store_mountable
from mlpack.delivery.transfers import Progress, Tally, Watched, transfer
from mlpack.errors import FormatError, TargetExistsError, UsageError
from mlpack.format.layers import ARTIFACT_TYPE, CONFIG_TYPE
from mlpack.format.names import ATTESTATIONS, SIGNATURE
from mlpack.format.opening import UnverifiedBundle, inspect_tree
from mlpack.format.places import layout_place
from mlpack.format.tree import Tree
from mlpack.oci.copying import copy_attached
from mlpack.oci.descriptors import EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Descriptor, manifest_bytes
from mlpack.oci.documents import json_bytes
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference, Reference, RegistryReference, parse_reference
from mlpack.oci.stores import Store, add_referrer, open_store
from mlpack.trust.attaching import attachment
from mlpack.trust.lists import Lists, read_lists
from mlpack.trust.location import BundleLike, bundle_path

if TYPE_CHECKING:
    from mlpack.format.manifest import Manifest
    from mlpack.show.facts import Facts

__all__ = ["BUNDLE_DIGEST", "PushedBundle", "attach_file", "parse_target", "push", "refuse_other"]

BUNDLE_DIGEST = "mlpack.bundle.digest"
"""Annotation of the artifact: the digest of the bundle in it. A hint: readers compute it themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedBundle:
    """What `push` has done.

    Attributes:
        reference: Where the bundle is now.
        digest: `manifest:sha256:<hex>` of the artifact; it depends on nothing but the bundle's files.
        bundle: `bundle:sha256:<hex>`.
        layers: How many layers it has.
        sent: How many of them were not there yet.
        attached: Paths of the signature and the attestations that went along.
        image: Reference of the mountable form; empty without one.
    """

    reference: str
    digest: str
    bundle: str
    layers: int
    sent: int
    attached: tuple[str, ...]
    image: str = ""

    def facts(self) -> Facts:
        """Return what was done."""
        from mlpack.show.facts import Facts, Section

        signed = "yes" if SIGNATURE in self.attached else "no"
        attestations = str(len(self.attached) - (SIGNATURE in self.attached))
        return Facts(
            title=f"{self.reference}: pushed",
            sections=(
                Section(
                    title="Pushed",
                    pairs=(
                        ("bundle (pin this)", self.bundle, "good"),
                        ("artifact", self.digest, "plain"),
                        ("layers", f"{self.layers}, of which {self.sent} are new", "plain"),
                        ("signature", signed, "plain"),
                        ("attestations", attestations, "plain"),
                        *((("image to mount", self.image, "plain"),) if self.image else ()),
                    ),
                ),
            ),
        )


def push(
    bundle: BundleLike,
    reference: str,
    *,
    overwrite: bool = False,
    image: bool | None = None,
    mount_from: str = "",
    plain_http: bool | None = None,
    progress: Progress | None = None,
) -> PushedBundle:
    """Store a bundle as an artifact in a registry or a local OCI layout, with its signature and attestations.

    Layers that are there already are not sent again. Uses the network for a registry, and only for that.

    Args:
        bundle: A bundle directory, a `.mlpack` file, `oci:DIR[:TAG]`, or a bundle that was opened before. It
            is read strictly, and nobody's word is taken for it: `pull` and `verify` ask who vouches.
        reference: `HOST/REPO[:TAG]` or `oci:DIR[:TAG]`; without a tag the bundle's version is one. A folder
            that is not there, or empty, becomes a layout.
        overwrite: Whether a tag that names another artifact is moved.
        image: Whether an image that clusters can mount names the same blobs as well, as `TAG-image`; None
            does so in registries.
        mount_from: Another repository of the registry, from which layers may be taken over there.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.
        progress: Who is told how far it is.

    Raises:
        FormatError: The bundle is not intact.
        TargetExistsError: The tag names another artifact, and `overwrite` is false.
        RegistryError: The registry refuses or cannot be reached, or the folder is no layout.
        StorageError: Something cannot be read or written.
        UsageError: The reference is none, or one by digest.
    """
    parse_target(reference, "0")  # a mistake is named before a large bundle is read
    digests: dict[str, str] = {}
    with open_known(bundle_path(bundle), digests) as tree:
        lists = _lists(tree)
        place = parse_target(reference, lists.manifest.version)
        with open_store(place, write=True, plain_http=plain_http) as store:
            wanted = isinstance(place, RegistryReference) if image is None else image
            tally = Tally("sending", layers_size(tree), progress, passes=2)  # read, then sent
            sending = _Sending(store=store, mount_from=mount_from, tally=tally, checksums=lists.checksums)
            # Where no tag is in the way, a layer is sent once its files are known to be the listed ones.
            soon = overwrite or store.find_manifest(place.tag) is None
            layers = describe_layers(tree, digests, tally, sending.send if soon else None)
            opened = inspect_tree(tree)
            pushed = _push(sending, place, opened, tree, layers, overwrite=overwrite, image=wanted)
            if (source := layout_place(bundle_path(bundle))) is not None and source.path.is_dir():
                _bring_along(Layout(LayoutReference(path=source.path)), store, pushed.digest)
            return pushed


def _lists(tree: Tree) -> Lists:
    """Return the lists of a bundle; of a broken one, say everything that is wrong with it."""
    try:
        return read_lists(tree)
    except FormatError:
        inspect_tree(tree)
        raise


def _bring_along(source: Layout, target: Store, digest: str) -> None:
    """Copy what a layout knows besides: signatures of the artifact by others, and the history."""
    from mlpack.delivery.lifecycle.copying import copy_events

    copy_attached(source, target, digest.removeprefix("manifest:"))
    copy_events(source, target)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sending:
    """Where to, and how; `found` has what became of each layer: `present`, `mounted` or `sent`."""

    store: Store
    mount_from: str
    tally: Tally
    checksums: Mapping[str, str]
    found: dict[str, str] = field(default_factory=dict)

    def send(self, layer: DescribedLayer, digests: Mapping[str, str]) -> None:
        """Store a layer, unless a file in it is not the listed one."""
        for path, digest in digests.items():
            if self.checksums.get(path, digest) != digest:
                return  # whoever inspects the bundle says so, with everything else that is wrong
        self.layer(layer)

    def layer(self, layer: DescribedLayer) -> None:
        """Store a layer that is not there."""
        source, descriptor = Watched(layer, self.tally), layer.descriptor
        found = self.store.put_blob(source, descriptor, mount_from=self.mount_from)
        if found != "sent":
            self.tally.add(descriptor.size)
        self.found[descriptor.digest] = found

    def rest(self, layers: Sequence[DescribedLayer]) -> None:
        """Store the layers that were not stored yet, several at once."""
        left = [layer for layer in layers if layer.descriptor.digest not in self.found]
        if left:
            transfer(self.layer, left, self.tally)


def _push(
    sending: _Sending,
    place: Reference,
    opened: UnverifiedBundle,
    tree: Tree,
    layers: Sequence[DescribedLayer],
    *,
    overwrite: bool,
    image: bool,
) -> PushedBundle:
    store = sending.store
    config = json_bytes(_config(opened.manifest, [layer.diff_id for layer in layers]))
    described = Descriptor.of(config, CONFIG_TYPE)
    annotations = {
        "org.opencontainers.image.title": opened.name,
        "org.opencontainers.image.version": opened.version,
        BUNDLE_DIGEST: opened.digest,
    }
    data = manifest_bytes(
        artifact_type=ARTIFACT_TYPE,
        config=described,
        layers=tuple(layer.descriptor for layer in layers),
        annotations=annotations,
    )
    artifact = Descriptor.of(data, IMAGE_MANIFEST)
    refuse_other(store, place.tag, artifact, overwrite=overwrite)
    sending.rest(layers)
    sent = list(sending.found.values()).count("sent")
    store.put_blob(config, described)
    store.put_manifest(data, IMAGE_MANIFEST)
    # What is attached comes before the tag: nobody who finds the tag finds it unsigned.
    attached = [path for path in tree.entries if path == SIGNATURE or path.startswith(ATTESTATIONS)]
    for path in attached:
        attach_file(store, artifact, path, b"".join(tree.chunks(path)))
    mountable = mountable_tag(place.tag) if image else ""
    if mountable:
        more = describe_signatures(tree, attached)
        sending.rest(more)
        store_mountable(store, [*layers, *more], annotations, mountable)
    store.put_manifest(data, IMAGE_MANIFEST, place.tag)
    return PushedBundle(
        reference=str(place),
        digest=f"manifest:{artifact.digest}",
        bundle=opened.digest,
        layers=len(layers),
        sent=sent,
        attached=tuple(attached),
        image=str(replace(place, tag=mountable)) if mountable else "",
    )


def parse_target(reference: str, version: str) -> Reference:
    """Return where something is pushed to: with the tag that is named, or else that of the version.

    Raises:
        UsageError: It is no reference, or names a digest.
    """
    place = parse_reference(reference)
    if place.digest:
        raise UsageError("expected a tag, found a digest", where=reference, hint=f"{place.name}:TAG")
    if ":" not in reference.removeprefix("oci:").rpartition("/")[2]:
        return replace(place, tag=version.replace("+", "_"))
    return place


def attach_file(store: Store, subject: Descriptor, name: str, data: bytes) -> None:
    """Attach a signature or an attestation of a bundle to its artifact; a second time changes nothing."""
    manifest, layer = attachment(subject, name, data)
    store.put_blob(data, layer)
    store.put_blob(EMPTY_BYTES, EMPTY)
    add_referrer(store, manifest, subject.digest)


def refuse_other(store: Store, tag: str, artifact: Descriptor, *, overwrite: bool) -> None:
    """Raise if a tag names something else and may not be moved.

    Raises:
        TargetExistsError: It does.
    """
    found = store.find_manifest(tag)
    if found is not None and found.descriptor.digest != artifact.digest and not overwrite:
        raise TargetExistsError(
            f"{tag} names another artifact, {found.descriptor.digest}",
            where=store.name,
            hint="pass overwrite, or use another tag",
        )


def _config(manifest: Manifest, diff_ids: list[str]) -> dict[str, Any]:
    """Return the ModelPack config. It is closed, so what is not in its schema stands in annotations."""
    descriptor: dict[str, Any] = {"name": manifest.name, "version": manifest.version}
    if manifest.license:
        descriptor["licenses"] = [manifest.license]
    return {
        "descriptor": descriptor,
        "config": {
            "format": manifest.model.format,
            "capabilities": {"inputTypes": ["other"], "outputTypes": ["other"]},
        },
        "modelfs": {"type": "layers", "diffIds": diff_ids},
    }
