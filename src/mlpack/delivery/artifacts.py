"""Bundles as OCI artifacts: pushed to a registry or layout and pulled out, with what signs them.

The artifact is a CNCF ModelPack: a config that says what every model hub wants to know, layers with the
files, and what signs it attached. The same bundle gives the same artifact digest, whoever pushes it.

Source: CNCF ModelPack model-spec v0.0.7, docs/spec.md, docs/config.md and schema/config-schema.json.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlpack.delivery.layering import DescribedLayer, Watched, describe_layers, describe_signatures
from mlpack.delivery.mountable import mountable_tag, store_mountable
from mlpack.delivery.partial import Part, PartialBundle
from mlpack.delivery.pulling import pull_part, pull_whole
from mlpack.delivery.transfers import Progress, Tally, transfer
from mlpack.errors import TargetExistsError, UsageError
from mlpack.format.atomic import into_place, refuse_existing, storage_errors
from mlpack.format.layers import ARTIFACT_TYPE, CONFIG_TYPE
from mlpack.format.names import ATTESTATIONS, SIGNATURE
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.places import layout_place
from mlpack.format.tree import open_tree
from mlpack.format.writer import BundleLayout, target_path, write_copy
from mlpack.oci.descriptors import EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Descriptor, manifest_bytes
from mlpack.oci.documents import json_bytes
from mlpack.oci.references import Reference, RegistryReference, parse_reference
from mlpack.oci.stores import Store, add_referrer, open_store
from mlpack.runtime.notices import UnsignedWarning
from mlpack.trust.attaching import attachment
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.policy_choice import resolve_policy
from mlpack.trust.verification import VerifiedBundle, verify

if TYPE_CHECKING:
    from mlpack.format.manifest import Manifest
    from mlpack.show.facts import Facts

__all__ = ["PushedBundle", "attach_file", "pull", "push"]

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
    opened = inspect(bundle_path(bundle))
    place = parse_target(reference, opened.version)
    annotations = {
        "org.opencontainers.image.title": opened.name,
        "org.opencontainers.image.version": opened.version,
        BUNDLE_DIGEST: opened.digest,
    }
    with open_tree(opened.path) as tree, open_store(place, write=True, plain_http=plain_http) as store:
        layers = describe_layers(tree, progress)
        config = json_bytes(_config(opened.manifest, [layer.diff_id for layer in layers]))
        described = Descriptor.of(config, CONFIG_TYPE)
        data = manifest_bytes(
            artifact_type=ARTIFACT_TYPE,
            config=described,
            layers=tuple(layer.descriptor for layer in layers),
            annotations=annotations,
        )
        artifact = Descriptor.of(data, IMAGE_MANIFEST)
        _refuse_other(store, place.tag, artifact, overwrite=overwrite)
        sent = _send_layers(store, layers, mount_from, progress)
        store.put_blob(config, described)
        store.put_manifest(data, IMAGE_MANIFEST)
        # What is attached comes before the tag: nobody who finds the tag finds it unsigned.
        attached = [path for path in tree.entries if path == SIGNATURE or path.startswith(ATTESTATIONS)]
        for path in attached:
            attach_file(store, artifact, path, b"".join(tree.chunks(path)))
        store.put_manifest(data, IMAGE_MANIFEST, place.tag)
        wanted = isinstance(place, RegistryReference) if image is None else image
        mountable = mountable_tag(place.tag) if wanted else ""
        if mountable:
            more = describe_signatures(tree, attached)
            _send_layers(store, more, mount_from, None)
            store_mountable(store, [*layers, *more], annotations, mountable)
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


def _refuse_other(store: Store, tag: str, artifact: Descriptor, *, overwrite: bool) -> None:
    found = store.find_manifest(tag)
    if found is not None and found.descriptor.digest != artifact.digest and not overwrite:
        raise TargetExistsError(
            f"{tag} names another artifact, {found.descriptor.digest}",
            where=store.name,
            hint="pass overwrite, or use another tag",
        )


def _send_layers(
    store: Store, layers: Sequence[DescribedLayer], mount_from: str, progress: Progress | None
) -> int:
    """Store the layers that are not there, several at once; return how many that were."""
    tally = Tally("sending", sum(layer.descriptor.size for layer in layers), progress)

    def send(layer: DescribedLayer) -> bool:
        source = Watched(layer, tally)
        found = store.put_blob(source, layer.descriptor, mount_from=mount_from)
        if found != "sent":
            tally.add(layer.descriptor.size)
        return found == "sent"

    return sum(transfer(send, layers, tally)) if layers else 0


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


def pull(
    reference: str,
    output: str | os.PathLike[str],
    *,
    policy: Policy | Unsigned | str | os.PathLike[str] | None = None,
    layout: Literal["archive", "directory"] = "archive",
    overwrite: bool = False,
    only: Sequence[Part] = (),
    plain_http: bool | None = None,
    progress: Progress | None = None,
) -> VerifiedBundle | UnverifiedBundle | PartialBundle:
    """Take a bundle out of a registry or a local OCI layout, verify it, and only then give it its name.

    Uses the network for a registry. What no signer of the policy vouches for is refused before more than the
    bundle's lists are fetched.

    Args:
        reference: `HOST/REPO:TAG`, `HOST/REPO@sha256:...`, `oci:DIR[:TAG]` or `oci:DIR@sha256:...`; a layout
            may be a tar archive of one.
        output: Folder in which the bundle appears, as `NAME-VERSION.mlpack` or as the directory of that name.
        policy: A policy, the path of one, None to take `MLPACK_POLICY` or the user's own, or
            `mlpack.UNSIGNED`.
        layout: Form of the copy.
        overwrite: Whether an existing bundle of that name is replaced.
        only: Parts that are wanted, of a registry: `model`, `serving`, `docs`, `code`; they become the folder
            `NAME-VERSION.partial`.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.
        progress: Who is told how far it is.

    Returns:
        The bundle where it is now; verified, unless the policy is `mlpack.UNSIGNED`. With `only` a part.

    Raises:
        VerificationError: The bundle does not fulfil the policy; nothing is left of it.
        FormatError: Without a policy: the bundle is not intact.
        PolicyError: There is no usable policy.
        TargetExistsError: There is such a bundle, and `overwrite` is false.
        RegistryError: The registry refuses, cannot be reached, or sends other bytes than were asked for.
        StorageError: Something cannot be read or written.
        UsageError: The reference is none.
    """
    rules = resolve_policy(policy)
    folder = Path(output).absolute()
    found: VerifiedBundle | UnverifiedBundle | PartialBundle
    if layout_place(reference) is not None and not only:
        found = _pull_local(reference, folder, rules, layout=layout, overwrite=overwrite)
    else:
        place = parse_reference(reference)
        with open_store(place, plain_http=plain_http) as store:
            artifact = store.manifest(place.wanted)
            if only:
                found = pull_part(
                    store, artifact, folder, rules, only, overwrite=overwrite, progress=progress
                )
            else:
                found = pull_whole(
                    store, artifact, folder, rules, layout=layout, overwrite=overwrite, progress=progress
                )
    if isinstance(rules, Unsigned):
        said = f"{found.manifest.name} {found.manifest.version} is taken unsigned: nobody vouches for it"
        warnings.warn(said, UnsignedWarning, stacklevel=2)
    return found


def _pull_local(
    reference: str, output: Path, policy: Policy | Unsigned, *, layout: BundleLayout, overwrite: bool
) -> VerifiedBundle | UnverifiedBundle:
    found = _checked(bundle_path(reference), policy)
    target = target_path(output, found.manifest, layout)
    if not overwrite:
        refuse_existing(target)
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        draft = staging / target.name
        _copy(found, draft, layout)
        # The copy is what counts: the layout may have changed while it was read.
        copied = _checked(draft, policy)
        into_place(draft, target, overwrite=overwrite)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return replace(copied, path=target)


def _checked(path: Path, policy: Policy | Unsigned) -> VerifiedBundle | UnverifiedBundle:
    return inspect(path) if isinstance(policy, Unsigned) else verify(path, policy)


def _copy(found: VerifiedBundle | UnverifiedBundle, target: Path, layout: BundleLayout) -> None:
    with open_tree(found.path) as tree:
        write_copy(tree, found.manifest.folder, target, added={}, layout=layout, overwrite=False)
