"""Opening a bundle without asking who made it: to look at it, never to trust it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlpack.errors import FormatError
from mlpack.format.contract import Contract
from mlpack.format.evidence import Parity
from mlpack.format.integrity import MAX_DOCUMENT, check_integrity
from mlpack.format.manifest import Manifest, Role
from mlpack.format.names import ATTESTATIONS, SIGNATURE, WHEELS
from mlpack.format.tree import open_tree
from mlpack.show.facts import Facts

__all__ = ["UnverifiedBundle", "inspect", "read_hashed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnverifiedBundle:
    """A bundle whose files agree with its own lists. Nobody has vouched for the lists.

    Attributes:
        path: Folder or `.mlpack` file.
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
    import hashlib

    if path not in checksums:
        raise FormatError("not a file of this bundle", where=path)
    with open_tree(location) as tree:
        data = tree.read(path, limit)
    if hashlib.sha256(data).hexdigest() != checksums[path]:
        raise FormatError("has changed since the bundle was opened", where=path)
    return data


def inspect(bundle: str | os.PathLike[str]) -> UnverifiedBundle:
    """Open a bundle and check that its files agree with its own lists.

    Args:
        bundle: A bundle directory or a `.mlpack` file.

    Raises:
        StorageError: Nothing is there, or it cannot be read.
        FormatError: The bundle breaks the format or its files differ from its lists; all findings are named.
    """
    path = Path(bundle)
    with open_tree(path) as tree:
        integrity = check_integrity(tree)
        if integrity.problems or integrity.manifest is None:
            raise FormatError(
                f"not an intact bundle: {len(integrity.problems)} problem(s)",
                where=str(path),
                problems=integrity.problems,
            )
        manifest = integrity.manifest

        def part(role: Role) -> bytes:
            return tree.read(manifest.one(role), MAX_DOCUMENT)

        return UnverifiedBundle(
            path=path,
            digest=integrity.digest,
            manifest=manifest,
            contract=Contract.from_bytes(part("contract")),
            parity=Parity.from_bytes(part("parity")),
            checksums=integrity.checksums,
            signed=SIGNATURE in tree.entries,
            wheels=sum(name.startswith(WHEELS) for name in tree.entries),
            attestations=sum(name.startswith(ATTESTATIONS) for name in tree.entries),
            size=sum(tree.entries.values()),
        )
