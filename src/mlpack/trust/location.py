"""Where a bundle is, from whatever names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from mlpack.errors import UsageError

__all__ = ["BundleLike", "Located", "bundle_path"]


class Located(Protocol):
    """Anything that knows where its bundle is."""

    @property
    def path(self) -> Path:
        """Folder or `.mlpack` file."""


BundleLike = str | os.PathLike[str] | Located
"""A path, or a bundle that was opened before."""


def bundle_path(bundle: BundleLike) -> Path:
    """Return the absolute path of a bundle.

    Raises:
        UsageError: `bundle` is neither a path nor something with one.
    """
    place = bundle if isinstance(bundle, str | os.PathLike) else getattr(bundle, "path", None)
    if not isinstance(place, str | os.PathLike):
        raise UsageError(f"expected a path or a bundle, found {type(bundle).__name__}", where="bundle")
    return Path(place).absolute()
