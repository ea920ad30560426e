"""Stage tags: pointers for people and pull commands. What they should point to, the history says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.errors import HistoryError, RegistryError, UsageError

if TYPE_CHECKING:
    from mlpack.delivery.lifecycle.journal import Journal
    from mlpack.oci.descriptors import Stored
    from mlpack.oci.stores import Store
    from mlpack.trust.history.records import Chain, Record

__all__ = ["artifact_of", "earlier", "manifests_of", "point_tag", "tag_of"]

_ROUNDS = 5


def manifests_of(chain: Chain, bundle: str) -> tuple[str, ...]:
    """Return the digests of the artifacts in which a bundle was seen, newest first."""
    found: dict[str, None] = {}
    for record in reversed(chain.records):
        if record.counts and record.event.bundle == bundle:
            found |= dict.fromkeys(item.removeprefix("manifest:") for item in record.event.manifests)
    return tuple(found)


def artifact_of(store: Store, chain: Chain, bundle: str) -> Stored:
    """Return the artifact of a bundle that was promoted before.

    Raises:
        RegistryError: It is gone.
    """
    digests = manifests_of(chain, bundle)
    for digest in digests:
        if (stored := store.find_manifest(digest)) is not None:
            return stored
    raise RegistryError(
        f"{bundle} is not there any more", where=store.name, code="registry-not-found", hint="push it again"
    )


def tag_of(store: Store, chain: Chain, stage: str) -> tuple[str, str]:
    """Return what is wrong with a stage's tag, or an empty text, and the digest that it names."""
    state = chain.stages.get(stage)
    found = store.find_manifest(stage)
    digest = found.descriptor.digest if found is not None else ""
    wanted = manifests_of(chain, state.record.event.bundle) if state and state.record else ()
    if digest in wanted:
        return "", digest
    if not digest:
        return (f"the tag {stage} is gone" if wanted else ""), digest
    said = f"{wanted[0]} is in force" if wanted else "nothing is in force"
    return f"the tag {stage} names {digest}, and by the history {said}", digest


def point_tag(journal: Journal, chain: Chain, stage: str) -> tuple[Chain, str, str]:
    """Move a stage's tag to what is in force, with other writers doing the same.

    Returns:
        The history as it is then, what became of the tag, and a warning or an empty text.

    Raises:
        RegistryError: The store refuses, or others kept moving it.
    """
    warning, moved = "", False
    for _ in range(_ROUNDS):
        state = chain.stages[stage]
        if state.record is None:
            return (
                chain,
                "unchanged: nothing is in force",
                "two acts contend, and nothing is in force: act again",
            )
        wrong, named = tag_of(journal.store, chain, stage)
        if not wrong:
            version = state.record.event.version
            return chain, f"{stage} -> {version}" + ("" if moved else ", as before"), warning
        if not moved and not _was_right(chain, stage, named):
            warning = f"{wrong} (moved by hand or by somebody else; now put right)"
        stored = artifact_of(journal.store, chain, state.record.event.bundle)
        journal.store.put_manifest(stored.data, stored.descriptor.media_type, stage)
        moved = True
        chain = journal.read()
    raise RegistryError(
        f"others kept moving the tag {stage}",
        where=journal.store.name,
        code="registry-conflict",
        hint="run it again",
    )


def _was_right(chain: Chain, stage: str, digest: str) -> bool:
    """Return whether a tag stood where an event before the newest one had put it."""
    if not digest:
        return True
    seen = [record for record in chain.records if record.counts and record.event.stage == stage]
    return any(f"manifest:{digest}" in record.event.manifests for record in seen[-2:-1])


def earlier(chain: Chain, stage: str, wanted: str) -> Record:
    """Return the event whose bundle is put back: the one that is named, or the one before the present one.

    Raises:
        UsageError: What is named was never there, or is there now.
        HistoryError: There is nothing to go back to.
    """
    stack: list[Record] = []
    seen: list[Record] = []
    for record in chain.records:
        if not record.counts or record.event.stage != stage:
            continue
        seen.append(record)
        places = [place for place, item in enumerate(stack) if item.event.bundle == record.event.bundle]
        if record.event.action == "rollback" and places:
            del stack[places[-1] + 1 :]
        else:
            stack.append(record)
    current = chain.stages[stage].record if stage in chain.stages else None
    now = current.event.bundle if current is not None else ""
    if wanted:
        hits = [record for record in seen if wanted in (record.event.bundle, record.event.version)]
        if not hits or hits[-1].event.bundle == now:
            what = "is in force already" if hits else f"was never in {stage}"
            raise UsageError(f"{wanted[:100]!r} {what}", where="to")
        return hits[-1]
    for record in reversed(stack):
        if record.event.bundle not in (now, *chain.retired):
            return record
    raise HistoryError(
        f"nothing was in {stage} before that is not retired", code="history-empty", where=stage
    )
