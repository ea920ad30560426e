"""Loading what a stranger wrote: what `cryptography` only warns about is an error here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["strictly"]


@contextmanager
def strictly() -> Iterator[None]:
    """Turn deprecated forms, such as a serial number that is not positive, into a ValueError.

    Raises:
        ValueError: `cryptography` would have warned.
    """
    from cryptography.utils import CryptographyDeprecationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        try:
            yield
        except CryptographyDeprecationWarning as error:
            raise ValueError(str(error)) from error
