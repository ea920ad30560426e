"""A bundle in an OCI layout: a ModelPack artifact, its signature and attestations attached to it.

The artifact's digest only leads to the bytes; the bundle's own digest says what they are. What is attached
becomes `model.sig` and `attestations/`, as if it lay in a folder. Anybody who can write to a layout can
attach junk, so what cannot be such a file is passed over; everything else of a hostile layout is refused.

Source: OCI image specification 1.1.1, image-layout.md; CNCF ModelPack model-spec v0.0.7.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from mlpack.errors import FormatError, StorageError
from mlpack.format import tar
from mlpack.format.blobs import open_blobs
from mlpack.format.documents import Fields, parse_json
from mlpack.format.layers import ARTIFACT_TYPE, CONFIG_TYPE, LAYER_TYPES, ROOT, Pread, Stored
from mlpack.format.names import ATTESTATIONS, MAX_FILES, SIGNATURE
from mlpack.format.places import LayoutPlace
from mlpack.format.tree import read_limited, safe_entries

__all__ = ["ATTACHED_TYPE", "TITLE", "LayoutTree"]

ATTACHED_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""Artifact type of an attached signature or attestation."""

TITLE: Final = "org.opencontainers.image.title"
"""Annotation of an attachment: its path in the bundle."""

_TAG: Final = "org.opencontainers.image.ref.name"
_MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
_MAX_MANIFEST: Final = 4 * 1024 * 1024
_MAX_INDEXED: Final = 10_000
_MAX_LISTED: Final = 128 * 1024
"""Largest manifest that is read only to see what it is, in bytes."""
_MAX_LAYERS: Final = 256
"""Each is an open file while one reads."""
_MAX_ATTACHED: Final = 4 * 1024 * 1024
_MAX_SIGNATURE: Final = 96 * 1024 * 1024
_CHUNK: Final = 1 << 20
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A descriptor, as far as it is used."""

    media_type: str
    digest: str
    size: int
    tag: str = ""

    @property
    def blob(self) -> str:
        return "blobs/sha256/" + self.digest.removeprefix("sha256:")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Manifest:
    artifact_type: str
    config: _Entry
    layers: tuple[_Entry, ...]
    subject: str
    title: str


@dataclass(kw_only=True, slots=True)
class _Layer:
    entry: _Entry
    plain: Stored
    diff_id: str
    files: list[tuple[str, int, int]]
    """Path, offset in the plain tar, size."""
    read: bool = False


class LayoutTree:
    """A bundle in a layout. `location` names the artifact by digest: a tag may move while one reads."""

    def __init__(self, place: LayoutPlace) -> None:
        """Find the artifact and walk the headers of its layers; contents are not read yet.

        Raises:
            StorageError: There is no layout, or nothing of that name in it.
        """
        self.location = Path(str(place))
        self.problems: list[str] = []
        self._place = place
        self._blobs = open_blobs(place.path)
        self._layers: list[_Layer] = []
        self._found: dict[str, tuple[Pread, int, int]] = {}
        self._digests: dict[str, str] = {}
        self._late: list[str] = []
        try:
            self._load(place)
        except FormatError as error:
            self.problems.append(f"{error.where}: {error.message}" if error.where else error.message)
        except BaseException:
            self._blobs.close()
            raise
        sizes = {path: size for path, (_, _, size) in self._found.items()}
        self.entries: Mapping[str, int] = safe_entries(sizes, self.problems)

    # ------------------------------------------------------------------------------------ finding the bundle

    def _load(self, place: LayoutPlace) -> None:
        self._blobs.index()
        listed = self._index()
        entry = self._choose(place, listed)
        self.location = Path(str(LayoutPlace(path=place.path, digest=entry.digest)))
        manifest = self._manifest(entry)
        if manifest.artifact_type != ARTIFACT_TYPE or manifest.config.media_type != CONFIG_TYPE:
            raise FormatError(
                f"expected {ARTIFACT_TYPE}, found {manifest.artifact_type[:100]!r}", where=entry.digest
            )
        diff_ids = self._diff_ids(manifest.config)
        if not 1 <= len(manifest.layers) <= _MAX_LAYERS or len(diff_ids) != len(manifest.layers):
            raise FormatError(
                f"{len(manifest.layers)} layers, {len(diff_ids)} in the config", where=entry.digest
            )
        for layer, diff_id in zip(manifest.layers, diff_ids, strict=True):
            self._walk(layer, diff_id)
        self._attach(listed, entry.digest)

    def _index(self) -> list[_Entry]:
        mark = self._blobs.read("oci-layout", 4096)
        data = self._blobs.read("index.json", _MAX_MANIFEST)
        if mark is None or data is None:
            raise StorageError(
                "not an OCI image layout", where=f"oci:{self._place.path}", hint="check the path"
            )
        Fields(parse_json(mark, where="oci-layout"), "oci-layout").choice("imageLayoutVersion", ("1.0.0",))
        items = Fields(parse_json(data, where="index.json"), "index.json").each("manifests")
        if len(items) > _MAX_INDEXED:
            raise FormatError(f"more than {_MAX_INDEXED} manifests", where="index.json")
        return [_entry(item) for item in items]

    def _choose(self, place: LayoutPlace, listed: list[_Entry]) -> _Entry:
        if place.digest:
            found = self._by_digest(place.digest)  # listed or not: its tag may have moved on
        elif place.tag:
            found = [entry for entry in listed if entry.tag == place.tag]
        else:
            found = [entry for entry in dict.fromkeys(listed) if self._kind(entry) == ARTIFACT_TYPE]
        digests = {entry.digest for entry in found}
        if not found:
            raise StorageError(f"holds no bundle {place.tag or place.digest}".rstrip(), where=str(place))
        if len(digests) > 1:
            raise StorageError(
                f"holds {len(digests)} bundles that could be meant", where=str(place), hint="name a tag"
            )
        return found[0]

    def _by_digest(self, digest: str) -> list[_Entry]:
        entry = _Entry(media_type=_MANIFEST_TYPE, digest=digest, size=0)
        found = self._blobs.find(entry.blob)
        return [] if found is None else [replace(entry, size=found[1])]

    def _kind(self, entry: _Entry) -> str:
        try:
            return self._manifest(entry).artifact_type if entry.size <= _MAX_LISTED else ""
        except FormatError:
            return ""

    def _manifest(self, entry: _Entry) -> _Manifest:
        if entry.media_type != _MANIFEST_TYPE:
            raise FormatError(f"not an image manifest but {entry.media_type[:100]!r}", where=entry.digest)
        top = Fields(parse_json(self._small(entry, _MAX_MANIFEST), where=entry.digest), entry.digest)
        if top.integer("schemaVersion") != 2 or top.holds("manifests"):
            raise FormatError("not an image manifest", where=entry.digest)
        top.choice("mediaType", (_MANIFEST_TYPE,))
        subject = top.fields("subject") if top.has("subject") else None
        annotations = top.mapping("annotations") if top.has("annotations") else {}
        title = annotations.get(TITLE, "")
        return _Manifest(
            artifact_type=top.text("artifactType") if top.has("artifactType") else "",
            config=_entry(top.fields("config")),
            layers=tuple(_entry(item) for item in top.each("layers")),
            subject="" if subject is None else _entry(subject).digest,
            title=title if isinstance(title, str) else "",
        )

    def _diff_ids(self, config: _Entry) -> tuple[str, ...]:
        top = Fields(parse_json(self._small(config, _MAX_MANIFEST), where="config"), "config")
        layers = top.fields("modelfs")
        layers.choice("type", ("layers",))
        return layers.texts("diffIds")

    def _small(self, entry: _Entry, limit: int) -> bytes:
        """Return a blob that is what its descriptor says."""
        data = self._blobs.read(entry.blob, limit)
        if data is None:
            raise FormatError("listed, but missing", where=entry.digest)
        if len(data) != entry.size or f"sha256:{hashlib.sha256(data).hexdigest()}" != entry.digest:
            raise FormatError("contents differ from the digest", where=entry.digest)
        return data

    def _walk(self, entry: _Entry, diff_id: str) -> None:
        """List the files of one layer."""
        found = self._blobs.find(entry.blob)
        if entry.media_type not in LAYER_TYPES or found is None or found[1] != entry.size:
            raise FormatError("a layer that is missing, or of another type or size", where=entry.digest)
        layer = _Layer(entry=entry, plain=Stored(*found), diff_id=diff_id, files=[])
        for name, offset, size in tar.members(layer.plain.pread, layer.plain.size):
            path = name.removeprefix(ROOT)
            if path in (name, SIGNATURE) or path.startswith(ATTESTATIONS):
                raise FormatError(f"not a file below {ROOT} that a layer can hold", where=repr(name))
            if path in self._found or len(self._found) >= MAX_FILES:
                raise FormatError("stored twice, or too many files", where=repr(path))
            self._found[path] = (layer.plain.pread, offset, size)
            layer.files.append((path, offset, size))
        self._layers.append(layer)

    def _attach(self, listed: list[_Entry], subject: str) -> None:
        """Add what is attached to the artifact, in the order of digests, whatever the index says."""
        seen: set[str] = set()  # many entries for one blob would make reading slow for little storage
        for entry in sorted(dict.fromkeys(listed), key=lambda entry: entry.digest):
            if entry.digest in seen or entry.size > _MAX_LISTED:
                continue
            seen.add(entry.digest)
            try:
                manifest = self._manifest(entry)
                if manifest.subject != subject or manifest.artifact_type != ATTACHED_TYPE:
                    continue
                if len(manifest.layers) == 1 and manifest.layers[0].digest not in seen:
                    seen.add(manifest.layers[0].digest)
                    self._attached(manifest)
            except FormatError:
                continue  # junk that somebody has attached

    def _attached(self, manifest: _Manifest) -> None:
        if manifest.title != SIGNATURE and not manifest.title.startswith(ATTESTATIONS):
            return  # about the artifact, such as a signature of cosign's, and no file of the bundle
        layer = manifest.layers[0]
        primary = manifest.title == SIGNATURE and SIGNATURE not in self._found
        data = self._small(layer, _MAX_SIGNATURE if primary else _MAX_ATTACHED)
        parse_json(data, where=layer.digest)
        path = f"{ATTESTATIONS}{layer.digest.removeprefix('sha256:')}.sigstore.json"
        self._found[SIGNATURE if primary else path] = (partial(self._pread, layer.blob), 0, layer.size)

    def _pread(self, blob: str, count: int, offset: int) -> bytes:
        """Read a part of an attachment; there may be too many to keep all of them open."""
        found = self._blobs.find(blob)
        return b"" if found is None else found[0](count, offset)

    # ---------------------------------------------------------------------------------------------- contents

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the file's bytes; see `Tree`."""
        pread, offset, left = self._found[path]
        while left:
            chunk = pread(min(left, _CHUNK), offset)
            if not chunk:
                raise FormatError("changed while it was read", where=path)
            offset += len(chunk)
            left -= len(chunk)
            yield chunk

    def read(self, path: str, limit: int) -> bytes:
        """Return the file's bytes; see `Tree`."""
        return read_limited(self, path, limit)

    def digest(self, path: str) -> str:
        """Return the file's SHA-256; the first file of a layer that is asked for reads all of the layer."""
        if path not in self._digests:
            for layer in self._layers:
                if any(path == name for name, _, _ in layer.files):
                    self._read_layer(layer)
        if path not in self._digests:
            raise FormatError("its layer could not be read", where=path)
        return self._digests[path]

    def settle(self) -> list[str]:
        """Return which layers are not what manifest and config say."""
        for layer in self._layers:
            self._read_layer(layer)
        return self._late

    def _read_layer(self, layer: _Layer) -> None:
        """Hash a layer once: the blob, the tar inside, and every file in it."""
        if layer.read:
            return
        layer.read = True
        blob, plain = hashlib.sha256(), hashlib.sha256()
        files = _FileHashes(layer.files)
        try:
            for piece, inside in layer.plain.pieces():
                blob.update(piece)
                plain.update(inside)
                files.feed(inside)
        except FormatError as error:
            self._late.append(f"{layer.entry.digest}: {error.message}")
            return
        if f"sha256:{blob.hexdigest()}" != layer.entry.digest:
            self._late.append(f"{layer.entry.digest}: contents differ from the digest")
        if f"sha256:{plain.hexdigest()}" != layer.diff_id:
            self._late.append(f"{layer.entry.digest}: the config names another content")
        self._digests |= files.digests

    def close(self) -> None:
        """Close the layout."""
        self._blobs.close()


class _FileHashes:
    """Hashes the files of a tar as its bytes pass by."""

    def __init__(self, files: list[tuple[str, int, int]]) -> None:
        self.digests = {path: hashlib.sha256(b"").hexdigest() for path, _, size in files if not size}
        self._files = iter([item for item in files if item[2]])
        self._at = 0
        self._next()

    def _next(self) -> None:
        self._path, self._start, size = next(self._files, ("", -1, 0))
        self._end = self._start + size
        self._hash = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        view, begin = memoryview(data), self._at
        self._at += len(data)
        while self._path and self._start < self._at:
            self._hash.update(view[max(0, self._start - begin) : self._end - begin])
            if self._end > self._at:
                return
            self.digests[self._path] = self._hash.hexdigest()
            self._next()


def _entry(item: Fields) -> _Entry:
    annotations = item.mapping("annotations") if item.has("annotations") else {}
    digest, tag = item.text("digest"), annotations.get(_TAG, "")
    if not _DIGEST.fullmatch(digest):
        raise FormatError("expected sha256: and 64 hex digits", where=f"{item.where}.digest")
    return _Entry(
        media_type=item.text("mediaType"),
        digest=digest,
        size=item.integer("size"),
        tag=tag if isinstance(tag, str) else "",
    )
