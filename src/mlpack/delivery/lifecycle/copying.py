"""Copying a history along with the bundles that it is about: to another repository, or on a disk."""

from __future__ import annotations

from mlpack.delivery.lifecycle.places import open_repository, repository_of
from mlpack.errors import FormatError, RegistryError, UsageError, VerificationError
from mlpack.oci.descriptors import Stored, parse_manifest
from mlpack.oci.references import LayoutReference
from mlpack.oci.stores import Store, open_store
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.history.checkpoints import parse_checkpoint
from mlpack.trust.history.evidence import (
    CHECKPOINT_TAG,
    EVENT_ARTIFACT,
    EVENT_TAG,
    MAX_FILE,
    signature_file,
)

__all__ = ["copy_events", "copy_history"]


def copy_history(source: str, target: str, *, plain_http: bool | None = None) -> int:
    """Copy every event and the checkpoint; what is there already stays. Stage tags are not copied.

    Every signature holds in the copy, and the history has the same log: whoever pins it relies on either.
    Bundles are copied by `push` and `pull`.

    Args:
        source: `HOST/REPO` or `oci:DIR`.
        target: The same; a layout that is not there yet is made.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Returns:
        How many events and checkpoints were copied.

    Raises:
        RegistryError: A registry fails.
        UsageError: A reference means nothing.
    """
    here, there = repository_of(source), repository_of(target)
    if here.name == there.name:
        raise UsageError("the same repository twice", where="target")
    with open_repository(here, write=False, plain_http=plain_http) as store:
        if isinstance(there, LayoutReference):
            with open_store(there, write=True) as layout:
                return copy_events(store, layout)
        with open_repository(there, write=True, plain_http=plain_http) as other:
            return copy_events(store, other)


def copy_events(source: Store, target: Store) -> int:
    """Copy the events and the checkpoint of one open store into another; see `copy_history`.

    Raises:
        RegistryError: A store fails, or what is under a tag of the target is something else.
    """
    count = 0
    for tag in source.tags():
        if not tag.startswith(EVENT_TAG) and tag != CHECKPOINT_TAG:
            continue
        stored = source.find_manifest(tag)
        if stored is None or not _is_ours(stored, f"{source.name}:{tag}"):
            continue  # junk counts for nothing here, and is not spread
        if tag == CHECKPOINT_TAG and _reach(target) >= _reach(source):
            continue
        parsed = parse_manifest(stored.data, where=tag)
        for descriptor in (*((parsed.config,) if parsed.config else ()), *parsed.layers):
            if not target.has_blob(descriptor.digest):
                target.put_blob(source.blob(descriptor, limit=MAX_FILE), descriptor)
        target.put_manifest(stored.data, stored.descriptor.media_type, tag)
        count += 1
    return count


def _reach(store: Store) -> tuple[int, str]:
    """Return how far a checkpoint says that it goes, and until when; whoever relies on it asks who signed.

    So that a copy from last week does not push a newer checkpoint out of the way.
    """
    data, _ = signature_file(store, CHECKPOINT_TAG)
    if data is None:
        return 0, ""
    try:
        found = parse_checkpoint(parse_envelope(data).payload)
    except (FormatError, VerificationError):
        return 0, ""
    return found.sequence, found.expires.isoformat()


def _is_ours(stored: Stored, where: str) -> bool:
    try:
        return parse_manifest(stored.data, where=where).artifact_type == EVENT_ARTIFACT
    except RegistryError:
        return False
