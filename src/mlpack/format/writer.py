"""Writing a bundle: parts in, a directory or an archive out, the same digest for both."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from mlpack.errors import UnsafePathError
from mlpack.format import tar
from mlpack.format.atomic import atomic_directory, atomic_file
from mlpack.format.checksums import bundle_digest, serialise_checksums
from mlpack.format.integrity import stored_order
from mlpack.format.manifest import FileEntry, Manifest, Role
from mlpack.format.names import CHECKSUMS, MANIFEST, path_problems
from mlpack.format.stored import StoredFile
from mlpack.format.tree import Tree

__all__ = ["Assembled", "BundleLayout", "assemble", "target_path", "write_bundle", "write_copy", "write_file"]

BundleLayout = Literal["archive", "directory"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembled:
    """All files of an unsigned bundle, in memory, with its lists made.

    Attributes:
        manifest: The finished manifest.
        digest: `bundle:sha256:<hex>`.
        contents: Path -> bytes of every file in memory, SHA256SUMS and manifest included.
        stored: Path -> file that is copied from where it lies.
    """

    manifest: Manifest
    digest: str
    contents: Mapping[str, bytes]
    stored: Mapping[str, StoredFile] = field(default_factory=dict)


def assemble(
    draft: Manifest,
    parts: Mapping[str, tuple[Role, bytes]],
    stored: Mapping[str, tuple[Role, StoredFile]] | None = None,
) -> Assembled:
    """Complete the manifest with the list of files and make SHA256SUMS.

    Args:
        draft: The manifest; its `files` are replaced.
        parts: Path -> role and bytes, of every file but the two lists.
        stored: Path -> role and place of the files that are not in memory.

    Raises:
        UnsafePathError: A path may not stand in a bundle.
        FormatError: A path or a file is too long for an archive, which every bundle must be able to become.
    """
    large = stored or {}
    if problems := path_problems([*parts, *large]):
        raise UnsafePathError("unsafe paths", problems=tuple(problems))
    entries = {path: FileEntry(role=role, size=len(data)) for path, (role, data) in parts.items()}
    entries |= {path: FileEntry(role=role, size=item.size) for path, (role, item) in large.items()}
    for path, entry in entries.items():
        tar.header(f"{draft.folder}/{path}", entry.size)
    manifest = replace(draft, files=dict(sorted(entries.items())))
    contents = {path: data for path, (_, data) in parts.items()}
    contents[MANIFEST] = manifest.to_bytes()
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    checksums = serialise_checksums({**digests, **{path: item.sha256 for path, (_, item) in large.items()}})
    contents[CHECKSUMS] = checksums
    return Assembled(
        manifest=manifest,
        digest=bundle_digest(checksums),
        contents=contents,
        stored={path: item for path, (_, item) in large.items()},
    )


def target_path(folder: str | os.PathLike[str], manifest: Manifest, layout: BundleLayout) -> Path:
    """Return where `write_bundle` puts this bundle below `folder`."""
    return Path(folder) / (manifest.folder + (".mlpack" if layout == "archive" else ""))


def write_bundle(
    bundle: Assembled,
    target: Path,
    *,
    layout: BundleLayout,
    overwrite: bool,
    wheels: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Write all files as an archive or a directory, in one step that cannot be half done.

    Args:
        bundle: The files.
        target: Where to write.
        layout: Form to write.
        overwrite: Whether `target` may be replaced.
        wheels: Wheels to carry along: path in the bundle -> file with the bytes that the lock names.

    Raises:
        TargetExistsError: `target` exists and `overwrite` is false.
        StorageError: The disk is full or refuses.
    """
    everything: dict[str, bytes | Path | StoredFile] = {**bundle.contents, **bundle.stored, **wheels}
    files = [_streamed(path, everything[path]) for path in stored_order(everything)]
    _write(bundle.manifest.folder, files, target, layout=layout, overwrite=overwrite)


def write_copy(
    tree: Tree,
    folder: str,
    target: Path,
    *,
    added: Mapping[str, bytes | Path],
    layout: BundleLayout,
    overwrite: bool,
    without: str | None = None,
) -> None:
    """Write the files of `tree` with some added, replaced or left out: a signature, or wheels.

    Args:
        tree: Where the bytes come from; read once, streamed.
        folder: `NAME-VERSION`.
        target: Where to write.
        added: Path -> bytes, or a file with them, instead of or besides the tree's own.
        layout: Form to write.
        overwrite: Whether `target` may be replaced; it may be the tree itself.
        without: Folder of the tree to leave out.

    Raises:
        TargetExistsError: `target` exists and `overwrite` is false.
        StorageError: The disk is full or refuses.
    """
    files: list[_Streamed] = []
    kept = [
        path
        for path in tree.entries
        if path not in added and (without is None or not path.startswith(without))
    ]
    for path in stored_order([*added, *kept]):
        if path in added:
            files.append(_streamed(path, added[path]))
        else:
            files.append((path, tree.entries[path], tree.chunks(path)))
    _write(folder, files, target, layout=layout, overwrite=overwrite)


_Streamed = tuple[str, int, Iterable[bytes]]
"""Path, size and bytes of one file."""


def _streamed(path: str, data: bytes | Path | StoredFile) -> _Streamed:
    if isinstance(data, bytes):
        return path, len(data), [data]
    if isinstance(data, StoredFile):
        return path, data.size, data.chunks()
    return path, data.stat().st_size, _chunks(data)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _write(
    folder: str,
    files: Iterable[_Streamed],
    target: Path,
    *,
    layout: BundleLayout,
    overwrite: bool,
) -> None:
    if layout == "archive":
        with atomic_file(target, overwrite=overwrite) as file:
            for path, size, chunks in files:
                file.write(tar.header(f"{folder}/{path}", size))
                for chunk in chunks:
                    file.write(chunk)
                file.write(tar.padding(size))
            file.write(tar.END)
        return
    with atomic_directory(target, overwrite=overwrite) as inside:
        for path, _, chunks in files:
            write_file(inside, path, chunks)


def write_file(root: Path, path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Write one file below a folder, synced, with the modes of the format whatever the umask says."""
    place = root / path
    for parent in reversed(place.relative_to(root).parents[:-1]):
        folder = root / parent
        with contextlib.suppress(FileExistsError):  # of an earlier file, or by another thread just now
            folder.mkdir()
            folder.chmod(0o755)
    with place.open("xb") as file:
        os.fchmod(file.fileno(), 0o644)
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
