"""Opening a bundle without asking who made it: to look at it, never to trust it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.contract import Contract
from mlpack.format.evidence import Parity
from mlpack.format.integrity import check_integrity
from mlpack.format.manifest import Manifest
from mlpack.format.names import ATTESTATIONS, SIGNATURE, WHEELS
from mlpack.format.parts import read_parts
from mlpack.format.stored import StoredFile, write_hashed
from mlpack.format.tree import Tree, open_tree
from mlpack.show.facts import Facts
from mlpack.show.visible import visible

__all__ = ["UnverifiedBundle", "copy_hashed", "inspect", "inspect_tree", "read_hashed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnverifiedBundle:
    """A bundle whose files agree with its own lists. Nobody has vouched for the lists.

    Attributes:
        path: Folder, `.mlpack` file, or place in a layout by digest.
        digest: `bundle:sha256:<hex>`, the identity of the contents.
        manifest: What it says it is.
        contract: Inputs and outputs.
        parity: How the packed model agrees with the original.
        checksums: Path -> hex SHA-256.
        signed: Whether there is a signature; not whether it holds.
        wheels: Number of wheels carried along.
        attestations: Number of attestations carried along.
        size: Size of all files in bytes.
    """

    path: Path
    digest: str
    manifest: Manifest
    contract: Contract
    parity: Parity
    checksums: Mapping[str, str]
    signed: bool
    wheels: int
    attestations: int
    size: int

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Version of the bundle."""
        return self.manifest.version

    def read(self, path: str) -> bytes:
        """Return one file's bytes, hashed again as they are read.

        Raises:
            FormatError: The file is not listed, or has changed since the bundle was opened.
        """
        return read_hashed(self.path, path, self.checksums)

    def copy(self, path: str, target: Path) -> StoredFile:
        """Copy one file to a new private one, hashed again as it is copied.

        Raises:
            FormatError: The file is not listed, or has changed since the bundle was opened.
            StorageError: It cannot be written.
        """
        return copy_hashed(self.path, path, self.checksums, target)

    def facts(self) -> Facts:
        """Return what there is to say about the bundle."""
        from mlpack.format.summary import bundle_facts

        return bundle_facts(self)

    def _repr_html_(self) -> str:
        from mlpack.show.html import render_html

        return render_html(self.facts())


def read_hashed(location: Path, path: str, checksums: Mapping[str, str], limit: int = 1 << 40) -> bytes:
    """Return one file of a bundle if it still has the digest that is listed for it.

    Raises:
        FormatError: It is not listed, or its bytes are others by now.
    """
    if path not in checksums:
        raise FormatError("not a file of this bundle", where=path)
    with open_tree(location) as tree:
        data = tree.read(path, limit)
    if hashlib.sha256(data).hexdigest() != checksums[path]:
        raise FormatError("has changed since the bundle was opened", where=path)
    return data


def copy_hashed(location: Path, path: str, checksums: Mapping[str, str], target: Path) -> StoredFile:
    """Copy one file of a bundle to a new private one, hashing what is copied.

    Raises:
        FormatError: It is not listed, or its bytes are others by now; nothing is left then.
        StorageError: It cannot be written.
    """
    if path not in checksums:
        raise FormatError("not a file of this bundle", where=path)
    with open_tree(location) as tree:
        if path not in tree.entries:
            raise FormatError("missing", where=path)
        copied = write_hashed(tree.chunks(path), target)
    if copied.sha256 != checksums[path]:
        target.unlink()
        raise FormatError("has changed since the bundle was opened", where=path)
    return copied


def inspect(bundle: str | os.PathLike[str]) -> UnverifiedBundle:
    """Open a bundle and check that its files agree with its own lists, and its documents with one another.

    Args:
        bundle: A bundle directory, a `.mlpack` file, or `oci:DIR[:TAG]`.

    Raises:
        StorageError: Nothing is there, or it cannot be read.
        UnsupportedVersionError: The bundle needs a newer reader.
        FormatError: The bundle breaks the format, its files differ from its lists or its documents from one
            another; all findings are named.
    """
    path = Path(bundle)
    with open_tree(path) as tree:
        return inspect_tree(tree, path)


def inspect_tree(tree: Tree, path: Path | None = None) -> UnverifiedBundle:
    """Do what `inspect` does with files that somebody has opened; `path` is what messages call them."""
    path = path or tree.location
    integrity = check_integrity(tree)
    manifest = integrity.manifest
    if integrity.newer is not None:
        raise _refusal(path, integrity.problems, integrity.newer)
    if integrity.problems or manifest is None:
        raise _refusal(path, integrity.problems)
    parts = read_parts(tree, manifest, integrity.checksums)
    if parts.problems or parts.contract is None or parts.parity is None:
        raise _refusal(path, parts.problems, parts.newer)
    return UnverifiedBundle(
        path=tree.location,
        digest=integrity.digest,
        manifest=manifest,
        contract=parts.contract,
        parity=parts.parity,
        checksums=integrity.checksums,
        signed=SIGNATURE in tree.entries,
        wheels=sum(name.startswith(WHEELS) for name in tree.entries),
        attestations=sum(name.startswith(ATTESTATIONS) for name in tree.entries),
        size=sum(tree.entries.values()),
    )


def _refusal(
    path: Path, problems: Sequence[str], newer: UnsupportedVersionError | None = None
) -> FormatError:
    kind = FormatError if newer is None else UnsupportedVersionError
    return kind(
        f"not an intact bundle: {len(problems)} problem(s)",
        where=visible(str(path)),
        problems=tuple(visible(problem) for problem in problems),
        hint="" if newer is None else newer.hint,
    )
