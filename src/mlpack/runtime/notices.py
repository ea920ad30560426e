"""Warnings that running a bundle can give."""

from __future__ import annotations

__all__ = ["ContractWarning", "UnsignedWarning"]


class ContractWarning(UserWarning):
    """Rows lie outside what the model saw in training, but within what the original accepts."""


class UnsignedWarning(UserWarning):
    """A bundle was loaded although nobody vouches for it."""
