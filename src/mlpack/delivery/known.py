"""A bundle on the disk whose files were hashed by whoever wrote or sent them: nobody hashes them again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from mlpack.format.places import layout_place
from mlpack.format.tree import ArchiveTree, DirectoryTree, Tree, open_tree

__all__ = ["open_known"]


def open_known(location: Path, digests: Mapping[str, str]) -> contextlib.AbstractContextManager[Tree]:
    """Return a context manager over the files of a bundle; see `open_tree`.

    Args:
        location: Where it is. Files in a layout are hashed by the layer, whatever is known.
        digests: Path -> hex SHA-256, asked when a digest is needed; it may grow until then.

    Raises:
        StorageError: Nothing is there, or it cannot be read.
    """
    if layout_place(location) is not None:
        return open_tree(location)
    if location.is_dir():
        return contextlib.nullcontext(_KnownDirectory(location, digests))
    if location.is_file():
        return contextlib.closing(_KnownArchive(location, digests))
    return open_tree(location)  # which says what is wrong


class _KnownArchive(ArchiveTree):
    def __init__(self, location: Path, digests: Mapping[str, str]) -> None:
        super().__init__(location)
        self._known = digests

    def digest(self, path: str) -> str:
        return self._known.get(path) or super().digest(path)


class _KnownDirectory(DirectoryTree):
    def __init__(self, location: Path, digests: Mapping[str, str]) -> None:
        super().__init__(location)
        self._known = digests

    def digest(self, path: str) -> str:
        return self._known.get(path) or super().digest(path)
