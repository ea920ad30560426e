"""Bundles as OCI artifacts: pushed into a layout, pulled out of one, with signature and attestations.

The artifact is a CNCF ModelPack: a config that says what every model hub wants to know, layers with the
files, and what signs it attached. The same bundle gives the same artifact digest, whoever pushes it.

Source: CNCF ModelPack model-spec v0.0.7, docs/spec.md, docs/config.md and schema/config-schema.json.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlpack.errors import TargetExistsError, UsageError
from mlpack.format.atomic import into_place, refuse_existing, storage_errors
from mlpack.format.layers import ARTIFACT_TYPE, CONFIG_TYPE, Layer, layer_bytes, plan_layers
from mlpack.format.names import ATTESTATIONS, SIGNATURE
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.places import layout_place
from mlpack.format.tree import Tree, open_tree
from mlpack.format.writer import BundleLayout, target_path, write_copy
from mlpack.oci.descriptors import IMAGE_MANIFEST, Descriptor, Stored, manifest_bytes
from mlpack.oci.documents import json_bytes
from mlpack.oci.layout import Layout
from mlpack.oci.references import LayoutReference, parse_reference
from mlpack.runtime.notices import UnsignedWarning
from mlpack.trust.attaching import attach_file
from mlpack.trust.location import BundleLike, bundle_path
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.verification import VerifiedBundle, verify

if TYPE_CHECKING:
    from mlpack.format.manifest import Manifest
    from mlpack.show.facts import Facts

__all__ = ["PushedBundle", "pull", "push"]

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
    """

    reference: str
    digest: str
    bundle: str
    layers: int
    sent: int
    attached: tuple[str, ...]

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
                    ),
                ),
            ),
        )


def push(bundle: BundleLike, reference: str, *, overwrite: bool = False) -> PushedBundle:
    """Store a bundle as an artifact in a local OCI layout, with its signature and its attestations.

    Args:
        bundle: A bundle directory, a `.mlpack` file, `oci:DIR[:TAG]`, or a bundle that was opened before. It
            is read strictly, and nobody's word is taken for it: `pull` and `verify` ask who vouches.
        reference: `oci:DIR:TAG`; a folder that is not there, or empty, becomes a layout.
        overwrite: Whether a tag that names another artifact is moved.

    Raises:
        FormatError: The bundle is not intact.
        TargetExistsError: The tag names another artifact, and `overwrite` is false.
        RegistryError: The folder is no layout.
        StorageError: Something cannot be read or written.
        UsageError: The reference is none, or of a registry.
    """
    place = _layout_reference(reference)
    opened = inspect(bundle_path(bundle))
    store = Layout(place, write=True)
    with open_tree(opened.path) as tree:
        layers, diff_ids, sent = [], [], 0
        for layer in plan_layers(tree.entries):
            descriptor, diff_id, new = _store_layer(store, place.path, tree, layer)
            layers.append(descriptor)
            diff_ids.append(diff_id)
            sent += new
        config = json_bytes(_config(opened.manifest, diff_ids))
        described = Descriptor.of(config, CONFIG_TYPE)
        store.put_blob(config, described)
        data = manifest_bytes(
            artifact_type=ARTIFACT_TYPE,
            config=described,
            layers=tuple(layers),
            annotations={
                "org.opencontainers.image.title": opened.name,
                "org.opencontainers.image.version": opened.version,
                BUNDLE_DIGEST: opened.digest,
            },
        )
        artifact = Stored(descriptor=Descriptor.of(data, IMAGE_MANIFEST), data=data)
        _refuse_other(store, place.tag, artifact, overwrite=overwrite)
        # What is attached comes first: nobody who finds the tag finds it unsigned.
        attached = [path for path in tree.entries if path == SIGNATURE or path.startswith(ATTESTATIONS)]
        for path in attached:
            attach_file(store, artifact, path, b"".join(tree.chunks(path)))
        store.put_manifest(data, IMAGE_MANIFEST, place.tag)
    return PushedBundle(
        reference=reference,
        digest=f"manifest:{artifact.descriptor.digest}",
        bundle=opened.digest,
        layers=len(layers),
        sent=sent,
        attached=tuple(attached),
    )


