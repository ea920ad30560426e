"""Pulling a bundle out of a registry: checked as it arrives, judged, and only then given its name.

First come the lists and what signs them. If the policy could never accept them, nothing else is fetched.
Then the layers arrive, several at once; each file goes straight to its place and is compared with the
digest that was signed. What has landed is verified as a whole, from the disk, before it gets its name.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.delivery.known import open_known
from mlpack.delivery.landing import ArchiveLanding, DirectoryLanding, Landing
from mlpack.delivery.partial import Part, PartialBundle, families
from mlpack.delivery.remote import Beginning, family, fetch_beginning, fetch_layers
from mlpack.delivery.transfers import Progress, Tally, transfer
from mlpack.errors import ContentMismatchError, FormatError
from mlpack.format.atomic import atomic_directory, atomic_file, refuse_existing
from mlpack.format.integrity import MAX_DOCUMENT
from mlpack.format.lock import Lock
from mlpack.format.names import CHECKSUMS, MANIFEST, WHEELS
from mlpack.format.opening import UnverifiedBundle, inspect_tree
from mlpack.format.tree import Tree
from mlpack.format.unpacking import read_layer
from mlpack.format.writer import BundleLayout, target_path
from mlpack.oci.descriptors import Descriptor, Stored
from mlpack.oci.stores import Store
from mlpack.trust.findings import Findings
from mlpack.trust.lists import Lists, check_lists, read_lists
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.verification import VerifiedBundle, verify_tree

if TYPE_CHECKING:
    from mlpack.trust.history.evidence import HistoryEvidence

__all__ = ["pull_part", "pull_whole"]

_CODE = "code"
"""Family of the layers with code and wheels."""


def pull_whole(
    store: Store,
    artifact: Stored,
    output: Path,
    policy: Policy | Unsigned,
    *,
    layout: BundleLayout = "archive",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> VerifiedBundle | UnverifiedBundle:
    """Fetch a bundle, verify it, and give it its name below `output`.

    A policy that asks for a history, and names no source of one, gets that of the same repository.

    Raises:
        VerificationError: It does not fulfil the policy; nothing is left of it.
        FormatError: Without a policy: it is not intact.
        RegistryError: The registry fails, or its bytes are not those that were asked for.
        TargetExistsError: There is such a bundle, and `overwrite` is false.
        StorageError: The disk is full or refuses.
    """
    with _refusals(store, artifact, policy):
        history = _history(store, policy)
        layers, beginning, lists = _begin(store, artifact, policy, history)
    target = target_path(output, lists.manifest, layout)
    if not overwrite:
        refuse_existing(target)
    with contextlib.ExitStack() as stack:
        landing: Landing
        if layout == "archive":
            file = stack.enter_context(atomic_file(target, overwrite=overwrite))
            sizes = {path: entry.size for path, entry in lists.manifest.files.items()}
            sizes |= beginning.entries
            staged = Path(os.fsdecode(file.name))
            landing = ArchiveLanding(file.fileno(), lists.manifest.folder, sizes)
        else:
            staged = stack.enter_context(atomic_directory(target, overwrite=overwrite))
            landing = DirectoryLanding(staged)
        with _refusals(store, artifact, policy):
            arrival = _Arrival(store, landing, lists)
            arrival.receive(beginning, layers[1:], progress)
            arrival.check_complete()
        landing.finish()
        # What has landed is judged as a whole, with every rule; each file was hashed on its way to the disk,
        # into a folder that is ours alone.
        with open_known(staged, arrival.digests) as tree:
            found = _judged(tree, beginning.location, policy, history)
    return replace(found, path=target)


def _judged(
    tree: Tree, called: Path, policy: Policy | Unsigned, history: HistoryEvidence | None
) -> VerifiedBundle | UnverifiedBundle:
    if isinstance(policy, Unsigned):
        return inspect_tree(tree, called)
    return verify_tree(tree, policy, findings=Findings(called), evidence=history)


def _history(store: Store, policy: Policy | Unsigned) -> HistoryEvidence | None:
    if isinstance(policy, Unsigned) or policy.history is None:
        return None
    from mlpack.trust.history.bringing import bring_history
    from mlpack.trust.history.evidence import collect_history

    if policy.history.source is None:
        return collect_history(store)
    return bring_history(None, policy, Path())


def pull_part(
    store: Store,
    artifact: Stored,
    output: Path,
    policy: Policy | Unsigned,
    only: Sequence[Part],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PartialBundle:
    """Fetch some files of a bundle, each as it was signed, into a folder that is no bundle.

    Raises:
        VerificationError: The lists do not fulfil the policy, or a file differs; nothing is left.
        FormatError: Without a policy: a file differs from its lists.
        RegistryError: The registry fails, or its bytes are not those that were asked for.
        TargetExistsError: The folder is there, and `overwrite` is false.
        StorageError: The disk is full or refuses.
        UsageError: There is no such part.
    """
    wanted = families(only)
    with _refusals(store, artifact, policy):
        layers, beginning, lists = _begin(store, artifact, policy, _history(store, policy))
    chosen = [layer for layer in layers[1:] if family(layer) in wanted]
    target = output / f"{lists.manifest.folder}.partial"
    with atomic_directory(target, overwrite=overwrite) as staged, _refusals(store, artifact, policy):
        arrival = _Arrival(store, DirectoryLanding(staged), lists)
        arrival.receive(beginning, chosen, progress)
    return PartialBundle(
        path=target,
        digest=lists.digest,
        manifest=lists.manifest,
        only=tuple(only),
        files=tuple(sorted(arrival.digests)),
        signers=lists.signers,
        rules=lists.rules,
    )


def _begin(
    store: Store, artifact: Stored, policy: Policy | Unsigned, history: HistoryEvidence | None
) -> tuple[tuple[Descriptor, ...], Beginning, Lists]:
    layers = fetch_layers(store, artifact)
    beginning = fetch_beginning(store, artifact, layers[0])
    lists = (
        read_lists(beginning)
        if isinstance(policy, Unsigned)
        else check_lists(beginning, policy, history=history)
    )
    return layers, beginning, lists


@contextlib.contextmanager
def _refusals(store: Store, artifact: Stored, policy: Policy | Unsigned) -> Iterator[None]:
    """Under a policy, whatever breaks the format is a refusal, as it is in `verify`."""
    try:
        yield
    except FormatError as error:
        if isinstance(policy, Unsigned):
            raise
        raise ContentMismatchError(
            "not verified: 1 problem(s)",
            where=f"{store.name}@{artifact.descriptor.digest}",
            problems=(f"{error.where}: {error.message}" if error.where else error.message,),
            hint=error.hint,
        ) from error


class _Arrival:
    """The files of one bundle as they arrive: each once, each named by a list, each with its digest."""

    def __init__(self, store: Store, landing: Landing, lists: Lists) -> None:
        self._store = store
        self._landing = landing
        self._lists = lists
        self._lock_path = lists.manifest.one("lock")
        self._lock = b""
        self._guard = threading.Lock()
        self.digests: dict[str, str] = {}
        """Path -> hex SHA-256 of what was written."""
        self._seen: set[str] = set()

    def receive(self, beginning: Beginning, layers: Sequence[Descriptor], progress: Progress | None) -> None:
        """Land what has arrived, then fetch layers; code and wheels come last, in order."""
        for path, data in beginning.contents.items():
            self.digests[path] = self._landing.take(path, len(data), [data])
        tally = Tally("receiving", sum(layer.size for layer in layers), progress)
        first = [layer for layer in layers if family(layer) != _CODE]
        last = [layer for layer in layers if family(layer) == _CODE]

        def receive(layer: Descriptor) -> None:
            chunks = tally.watch(self._store.blob_chunks(layer))
            for path, size, pieces in read_layer(chunks, layer.size):
                self._file(path, size, pieces)

        if first:
            transfer(receive, first, tally)
        if last:
            transfer(receive, last, tally, workers=1)

    def _file(self, path: str, size: int, pieces: Iterable[bytes | memoryview]) -> None:
        expected = self._expected(path, size)
        with self._guard:
            if path in self._seen:
                raise FormatError("stored twice", where=path)
            self._seen.add(path)
        if path == self._lock_path:
            self._lock = b"".join(pieces) if size <= MAX_DOCUMENT else b""
            pieces = [self._lock]
        found = self._landing.take(path, size, pieces)
        if found != expected:
            raise FormatError(
                f"contents changed (expected sha256 {expected[:12]}..., found {found[:12]}...)", where=path
            )
        self.digests[path] = found

    def _expected(self, path: str, size: int) -> str:
        """Return the digest that a file must have; nothing is written before it is known that it has one."""
        if path.startswith(WHEELS):
            for package in Lock.from_bytes(self._lock).packages if self._lock else ():
                for file in package.files:
                    if file.path == path and file.size == size:
                        return file.sha256
            raise FormatError("not a wheel of the lock", where=repr(path))
        entry = self._lists.manifest.files.get(path)
        if entry is None or path in (CHECKSUMS, MANIFEST):
            raise FormatError("a file that no list names", where=repr(path))
        if entry.size != size:
            raise FormatError(f"{entry.size} bytes by {MANIFEST}, found {size}", where=path)
        return self._lists.checksums[path]

    def check_complete(self) -> None:
        """Return if every file that the lists name has arrived.

        Raises:
            FormatError: One is missing.
        """
        for path in self._lists.checksums:
            if path not in self.digests:
                raise FormatError(f"listed in {CHECKSUMS}, but missing", where=path)
