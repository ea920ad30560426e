"""The signature files of a history: gathered from a store or a file, bounded, and not yet believed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from mlpack.errors import FormatError, RegistryError
from mlpack.format.documents import Fields, canonical_json, parse_json

if TYPE_CHECKING:
    from mlpack.oci.descriptors import Descriptor, Stored

__all__ = [
    "CHECKPOINT_TAG",
    "EVENT_ARTIFACT",
    "EVENT_TAG",
    "MAX_EVENTS",
    "HistoryEvidence",
    "ReadableStore",
    "collect_history",
    "history_from_bytes",
    "signature_file",
]

EVENT_TAG: Final = "mlpack.event."
"""Every event has a tag of its own: this, and the first half of its hash."""

CHECKPOINT_TAG: Final = "mlpack.checkpoint"
"""The tag of the newest checkpoint."""

EVENT_ARTIFACT: Final = "application/vnd.mlpack.lifecycle.v1"
"""Artifact type of events and checkpoints. They are attached to nothing: artifacts may go, events stay."""

MAX_EVENTS: Final = 5000
MAX_FILE: Final = 1024 * 1024
"""Largest signature file of an event, in bytes."""

MAX_HISTORY: Final = 128 * 1024 * 1024
"""Largest history, in bytes; an event has about three thousand, with a certificate twenty thousand."""
_AT_ONCE: Final = 8
_MEDIA_TYPE: Final = "application/vnd.mlpack.history.v1+json"
_DAMAGED: Final = ("registry-corrupt", "registry-document", "registry-not-found")


class ReadableStore(Protocol):
    """What is needed of a registry or a layout."""

    name: str

    def tags(self) -> tuple[str, ...]:
        """Return every tag."""

    def find_manifest(self, wanted: str) -> Stored | None:
        """Return the manifest with a tag or digest, or None."""

    def blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryEvidence:
    """What lies in a repository. Anybody who may write there can add to it and take from it.

    Attributes:
        source: Where it was.
        events: Signature files over events, in the order of their tags.
        checkpoints: Signature files over checkpoints.
        notes: What could not be read.
    """

    source: str
    events: tuple[bytes, ...]
    checkpoints: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return all of it as one JSON file, which `history_from_bytes` reads: the exact files, as base64."""
        return canonical_json(
            {
                "mediaType": _MEDIA_TYPE,
                "events": [base64.b64encode(data).decode("ascii") for data in self.events],
                "checkpoints": [base64.b64encode(data).decode("ascii") for data in self.checkpoints],
            }
        )


def history_from_bytes(data: bytes, *, source: str) -> HistoryEvidence:
    """Read what `HistoryEvidence.to_bytes` wrote.

    Raises:
        FormatError: It is something else.
    """
    if len(data) > MAX_HISTORY:
        raise FormatError(f"more than {MAX_HISTORY} bytes", where=source)
    top = Fields(parse_json(data, where=source), source)
    top.choice("mediaType", (_MEDIA_TYPE,))
    events, checkpoints = top.texts("events"), top.texts("checkpoints")
    top.done()
    if len(events) > MAX_EVENTS or len(checkpoints) > MAX_EVENTS:
        raise FormatError(f"more than {MAX_EVENTS} events", where=source)
    try:
        files = [[base64.b64decode(text, validate=True) for text in texts] for texts in (events, checkpoints)]
    except ValueError as error:
        raise FormatError("not base64", where=source) from error
    return HistoryEvidence(source=source, events=tuple(files[0]), checkpoints=tuple(files[1]))


def collect_history(store: ReadableStore) -> HistoryEvidence:
    """Gather every event and the checkpoint of a repository.

    Raises:
        RegistryError: The store fails, or holds more than is read.
    """
    notes: list[str] = []
    tags = [tag for tag in store.tags() if tag.startswith(EVENT_TAG)]
    if len(tags) > MAX_EVENTS:
        raise RegistryError(
            f"{len(tags)} events, where at most {MAX_EVENTS} are read",
            where=store.name,
            code="registry-document",
        )
    events, size = [], 0
    for data, note in _files(store, tags):
        notes += [note] if note else []
        size += len(data or b"")
        if size > MAX_HISTORY:
            raise RegistryError(
                f"events of more than {MAX_HISTORY} bytes", where=store.name, code="registry-document"
            )
        events += [data] if data is not None else []
    checkpoint, note = signature_file(store, CHECKPOINT_TAG)
    notes += [note] if note else []
    return HistoryEvidence(
        source=store.name,
        events=tuple(events),
        checkpoints=() if checkpoint is None else (checkpoint,),
        notes=tuple(notes),
    )


def _files(store: ReadableStore, tags: Sequence[str]) -> Iterator[tuple[bytes | None, str]]:
    """Yield what is behind each tag, in their order; several are asked for at once."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        yield from pool.map(lambda tag: signature_file(store, tag), tags)


def signature_file(store: ReadableStore, tag: str) -> tuple[bytes | None, str]:
    """Return the signature file behind a tag, or why there is none: what is broken is as good as absent.

    Raises:
        RegistryError: The store as a whole fails.
    """
    from mlpack.oci.descriptors import parse_manifest

    try:
        stored = store.find_manifest(tag)
        if stored is None:
            return None, ""
        manifest = parse_manifest(stored.data, where=f"{store.name}:{tag}")
        if manifest.artifact_type != EVENT_ARTIFACT or len(manifest.layers) != 1:
            return None, f"{tag}: something else"
        return store.blob(manifest.layers[0], limit=MAX_FILE), ""
    except RegistryError as error:
        if error.code not in _DAMAGED:
            raise
        return None, f"{tag}: {error.message}"
