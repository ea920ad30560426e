"""Warnings that running a bundle can give."""

from __future__ import annotations

__all__ = ["ContractWarning", "RuntimeVersionWarning", "UnsignedWarning"]


class ContractWarning(UserWarning):
    """Rows lie outside what the model saw in training, but within what the original accepts."""


class RuntimeVersionWarning(UserWarning):
    """A library that runs a model is of another version than the one that it was packed with."""


class UnsignedWarning(UserWarning):
    """A bundle was loaded although nobody vouches for it."""
