"""An OCI image layout: a registry as a folder. Blobs by their hash, tags in `index.json`.

Source: OCI image specification 1.1.1, image-layout.md.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from mlpack.errors import RegistryError, StorageError
from mlpack.oci.descriptors import (
    IMAGE_INDEX,
    MANIFESTS,
    MAX_MANIFEST,
    Descriptor,
    Stored,
    check_digest,
    parse_manifest,
)
from mlpack.oci.documents import json_bytes, parse_object
from mlpack.oci.references import LayoutReference
from mlpack.oci.sources import Source, read_source

if TYPE_CHECKING:
    from typing import Any

__all__ = ["Layout"]

_TAG = "org.opencontainers.image.ref.name"
_MARK = json_bytes({"imageLayoutVersion": "1.0.0"})
_CHUNK = 1024 * 1024


class Layout:
    """One layout on disk; `index.json` is changed under a lock, so that no writer loses another's entry."""

    def __init__(self, reference: LayoutReference, *, write: bool = False) -> None:
        """Open a layout; with `write` an empty or missing folder becomes one.

        Raises:
            RegistryError: The folder is no layout.
            StorageError: It cannot be written.
        """
        self.name = reference.name
        self._path = reference.path
        if write and not (self._path / "oci-layout").exists():
            self._create()
        mark = _read(self._path / "oci-layout", 4096)
        if mark is None or parse_object(mark, where=self.name).get("imageLayoutVersion") != "1.0.0":
            raise RegistryError("not an OCI image layout 1.0.0", where=self.name, code="registry-not-found")

    def _create(self) -> None:
        if self._path.exists() and any(self._path.iterdir()):
            raise RegistryError("a folder with other things in it", where=self.name, code="registry-document")
        with _storage(self._path):
            (self._path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            self._write(self._path / "index.json", json_bytes(_index_document([])))
            self._write(self._path / "oci-layout", _MARK)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hold nothing."""

    # ------------------------------------------------------------------------------------- manifests

    def manifest(self, wanted: str) -> Stored:
        """Return the manifest with a tag or digest; without either, the only one there is.

        Raises:
            RegistryError: There is none, or the file was changed.
        """
        found = self.find_manifest(wanted)
        if found is None:
            raise RegistryError(f"has no {wanted or 'tag'}", where=self.name, code="registry-not-found")
        return found

    def find_manifest(self, wanted: str) -> Stored | None:
        """Return the manifest with a tag or digest; without either, the only one there is; or None.

        Raises:
            RegistryError: Several could be meant, or the file was changed.
        """
        entries = self._entries()
        if wanted.startswith("sha256:"):
            data = _read(self._blob(wanted), MAX_MANIFEST)
            if data is None:
                return None
            types = [entry.media_type for entry in entries if entry.digest == wanted]
            parsed = parse_manifest(data, where=f"{self.name}@{wanted}", media_type=types[0] if types else "")
            descriptor = Descriptor(media_type=parsed.media_type, digest=wanted, size=len(data))
        else:
            named = [entry for entry in entries if entry.annotations.get(_TAG, "") == wanted]
            if not wanted:
                named = [entry for entry in entries if not self._is_attached(entry)]
            if not named:
                return None
            if len({entry.digest for entry in named}) > 1:
                raise RegistryError(
                    f"holds {len(named)} manifests that could be meant",
                    where=self.name,
                    code="registry-not-found",
                    hint="name one: oci:DIR:TAG or oci:DIR@sha256:...",
                )
            descriptor = Descriptor(
                media_type=named[0].media_type, digest=named[0].digest, size=named[0].size
            )
            data = _read(self._blob(descriptor.digest), MAX_MANIFEST)
            if data is None:
                raise RegistryError(
                    f"lists {descriptor.digest}, which is missing", where=self.name, code="registry-corrupt"
                )
            parse_manifest(data, where=f"{self.name}:{wanted}", media_type=descriptor.media_type)
        descriptor.check(data, where=f"{self.name}@{descriptor.digest}")
        return Stored(descriptor=descriptor, data=data)

    def put_manifest(self, data: bytes, media_type: str, tag: str = "", *, match: str = "") -> bool:
        """Store a manifest under a tag, or by its digest alone; return True: a layout knows its referrers.

        Raises:
            RegistryError: The tag does not have the digest `match` any more.
            StorageError: The disk refuses.
        """
        descriptor = Descriptor.of(data, media_type, annotations={_TAG: tag} if tag else None)
        self.put_blob(data, descriptor)
        with self._locked():
            entries = list(self._entries())
            if tag:
                had = [entry for entry in entries if entry.annotations.get(_TAG) == tag]
                if match and [entry.digest for entry in had] != [match]:
                    raise RegistryError(
                        "changed meanwhile", where=f"{self.name}:{tag}", code="registry-conflict"
                    )
                entries = [entry for entry in entries if entry not in had]
            if tag or all(entry.digest != descriptor.digest for entry in entries):
                entries.append(descriptor)
            self._write(self._path / "index.json", json_bytes(_index_document(entries)))
        return True

    def forget_manifest(self, digest: str) -> None:
        """Take a manifest out of the list; its bytes stay, and tags of other manifests too.

        Raises:
            StorageError: The disk refuses.
        """
        with self._locked():
            kept = [entry for entry in self._entries() if entry.digest != digest]
            self._write(self._path / "index.json", json_bytes(_index_document(kept)))

    def has_manifest(self, digest: str) -> bool:
        """Tell whether a manifest is there."""
        return self._blob(digest).is_file()

    def tags(self) -> tuple[str, ...]:
        """Return every tag, sorted."""
        return tuple(
            sorted({entry.annotations[_TAG] for entry in self._entries() if _TAG in entry.annotations})
        )

    def listed_referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """Return what is attached to a manifest: every manifest of the index that has it as subject."""
        found: dict[str, Descriptor] = {}
        for entry in self._entries():
            data = _read(self._blob(entry.digest), MAX_MANIFEST)
            if data is None or entry.media_type not in MANIFESTS:
                continue
            parsed = parse_manifest(data, where=f"{self.name}@{entry.digest}")
            if parsed.subject is not None and parsed.subject.digest == digest:
                found[entry.digest] = Descriptor(
                    media_type=entry.media_type,
                    digest=entry.digest,
                    size=entry.size,
                    artifact_type=parsed.artifact_type,
                    annotations=parsed.annotations,
                )
        return tuple(found.values())

    def _is_attached(self, entry: Descriptor) -> bool:
        data = _read(self._blob(entry.digest), MAX_MANIFEST)
        if data is None or entry.media_type not in MANIFESTS:
            return False
        tag = entry.annotations.get(_TAG, "")
        return parse_manifest(data, where=self.name).subject is not None or tag.startswith("sha256-")

    # ----------------------------------------------------------------------------------------- blobs

    def blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob.

        Raises:
            RegistryError: It is missing, larger than `limit`, or not what the descriptor says.
        """
        if descriptor.size > limit:
            raise RegistryError(
                f"a blob of {descriptor.size} bytes, where at most {limit} are read",
                where=f"{self.name}@{descriptor.digest}",
                code="registry-document",
            )
        return b"".join(self.blob_chunks(descriptor))

    def blob_chunks(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces; use them only after the last one: the end is where the digest is checked.

        Raises:
            RegistryError: It is missing, or not what the descriptor says.
        """
        where = f"{self.name}@{descriptor.digest}"
        running, read = hashlib.sha256(), 0
        try:
            with self._blob(descriptor.digest).open("rb") as stream:
                while read <= descriptor.size and (piece := stream.read(_CHUNK)):
                    read += len(piece)
                    running.update(piece)
                    yield piece
        except FileNotFoundError as error:
            raise RegistryError("missing", where=where, code="registry-not-found") from error
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror}", where=where) from error
        if read != descriptor.size or f"sha256:{running.hexdigest()}" != descriptor.digest:
            raise RegistryError(
                f"expected {descriptor.size} bytes, found others", where=where, code="registry-corrupt"
            )

    def save_blob(self, descriptor: Descriptor, file: BinaryIO) -> None:
        """Write a blob to a file; the caller keeps the file only if this returns."""
        file.writelines(self.blob_chunks(descriptor))

    def has_blob(self, digest: str) -> bool:
        """Tell whether a blob is there."""
        return self._blob(digest).is_file()

    def put_blob(self, source: Source, descriptor: Descriptor, *, mount_from: str = "") -> str:
        """Store a blob unless it is there; return `present` or `sent`. `mount_from` means nothing here.

        Raises:
            RegistryError: The source is not what the descriptor says.
            StorageError: The disk refuses.
        """
        del mount_from
        target = self._blob(descriptor.digest)
        if target.is_file() and target.stat().st_size == descriptor.size:
            return "present"
        with _storage(target), self._beside(target) as file:
            running, size = hashlib.sha256(), 0
            for piece in read_source(source):
                running.update(piece)
                size += len(piece)
                file.write(piece)
            if size != descriptor.size or f"sha256:{running.hexdigest()}" != descriptor.digest:
                raise RegistryError(
                    f"expected {descriptor.size} bytes with {descriptor.digest}, found others",
                    where=self.name,
                    code="registry-corrupt",
                )
        return "sent"

    # ----------------------------------------------------------------------------------------- files

    def _blob(self, digest: str) -> Path:
        return self._path / "blobs" / "sha256" / check_digest(digest, where=self.name).removeprefix("sha256:")

    def _entries(self) -> tuple[Descriptor, ...]:
        data = _read(self._path / "index.json", MAX_MANIFEST)
        if data is None:
            raise RegistryError("has no index.json", where=self.name, code="registry-not-found")
        return parse_manifest(data, where=f"{self.name} index.json", media_type=IMAGE_INDEX).manifests

    def _write(self, target: Path, data: bytes) -> None:
        with _storage(target), self._beside(target) as file:
            file.write(data)

    @contextlib.contextmanager
    def _beside(self, target: Path) -> Iterator[BinaryIO]:
        """Yield a file that becomes `target` when the block ends well, and vanishes when it does not."""
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The marker file never changes, so it can be locked without another file in the folder.
        with _storage(self._path), (self._path / "oci-layout").open("rb") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            yield


def _index_document(entries: list[Descriptor]) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": IMAGE_INDEX,
        "manifests": [entry.document() for entry in entries],
    }


def _read(path: Path, limit: int) -> bytes | None:
    """Return a small file, or None where there is none."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > limit:
        raise RegistryError(f"more than {limit} bytes", where=str(path), code="registry-document")
    return data


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
