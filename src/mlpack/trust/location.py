"""Where a bundle is, from whatever names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from mlpack.errors import UsageError
from mlpack.format.places import absolute_place

__all__ = ["BundleLike", "Located", "bundle_path"]


class Located(Protocol):
    """Anything that knows where its bundle is."""

    @property
    def path(self) -> Path:
        """Folder, `.mlpack` file, or place in a layout."""


BundleLike = str | os.PathLike[str] | Located
"""A path, `oci:DIR[:TAG]`, or a bundle that was opened before."""


def bundle_path(bundle: BundleLike) -> Path:
    """Return the absolute path of a bundle; that of one in a layout begins with `oci:`.

    Raises:
        UsageError: `bundle` is neither a path nor something with one.
        StorageError: It begins with `oci:`, and means nothing.
    """
    place = bundle if isinstance(bundle, str | os.PathLike) else getattr(bundle, "path", None)
    if not isinstance(place, str | os.PathLike):
        raise UsageError(f"expected a path or a bundle, found {type(bundle).__name__}", where="bundle")
    return absolute_place(place)
