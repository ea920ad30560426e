"""The word that opts out of verification, in a module that imports none of it."""

from __future__ import annotations

from typing import Final, final

__all__ = ["UNSIGNED", "Unsigned"]


@final
class Unsigned:
    """The type of `UNSIGNED`, so that opting out of verification is a type of its own."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Show the constant's name."""
        return "mlpack.UNSIGNED"


UNSIGNED: Final = Unsigned()
"""Pass as `policy=` to `load` to use a bundle that nobody vouches for. It warns."""
