"""What packing warns of."""

from __future__ import annotations

__all__ = ["PackWarning"]


class PackWarning(UserWarning):
    """Something about a bundle that its author should know before anyone relies on it."""