def _layout_reference(reference: str) -> LayoutReference:
    place = parse_reference(reference)
    if not isinstance(place, LayoutReference):
        raise UsageError(
            "this version stores bundles in local layouts only", where=reference, hint="oci:DIR:TAG"
        )
    if not place.tag:
        raise UsageError("expected a tag", where=reference, hint="oci:DIR:TAG")
    return place


def _refuse_other(store: Layout, tag: str, artifact: Stored, *, overwrite: bool) -> None:
    found = store.find_manifest(tag)
    if found is not None and found.descriptor.digest != artifact.descriptor.digest and not overwrite:
        raise TargetExistsError(
            f"{tag} names another artifact, {found.descriptor.digest}",
            where=store.name,
            hint="pass overwrite, or use another tag",
        )


def _store_layer(store: Layout, beside: Path, tree: Tree, layer: Layer) -> tuple[Descriptor, str, bool]:
    """Write one layer; return its descriptor, the digest of the tar inside, and whether it is new."""
    files: Iterable[tuple[str, int, Iterable[bytes]]] = (
        (path, tree.entries[path], tree.chunks(path)) for path in layer.paths
    )
    blob, plain, size = hashlib.sha256(), hashlib.sha256(), 0
    with tempfile.TemporaryDirectory(prefix=".mlpack-", dir=beside) as folder:
        draft = Path(folder, "layer")
        with storage_errors(draft), draft.open("xb") as file:
            for piece, inside in layer_bytes(files):
                blob.update(piece)
                plain.update(inside)
                size += len(piece)
                file.write(piece)
        annotations = {}
        if len(layer.paths) == 1:
            annotations["org.cncf.model.filepath"] = layer.paths[0]
        descriptor = Descriptor(
            media_type=layer.media_type,
            digest=f"sha256:{blob.hexdigest()}",
            size=size,
            annotations=annotations,
        )
        new = store.put_blob(draft, descriptor) == "sent"
    return descriptor, f"sha256:{plain.hexdigest()}", new


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
) -> VerifiedBundle | UnverifiedBundle:
    """Take a bundle out of a local OCI layout, verify the copy, and only then give it its name.

    Args:
        reference: `oci:DIR[:TAG]` or `oci:DIR@sha256:...`; the layout may be a tar archive of one.
        output: Folder in which the bundle appears, as `NAME-VERSION.mlpack` or as the directory of that name.
        policy: A policy, the path of one, None to take `MLPACK_POLICY` or the user's own, or
            `mlpack.UNSIGNED`.
        layout: Form of the copy.
        overwrite: Whether an existing bundle of that name is replaced.

    Returns:
        The bundle where it is now; verified, unless the policy is `mlpack.UNSIGNED`.

    Raises:
        VerificationError: The bundle does not fulfil the policy; nothing is left of it.
        FormatError: Without a policy: the bundle is not intact.
        PolicyError: There is no usable policy.
        TargetExistsError: There is such a bundle, and `overwrite` is false.
        StorageError: Something cannot be read or written.
        UsageError: The reference is of a registry.
    """
    if layout_place(reference) is None:
        raise UsageError(
            "this version takes bundles out of local layouts only", where=reference, hint="oci:DIR:TAG"
        )
    found = _checked(bundle_path(reference), policy)
    if isinstance(policy, Unsigned):
        said = f"{found.name} {found.version} is taken unsigned: nobody vouches for it"
        warnings.warn(said, UnsignedWarning, stacklevel=2)
    target = target_path(Path(output).absolute(), found.manifest, layout)
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
    return _moved(copied, target)


def _checked(
    path: Path, policy: Policy | Unsigned | str | os.PathLike[str] | None
) -> VerifiedBundle | UnverifiedBundle:
    return inspect(path) if isinstance(policy, Unsigned) else verify(path, policy)


def _copy(found: VerifiedBundle | UnverifiedBundle, target: Path, layout: BundleLayout) -> None:
    with open_tree(found.path) as tree:
        write_copy(tree, found.manifest.folder, target, added={}, layout=layout, overwrite=False)


def _moved(bundle: VerifiedBundle | UnverifiedBundle, path: Path) -> VerifiedBundle | UnverifiedBundle:
    return replace(bundle, path=path)
