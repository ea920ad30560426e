"""Bringing a history to a verification: what is passed, the policy's source, or the bundle's own layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import FormatError, MlpackError, StorageError, UsageError
from mlpack.format.places import layout_place
from mlpack.trust.history.evidence import MAX_HISTORY, HistoryEvidence, collect_history, history_from_bytes

if TYPE_CHECKING:
    from mlpack.trust.policy import Policy

__all__ = ["HistoryLike", "bring_history", "read_history_file"]

HistoryLike = HistoryEvidence | str | os.PathLike[str]
"""A history that was fetched before, the path of an exported one, or `oci:DIR`."""


def bring_history(given: HistoryLike | None, policy: Policy, bundle: Path) -> HistoryEvidence | None:
    """Return the history that a policy's rule is judged by; None when nobody has one, or none is asked for.

    Args:
        given: What the caller passed.
        policy: May name a source.
        bundle: Where the bundle is: the layout that holds it holds its history too.

    Raises:
        UsageError: A history is passed, and the policy has no rule for one.
        StorageError: It cannot be read.
        FormatError: The file is no history.
        RegistryError: The layout is broken.
    """
    if policy.history is None:
        if given is not None:
            raise UsageError("the policy asks nothing of a history", where="history")
        return None
    if isinstance(given, HistoryEvidence):
        return given
    if given is None and policy.history.source is None:
        return _of_layout(bundle)
    place = Path(given if given is not None else str(policy.history.source))
    if os.fspath(place).startswith("oci:"):
        return _of_layout(place)
    return read_history_file(place)


def _of_layout(place: Path) -> HistoryEvidence | None:
    from mlpack.oci.layout import Layout
    from mlpack.oci.references import LayoutReference

    found = layout_place(place)
    if found is None:
        return None
    if found.path.is_file():
        raise StorageError(
            "the history in an archive of a layout is not read",
            where=str(place),
            hint="unpack it, or pass one",
        )
    return collect_history(Layout(LayoutReference(path=found.path)))


def read_history_file(path: str | os.PathLike[str]) -> HistoryEvidence:
    """Read an exported history.

    Raises:
        StorageError: It cannot be read.
        FormatError: It is no history.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(MAX_HISTORY + 1)
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return history_from_bytes(data, source=str(path))
    except MlpackError as error:
        raise FormatError(
            error.message, where=error.where, hint="mlpack history --export writes one"
        ) from error
