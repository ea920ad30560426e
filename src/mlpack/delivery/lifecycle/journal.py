"""Writing events where nobody can compare and swap: each has a tag of its own, and what collides is settled.

Two people may promote at once. Both events are then there, and neither knows the other: a fork. Whoever
finds its own event in one waits, the one with the highest hash shortest, looks again, and if nobody else has
settled it, signs its act once more, this time after both. Nothing is lost, and the later act is in force.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlpack.errors import PolicyViolationError, RegistryError
from mlpack.format.layout import ATTACHED_TYPE
from mlpack.oci.descriptors import EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Descriptor, manifest_bytes
from mlpack.trust.envelope import seal
from mlpack.trust.history.chain import first_events, judge_file, read_chain
from mlpack.trust.history.events import EVENT_TYPE, Event, event_id, event_statement
from mlpack.trust.history.evidence import EVENT_ARTIFACT, EVENT_TAG, collect_history
from mlpack.trust.history.records import Chain, Record

if TYPE_CHECKING:
    from mlpack.oci.stores import Store
    from mlpack.trust.history.rule import HistoryRule
    from mlpack.trust.keys import Sealer, Signer
    from mlpack.trust.policy import Policy
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["Journal", "put_file"]

_ROUNDS: Final = 20
_SLOT: Final = 0.1
"""Seconds that each of several writers waits longer than the one before it, at least."""

_STRETCH: Final = 3
"""Where reading and signing take longer, a writer waits so many times as long as reading took."""


def put_file(store: Store, data: bytes, kind: str, tag: str) -> None:
    """Store a signature file under a tag.

    Raises:
        RegistryError: The store refuses.
    """
    layer = Descriptor.of(data, ATTACHED_TYPE)
    manifest = manifest_bytes(
        artifact_type=EVENT_ARTIFACT,
        layers=(layer,),
        annotations={
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": kind,
        },
    )
    store.put_blob(data, layer)
    store.put_blob(EMPTY_BYTES, EMPTY)
    store.put_manifest(manifest, IMAGE_MANIFEST, tag)


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """The history of one repository, open for one writer.

    Attributes:
        store: Where it is.
        policy: Whose events count.
        rule: The policy's rule for histories.
        signer: Who signs.
        admit: Called with whom the policy sees in the signer, before anything is stored; it may raise.
    """

    store: Store
    policy: Policy
    rule: HistoryRule
    signer: Signer | Sealer
    admit: Callable[[VerifiedSigner], object] | None = None

    def read(self) -> Chain:
        """Return the history as it is now."""
        return read_chain(collect_history(self.store), self.policy, self.rule)

    def write(self, chain: Chain, draft: Callable[[Chain], Event]) -> tuple[Chain, Record]:
        """Sign an event and store it; settle it with events that others store at the same time.

        Args:
            chain: The history as the event's author has seen it.
            draft: Makes the event that comes after a given history.

        Returns:
            The history after it, and the event's record in it.

        Raises:
            PolicyViolationError: The signer may not do this; nothing was written.
            RegistryError: The store refuses, or others kept writing.
        """
        journal = self
        for _ in range(_ROUNDS):
            event = draft(chain)
            name = journal._store(event)
            if event.sequence == 1:
                journal, chain = journal._one_log()
                if chain.log != event.log:
                    continue  # another first event came before: this act goes after it
            settled = journal.settled(event.stage, name)
            if settled is not None:
                return settled
            chain = journal.read()
        raise RegistryError(
            "others kept writing to the history",
            where=self.store.name,
            code="registry-conflict",
            hint="nothing of yours is lost: look at the history, and run the command again if need be",
        )

    def _store(self, event: Event) -> str:
        payload = event_statement(event)
        data = seal(payload, self.signer)
        signer, problem = judge_file(data, self.policy, self.rule)
        if problem or signer is None:
            who = signer.name if signer else "this signer"
            raise PolicyViolationError(
                f"an event by {who} would not count: {problem}",
                code="not-entitled",
                where=self.store.name,
                hint="the policy's history.stages and history.retire say who may do what",
            )
        if self.admit is not None:
            self.admit(signer)
        name = event_id(data)
        put_file(self.store, data, EVENT_TYPE, EVENT_TAG + name.removeprefix("event:sha256:")[:32])
        return name

    def _one_log(self) -> tuple[Journal, Chain]:
        """Return the history that holds, when several people began one at the same time."""
        time.sleep(2 * _SLOT)
        first = first_events(collect_history(self.store), self.policy, self.rule)
        log = min(first)[1] if first else ""
        journal = replace(self, rule=replace(self.rule, log=log))
        return journal, journal.read()

    def settled(self, stage: str, name: str) -> tuple[Chain, Record] | None:
        """Return the history and an event's record in it once it stands in no fork; None to sign it again.

        Raises:
            PolicyViolationError: The event does not fit where it stands.
            RegistryError: The event is not there any more.
        """
        for attempt in range(2):
            began = time.monotonic()
            chain = self.read()
            slot = max(_SLOT, _STRETCH * (time.monotonic() - began))
            mine = chain.find(name)
            if mine is None:
                raise RegistryError(
                    "the event was stored and is not there", where=self.store.name, code="registry-corrupt"
                )
            if mine.problem:
                raise PolicyViolationError(
                    f"the event was stored and does not count: {mine.problem}",
                    code="not-entitled",
                    where=self.store.name,
                )
            tips = chain.stages[stage].tips if stage in chain.stages else ()
            if len(tips) < 2 or mine.id not in tips:
                return chain, mine
            if attempt == 0:
                rank = sorted(tips, reverse=True).index(mine.id)
                time.sleep(slot * (rank + random.uniform(0, 0.5)))  # noqa: S311
        return None
