"""Promoting, rolling back and retiring bundles: signed events first, tags after, as pointers only."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from mlpack.delivery.lifecycle.desk import Desk, subject_of
from mlpack.delivery.lifecycle.places import artifact_at, bundle_place, open_repository
from mlpack.delivery.lifecycle.pointers import artifact_of, earlier
from mlpack.delivery.lifecycle.results import Act
from mlpack.errors import PolicyViolationError
from mlpack.trust.history.records import Record
from mlpack.trust.policy import Policy
from mlpack.trust.verification import verify

if TYPE_CHECKING:
    from mlpack.trust.keys import Sealer, Signer

__all__ = ["promote", "retire", "rollback"]


def promote(
    reference: str,
    *,
    to: str,
    signer: Signer | Sealer,
    reason: str,
    again: bool = False,
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> Act:
    """Put a bundle into a stage, if the policy's gates let it in. Its bytes stay the same everywhere.

    The bundle is verified, the gates of the stage are judged, an event is signed and stored, and only then
    the stage's tag is moved. A promotion that was interrupted is completed by running it again.

    Args:
        reference: `HOST/REPO:TAG`, `HOST/REPO@sha256:...` or `oci:DIR[:TAG]`.
        to: The stage, which is also the tag: `production`.
        signer: Who promotes.
        reason: Why, for the history.
        again: Whether to sign it although it is in force, because another signer is leaving the policy.
        policy: A policy with a `history` rule, the path of one, or None to take `MLPACK_POLICY` or the
            user's own.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        VerificationError: The bundle does not fulfil the policy, a gate does not hold, the signer may not do
            this, or the history was tampered with. Nothing was written.
        PolicyError: There is no usable policy, or it has no such stage.
        RegistryError: The registry refuses.
        UsageError: An argument means nothing.
    """
    desk = Desk.open(reference, signer, reason, policy)
    stage = desk.stage(to)
    with open_repository(desk.place, write=True, plain_http=plain_http) as store:
        stored = artifact_at(store, desk.place)
        with bundle_place(store, desk.place, stored) as place:
            verified = verify(place, replace(desk.policy, history=None))
        chain = desk.chain(store)
        gates = desk.ask(stage, verified, chain, None)
        state = chain.stages.get(to)
        current = state.record if state is not None and not state.forked else None
        record = None
        if again or current is None or current.event.bundle != verified.digest:
            subject = desk.subject(verified, stored, to)
            journal = desk.journal(store, chain, lambda who: desk.ask(stage, verified, chain, who))
            chain, record = journal.write(chain, lambda now: desk.event(now, "promote", subject))
        return desk.done(store, to, chain, record, gates)


def rollback(
    repository: str,
    *,
    stage: str,
    signer: Signer | Sealer,
    reason: str,
    to: str = "",
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> Act:
    """Put back into a stage what was there before: a new event, nothing is erased.

    Args:
        repository: `HOST/REPO` or `oci:DIR`.
        stage: Which stage.
        signer: Who rolls back.
        reason: Why, for the history.
        to: A version, or `bundle:sha256:...`, that was in force there before; empty for the one before the
            present one that is not retired.
        policy: A policy with a `history` rule, the path of one, or None.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        VerificationError: There is nothing to go back to, what there is does not fulfil the policy, the
            signer may not do this, or the history was tampered with. Nothing was written.
        PolicyError: There is no usable policy, or it has no such stage.
        RegistryError: The registry refuses, or has lost the older bundle.
        UsageError: An argument means nothing.
    """
    desk = Desk.open(repository, signer, reason, policy)
    desk.stage(stage)
    with open_repository(desk.place, write=True, plain_http=plain_http) as store:
        chain = desk.chain(store)
        target = earlier(chain, stage, to)
        if target.event.bundle in chain.retired:
            raise PolicyViolationError(
                f"{target.event.version} is retired",
                code="gate",
                where=desk.place.name,
                hint="name another with to",
            )
        stored = artifact_of(store, chain, target.event.bundle)
        with bundle_place(store, desk.place, stored) as place:
            # It was let in before: what depends on the clock must not stand in the way of going back.
            verified = verify(place, replace(desk.policy, history=None), moment="start")
        if verified.digest != target.event.bundle:
            raise PolicyViolationError(
                f"{stored.descriptor.digest} holds {verified.digest}, not {target.event.bundle}",
                code="history-moved-tag",
                where=desk.place.name,
            )
        subject = desk.subject(verified, stored, stage)
        journal = desk.journal(store, chain)
        chain, record = journal.write(chain, lambda now: desk.event(now, "rollback", subject))
        return desk.done(store, stage, chain, record, ())


def retire(
    reference: str,
    *,
    signer: Signer | Sealer,
    reason: str,
    bundle: str = "",
    again: bool = False,
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> Act:
    """Refuse a bundle for good, wherever the history is consulted. No key is revoked for it.

    Args:
        reference: The bundle; or, with `bundle`, its repository.
        signer: Who retires it.
        reason: Why, for the history.
        bundle: `bundle:sha256:...`, for a bundle whose bytes are broken or gone.
        again: Whether to sign it although it is retired; see `promote`.
        policy: A policy with a `history` rule, the path of one, or None.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        VerificationError: The signer may not do this, or the history was tampered with.
        PolicyError: There is no usable policy.
        FormatError: The bundle is not intact, so its digest must be given.
        RegistryError: The registry refuses.
        UsageError: An argument means nothing.
    """
    desk = Desk.open(reference, signer, reason, policy)
    with open_repository(desk.place, write=True, plain_http=plain_http) as store:
        chain = desk.chain(store)
        seen = subject_of(store, desk.place, chain, bundle)
        record = None
        if again or seen.bundle not in chain.retired:
            chain, record = desk.journal(store, chain).write(
                chain, lambda now: desk.event(now, "retire", seen)
            )
        still = [name for name, state in chain.stages.items() if _holds(state.record, seen.bundle)]
        warning = f"it is still in force in {', '.join(still)}: roll back, or promote another one"
        return Act(
            repository=store.name,
            record=record,
            chain=chain,
            warnings=(*desk.hints(chain), *((warning,) if still else ())),
        )


def _holds(record: Record | None, bundle: str) -> bool:
    return record is not None and record.event.bundle == bundle
