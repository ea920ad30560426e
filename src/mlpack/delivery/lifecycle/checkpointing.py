"""Signing how far a history has come, so that its end cannot be cut off unseen."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Final

from mlpack.delivery.lifecycle.auditing import ruled_policy
from mlpack.delivery.lifecycle.desk import refusal
from mlpack.delivery.lifecycle.journal import put_file
from mlpack.delivery.lifecycle.places import open_repository, repository_of
from mlpack.errors import HistoryError, PolicyError, PolicyViolationError, UsageError
from mlpack.trust.envelope import seal
from mlpack.trust.history.chain import accept_file
from mlpack.trust.history.checkpoints import CHECKPOINT_TYPE, Checkpoint, checkpoint_statement, retired_digest
from mlpack.trust.history.evidence import CHECKPOINT_TAG, collect_history
from mlpack.trust.history.judging import newest_checkpoint, standing

if TYPE_CHECKING:
    from mlpack.trust.keys import Sealer, Signer
    from mlpack.trust.policy import Policy

__all__ = ["checkpoint"]

_MAX_DAYS: Final = 366
_RENEWABLE: Final = ("history-checkpoint", "history-expired")


def checkpoint(
    repository: str,
    *,
    days: int,
    signer: Signer | Sealer,
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> Checkpoint:
    """Say, for some days, how far the history has come; a scheduled CI job does so before the last one ends.

    Args:
        repository: `HOST/REPO` or `oci:DIR`.
        days: For how long it may be relied on.
        signer: Who says so.
        policy: A policy with a `history` rule that asks for checkpoints, the path of one, or None.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        HistoryError: The history is not whole, or less than the last checkpoint has seen: nothing is signed.
        PolicyError: There is no usable policy, or it asks for no checkpoint.
        PolicyViolationError: The policy does not name the signer for this.
        RegistryError: The registry fails.
        UsageError: An argument means nothing.
    """
    if not 1 <= days <= _MAX_DAYS:
        raise UsageError(f"expected 1 to {_MAX_DAYS} days, found {days}", where="days")
    rules, rule = ruled_policy(policy)
    if rule.checkpoint is None:
        raise PolicyError("asks for no checkpoint", where=rules.source, hint="add checkpoint: {by: [...]}")
    place = repository_of(repository)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    with open_repository(place, write=True, plain_http=plain_http) as store:
        evidence = collect_history(store)
        chain, problems = standing(evidence, rules, rule, moment="admission", now=now)
        if serious := [problem for problem in problems if problem.code not in _RENEWABLE]:
            raise refusal(store.name, serious)
        if not chain.heads:
            raise HistoryError("there is no history yet", code="history-empty", where=store.name)
        made = Checkpoint(
            log=chain.log,
            sequence=chain.sequence,
            heads=chain.heads,
            retired=retired_digest(
                record.event.bundle for record in chain.records if record.event.action == "retire"
            ),
            time=now,
            expires=now + dt.timedelta(days=days),
        )
        data = seal(checkpoint_statement(made), signer)
        _, who, problem = accept_file(data, rules)
        if problem or who is None or who.name not in rule.checkpoint.by:
            raise PolicyViolationError(
                f"a checkpoint by {who.name if who else 'them'} would not count: {problem or 'not named'}",
                code="not-entitled",
                where=store.name,
                hint="the policy's history.checkpoint.by says whose does",
            )
        put_file(store, data, CHECKPOINT_TYPE, CHECKPOINT_TAG)
        # Another job may have stored an older view at the same moment: the one that has seen more stays.
        last = newest_checkpoint(collect_history(store), rules, rule.checkpoint, chain.log)
        if last is None or last.checkpoint.sequence < made.sequence:
            put_file(store, data, CHECKPOINT_TYPE, CHECKPOINT_TAG)
    return made
