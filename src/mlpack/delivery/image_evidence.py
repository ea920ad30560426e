"""What a store holds about one digest: fetched, bounded, and handed on without being believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlpack.errors import RegistryError
from mlpack.oci.attaching import converge, own_tag, own_tags, subject_tag
from mlpack.oci.descriptors import (
    EMPTY,
    IMAGE_MANIFEST,
    Descriptor,
    Stored,
    manifest_bytes,
    parse_manifest,
    sha256,
)
from mlpack.oci.documents import json_bytes
from mlpack.oci.stores import Store, referrers
from mlpack.trust.image_statements import BUNDLE_TYPE, MAX_BUNDLE, SIGNATURE_TYPE
from mlpack.trust.images import AttachedBundle, ImageEvidence, LegacySignature
from mlpack.trust.legacy_signatures import LEGACY_ANNOTATIONS, LEGACY_SIGNATURE, MAX_LEGACY, SIMPLE_SIGNING

__all__ = ["add_legacy_signature", "collect_evidence"]

_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_PREDICATE = "dev.sigstore.bundle.predicateType"
_MAX_CANDIDATES = 500
_DAMAGED = ("registry-corrupt", "registry-document", "registry-not-found")
"""Errors that concern one attachment. Whoever may write could place such, so they stop no verification."""


def collect_evidence(
    store: Store, stored: Stored, *, predicate_types: Sequence[str] = (SIGNATURE_TYPE,)
) -> ImageEvidence:
    """Fetch what could be a signature of a manifest, or an attestation of one of these types.

    Raises:
        RegistryError: The store fails, or holds more candidates than are read.
    """
    digest = stored.descriptor.digest
    notes: list[str] = []
    bundles = _bundles(store, digest, predicate_types, notes)
    legacy = _legacy(store, digest, notes) if SIGNATURE_TYPE in predicate_types else ()
    return ImageEvidence(
        source=f"{store.name}@{digest}",
        digest=digest,
        manifest=stored.data,
        bundles=bundles,
        legacy=legacy,
        notes=tuple(notes),
    )


def _bundles(
    store: Store, digest: str, wanted: Sequence[str], notes: list[str]
) -> tuple[AttachedBundle, ...]:
    found = []
    # cosign 3 lists its bundles under the type of the empty config, so the list cannot be filtered by type.
    entries = [
        entry
        for entry in referrers(store, digest)
        if entry.artifact_type in (BUNDLE_TYPE, EMPTY.media_type, "")
    ]
    _bound(store, digest, len(entries))
    for entry in entries:
        try:
            attached = store.manifest(entry.digest)
            manifest = parse_manifest(attached.data, where=entry.digest)
            if manifest.artifact_type != BUNDLE_TYPE or len(manifest.layers) != 1:
                continue
            # The annotation is a hint; trusting it can only leave a candidate out, never let one in.
            said = manifest.annotations.get(_PREDICATE, wanted[0])
            if said not in wanted:
                kind = "a signature" if said == SIGNATURE_TYPE else f"an attestation ({said[:120]})"
                notes.append(f"{entry.digest}: {kind}, not what was asked for")
                continue
            found.append(
                AttachedBundle(
                    manifest=attached.data, bundle=store.blob(manifest.layers[0], limit=MAX_BUNDLE)
                )
            )
        except RegistryError as error:
            notes.append(_damage(error))
    return tuple(found)


def _legacy(store: Store, digest: str, notes: list[str]) -> tuple[LegacySignature, ...]:
    found = []
    try:
        stored = store.find_manifest(f"{subject_tag(digest)}.sig")
        layers = () if stored is None else parse_manifest(stored.data, where=f"{store.name} .sig").layers
    except RegistryError as error:
        notes.append(_damage(error))
        return ()
    _bound(store, digest, len(layers))
    for layer in layers:
        if layer.media_type != SIMPLE_SIGNING or LEGACY_SIGNATURE not in layer.annotations:
            continue
        try:
            payload = store.blob(layer, limit=MAX_LEGACY)
        except RegistryError as error:
            notes.append(_damage(error))
            continue
        said = {key: layer.annotations[key] for key in LEGACY_ANNOTATIONS if key in layer.annotations}
        found.append(LegacySignature(payload=payload, annotations=said))
    return tuple(found)


def _bound(store: Store, digest: str, count: int) -> None:
    if count > _MAX_CANDIDATES:
        raise RegistryError(
            f"{count} things that could be signatures, where at most {_MAX_CANDIDATES} are read",
            where=f"{store.name}@{digest}",
            code="registry-document",
        )


def _damage(error: RegistryError) -> str:
    """Return what is wrong with one attachment; errors of the store as a whole go on."""
    if error.code not in _DAMAGED:
        raise error
    return f"{error.where}: {error.message}"


def add_legacy_signature(store: Store, digest: str, payload: bytes, annotations: Mapping[str, str]) -> None:
    """Add a layer to the tag `sha256-<hex>.sig`; other signatures there stay, and writers do not lose any.

    Raises:
        RegistryError: The store refuses.
    """
    layer = Descriptor.of(payload, SIMPLE_SIGNING, annotations=annotations)
    store.put_blob(payload, layer)
    alone = _legacy_manifest(store, (layer,))
    tag = f"{subject_tag(digest)}.sig"
    store.put_manifest(alone, IMAGE_MANIFEST, own_tag(digest, sha256(alone), "sig"))

    def rebuild(current: Stored | None) -> tuple[bytes, str] | None:
        layers = list(_layers(current, f"{store.name}:{tag}"))
        known = {_identity(item) for item in layers}
        before = len(layers)
        for own in own_tags(store, digest, "sig"):
            for item in _layers(store.find_manifest(own), f"{store.name}:{own}"):
                if _identity(item) not in known:
                    known.add(_identity(item))
                    layers.append(item)
        return None if len(layers) == before else (_legacy_manifest(store, tuple(layers)), IMAGE_MANIFEST)

    converge(store, tag, rebuild)


def _layers(stored: Stored | None, where: str) -> tuple[Descriptor, ...]:
    if stored is None:
        return ()
    parsed = parse_manifest(stored.data, where=where)
    if parsed.config is None:
        raise RegistryError(
            "expected an image with signatures, found an index",
            where=where,
            code="registry-document",
            hint="something else has taken this tag; delete it by hand",
        )
    return parsed.layers


def _identity(layer: Descriptor) -> tuple[str, str]:
    return layer.digest, layer.annotations.get(LEGACY_SIGNATURE, "")


def _legacy_manifest(store: Store, layers: tuple[Descriptor, ...]) -> bytes:
    """Return the image that carries legacy signatures; its config lists them, as older readers expect."""
    config = json_bytes(
        {
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": [{"created": "0001-01-01T00:00:00Z"} for _ in layers],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
    )
    descriptor = Descriptor.of(config, _CONFIG_TYPE)
    store.put_blob(config, descriptor)
    return manifest_bytes(config=descriptor, layers=layers)
