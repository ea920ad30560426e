"""One artifact in a registry: what its layers are, and the beginning of the bundle in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlpack.errors import FormatError, RegistryError
from mlpack.format.checksums import MAX_CHECKSUMS
from mlpack.format.documents import Fields, parse_json
from mlpack.format.integrity import MAX_MANIFEST
from mlpack.format.layers import ARTIFACT_TYPE, CONFIG_TYPE, LAYER_TYPES
from mlpack.format.layout import ATTACHED_TYPE, TITLE
from mlpack.format.names import ATTESTATIONS, CHECKSUMS, MANIFEST, SIGNATURE
from mlpack.format.tree import read_limited
from mlpack.format.unpacking import read_layer
from mlpack.oci.descriptors import INDEXES, Descriptor, Stored, parse_manifest
from mlpack.oci.descriptors import MAX_MANIFEST as MAX_DOCUMENT
from mlpack.oci.stores import Store, referrers

__all__ = ["Beginning", "family", "fetch_beginning", "fetch_layers"]

_MAX_LAYERS = 256
_MAX_CANDIDATES = 1000
_MAX_ATTACHED = 4 * 1024 * 1024
_MAX_SIGNATURE = 96 * 1024 * 1024
_MAX_TOTAL = 128 * 1024 * 1024
"""Most bytes of everything that is attached."""


class Beginning:
    """The lists of a bundle and what signs them, as a tree in memory; see `format.tree.Tree`."""

    def __init__(self, location: Path, contents: Mapping[str, bytes]) -> None:
        """Take the files and where they come from."""
        self.location = location
        self.contents = contents
        self.entries: Mapping[str, int] = {path: len(data) for path, data in contents.items()}
        self.problems: list[str] = []

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of one file."""
        yield self.contents[path]

    def read(self, path: str, limit: int) -> bytes:
        """Return one file's bytes."""
        return read_limited(self, path, limit)

    def digest(self, path: str) -> str:
        """Return the hex SHA-256 of one file."""
        return hashlib.sha256(self.contents[path]).hexdigest()

    def settle(self) -> list[str]:
        """Return nothing: all was seen at once."""
        return []


def fetch_layers(store: Store, artifact: Stored) -> tuple[Descriptor, ...]:
    """Return the layers of an artifact that holds a bundle.

    Raises:
        FormatError: It is another kind of artifact, or not of the form that bundles have.
        RegistryError: The registry fails, or its bytes are not those that were asked for.
    """
    where = f"{store.name}@{artifact.descriptor.digest}"
    manifest = parse_manifest(artifact.data, where=where)
    kind = "an index" if manifest.media_type in INDEXES else manifest.artifact_type
    if kind != ARTIFACT_TYPE or manifest.config is None or manifest.config.media_type != CONFIG_TYPE:
        raise FormatError(
            f"expected {ARTIFACT_TYPE}, found {kind[:100]}",
            where=where,
            hint="this is no bundle; a tag that ends in -image is for mounting, drop that ending",
        )
    config = store.blob(manifest.config, limit=MAX_DOCUMENT)
    modelfs = Fields(parse_json(config, where="config"), "config").fields("modelfs")
    modelfs.choice("type", ("layers",))
    diff_ids = modelfs.texts("diffIds")
    if not 1 <= len(manifest.layers) <= _MAX_LAYERS or len(diff_ids) != len(manifest.layers):
        raise FormatError(f"{len(manifest.layers)} layers, {len(diff_ids)} in the config", where=where)
    if any(layer.media_type not in LAYER_TYPES for layer in manifest.layers):
        raise FormatError("a layer of another type", where=where)
    return manifest.layers


def family(layer: Descriptor) -> str:
    """Return what lies in a layer: `weight`, `weight.config`, `doc` or `code`."""
    return layer.media_type.removeprefix("application/vnd.cncf.model.").partition(".v1.")[0]


def fetch_beginning(store: Store, artifact: Stored, first: Descriptor) -> Beginning:
    """Return the two lists of a bundle, which are its first layer, and what is attached to its artifact.

    Raises:
        FormatError: The first layer is another one.
        RegistryError: The registry fails, or its bytes are not those that were asked for.
    """
    digest = artifact.descriptor.digest
    limits = {CHECKSUMS: MAX_CHECKSUMS, MANIFEST: MAX_MANIFEST}
    contents: dict[str, bytes] = {}
    for path, size, pieces in read_layer(store.blob_chunks(first), first.size):
        if path in contents or size > limits.get(path, -1):
            raise FormatError(f"{path!r}, {size} bytes: not the lists of a bundle", where=store.name)
        contents[path] = b"".join(pieces)
    contents |= _attached(store, digest)
    return Beginning(Path(f"{store.name}@{digest}"), contents)


def _attached(store: Store, subject: str) -> dict[str, bytes]:
    """Return what is attached as files of the bundle, in the order of digests, whatever a list says.

    Whoever may write can attach junk: that is passed over. Bytes without their digest are another matter.
    """
    entries = sorted(referrers(store, subject, ATTACHED_TYPE), key=lambda entry: entry.digest)
    if len(entries) > _MAX_CANDIDATES:
        raise _too_much(store, subject, f"{len(entries)} things are attached, at most {_MAX_CANDIDATES} read")
    contents: dict[str, bytes] = {}
    for entry in entries:
        try:
            _add_attached(store, subject, entry.digest, contents)
            if sum(map(len, contents.values())) > _MAX_TOTAL:
                raise _too_much(store, subject, f"more than {_MAX_TOTAL} bytes are attached")
        except FormatError:
            continue
        except RegistryError as error:
            if error.code not in ("registry-document", "registry-not-found"):
                raise
    return contents


def _too_much(store: Store, subject: str, message: str) -> RegistryError:
    return RegistryError(message, where=f"{store.name}@{subject}", code="registry-limit")


def _add_attached(store: Store, subject: str, digest: str, contents: dict[str, bytes]) -> None:
    manifest = parse_manifest(store.manifest(digest).data, where=digest)
    title = manifest.annotations.get(TITLE, "")
    if (
        manifest.subject is None
        or manifest.subject.digest != subject
        or manifest.artifact_type != ATTACHED_TYPE
        or len(manifest.layers) != 1
        or not (title == SIGNATURE or title.startswith(ATTESTATIONS))
    ):
        return
    layer = manifest.layers[0]
    primary = title == SIGNATURE and SIGNATURE not in contents
    data = store.blob(layer, limit=_MAX_SIGNATURE if primary else _MAX_ATTACHED)
    parse_json(data, where=layer.digest)
    path = f"{ATTESTATIONS}{layer.digest.removeprefix('sha256:')}.sigstore.json"
    contents[SIGNATURE if primary else path] = data
