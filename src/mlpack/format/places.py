"""Where a bundle is: a folder, a `.mlpack` file, or `oci:DIR[:TAG]`, an OCI layout (folder or tar).

A place travels as a `Path`, whichever of the three it is: `oci:` at its very beginning tells them apart, and
a file that is really called so is written `./oci:...`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mlpack.errors import StorageError

__all__ = ["LayoutPlace", "absolute_place", "layout_place"]

_SCHEME = "oci:"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutPlace:
    """A place in an OCI layout.

    Attributes:
        path: The layout: a folder, or a tar file.
        tag: What it is called there; empty for the only bundle in it.
        digest: `sha256:<hex>` of the artifact's manifest, instead of a tag.
    """

    path: Path
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        """Return the place as it is written."""
        if self.digest:
            return f"{_SCHEME}{self.path}@{self.digest}"
        return f"{_SCHEME}{self.path}:{self.tag}" if self.tag else f"{_SCHEME}{self.path}"


def layout_place(location: str | os.PathLike[str]) -> LayoutPlace | None:
    """Return the place in a layout that is named, or None for a folder or file.

    Raises:
        StorageError: It begins with `oci:`, and means nothing.
    """
    text = os.fspath(location)
    if not text.startswith(_SCHEME):
        return None
    rest, at, digest = text.removeprefix(_SCHEME).partition("@")
    folder, colon, tag = rest.partition(":")
    if (
        not folder
        or (colon and (at or not _TAG.fullmatch(tag)))
        or (at and not _DIGEST.fullmatch(digest))
        or "\0" in folder
    ):
        raise StorageError("expected oci:DIR, oci:DIR:TAG or oci:DIR@sha256:...", where=repr(text[:200]))
    return LayoutPlace(path=Path(folder), tag=tag, digest=digest)


def absolute_place(location: str | os.PathLike[str]) -> Path:
    """Return a place as an absolute path; that of a layout still begins with `oci:`.

    Raises:
        StorageError: It begins with `oci:`, and means nothing.
    """
    place = layout_place(location)
    if place is None:
        return Path(location).absolute()
    return Path(str(LayoutPlace(path=place.path.absolute(), tag=place.tag, digest=place.digest)))
