"""Reading a history: who put what where, why, and whether all of it can be relied on."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpack.delivery.lifecycle.places import open_repository, repository_of
from mlpack.delivery.lifecycle.pointers import tag_of
from mlpack.errors import PolicyError
from mlpack.trust.history.evidence import HistoryEvidence, collect_history
from mlpack.trust.history.judging import SignedCheckpoint, newest_checkpoint, standing
from mlpack.trust.history.records import Chain, Problem
from mlpack.trust.policy import Policy, Unsigned
from mlpack.trust.policy_choice import resolve_policy

if TYPE_CHECKING:
    from mlpack.oci.stores import Store
    from mlpack.show.facts import Facts
    from mlpack.trust.history.rule import HistoryRule

__all__ = ["History", "fetch_history", "history", "read_history", "ruled_policy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A history as a policy sees it.

    Attributes:
        repository: Where it is.
        policy: Whose events count.
        chain: The events.
        problems: Why it cannot be relied on; empty when it can.
        tags: Stage -> what its tag names and what is wrong with it, `(digest, problem)`.
        checkpoint: The newest that counts, when the policy asks for one.
        evidence: The signature files, for `to_bytes`.
    """

    repository: str
    policy: Policy
    chain: Chain
    problems: tuple[Problem, ...]
    tags: Mapping[str, tuple[str, str]]
    checkpoint: SignedCheckpoint | None
    evidence: HistoryEvidence

    def facts(self, *, stage: str = "") -> Facts:
        """Return the audit trail for people; of one stage, if one is named."""
        from mlpack.delivery.lifecycle.views import history_facts

        return history_facts(self, stage)

    def document(self) -> dict[str, Any]:
        """Return the audit trail as JSON values, for programs."""
        from mlpack.delivery.lifecycle.views import history_document

        return history_document(self)


def ruled_policy(
    policy: Policy | str | os.PathLike[str] | None, *, so: str = "nobody's events would count"
) -> tuple[Policy, HistoryRule]:
    """Return the policy and its rule for histories.

    Args:
        policy: As `mlpack.verify` takes it.
        so: What follows where it has none, for the message.

    Raises:
        PolicyError: There is no usable policy, or it says nothing of a history.
    """
    rules = resolve_policy(policy)
    if isinstance(rules, Unsigned) or rules.history is None:
        raise PolicyError(
            f"says nothing of a history, so {so}",
            where="policy" if isinstance(rules, Unsigned) else rules.source,
            hint="add history: with stages, and who may promote to them",
        )
    return rules, rules.history


def fetch_history(repository: str, *, plain_http: bool | None = None) -> HistoryEvidence:
    """Fetch the history of a repository for `mlpack.verify(..., history=...)`. Nothing of it is believed yet.

    Args:
        repository: `HOST/REPO` or `oci:DIR`; a tag or digest in it does not matter.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        RegistryError: The registry fails.
        UsageError: It is no reference.
    """
    place = repository_of(repository)
    with open_repository(place, write=False, plain_http=plain_http) as store:
        return collect_history(store)


def history(
    repository: str,
    *,
    policy: Policy | str | os.PathLike[str] | None = None,
    plain_http: bool | None = None,
) -> History:
    """Read the history of a repository and say what it is worth. Tampering is reported, not raised.

    Args:
        repository: `HOST/REPO` or `oci:DIR`.
        policy: A policy with a `history` rule, the path of one, or None.
        plain_http: Speak HTTP without TLS; None does so on the loopback interface only.

    Raises:
        PolicyError: There is no usable policy.
        RegistryError: The registry fails.
        UsageError: It is no reference.
    """
    rules, _ = ruled_policy(policy)
    place = repository_of(repository)
    with open_repository(place, write=False, plain_http=plain_http) as store:
        return read_history(store, rules)


def read_history(store: Store, policy: Policy) -> History:
    """Return the history of a store that is open.

    Raises:
        PolicyError: The policy says nothing of a history.
        RegistryError: The store fails.
    """
    policy, rule = ruled_policy(policy)
    evidence = collect_history(store)
    chain, problems = standing(evidence, policy, rule, moment="admission", now=dt.datetime.now(dt.UTC))
    tags = {}
    for stage in chain.stages:
        wrong, digest = tag_of(store, chain, stage)
        tags[stage] = (digest, wrong)
    moved = [Problem(code="history-moved-tag", text=wrong) for _, wrong in tags.values() if wrong]
    checkpoint = None
    if rule.checkpoint is not None and chain.log:
        checkpoint = newest_checkpoint(evidence, policy, rule.checkpoint, chain.log)
    return History(
        repository=store.name,
        policy=policy,
        chain=chain,
        problems=(*problems, *moved),
        tags=tags,
        checkpoint=checkpoint,
        evidence=evidence,
    )
