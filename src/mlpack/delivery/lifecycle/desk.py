"""One act, from its arguments to its event: which policy, which history, which words."""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlpack.delivery.lifecycle.auditing import ruled_policy
from mlpack.delivery.lifecycle.gates import judge_gates
from mlpack.delivery.lifecycle.journal import Journal
from mlpack.delivery.lifecycle.places import artifact_at, bundle_place, repository_of
from mlpack.delivery.lifecycle.pointers import point_tag
from mlpack.delivery.lifecycle.results import Act
from mlpack.errors import HistoryError, PolicyError, PolicyViolationError, UsageError
from mlpack.format.opening import inspect
from mlpack.trust.history.events import MAX_REASON, Action, Event, EvidenceOf
from mlpack.trust.history.evidence import collect_history
from mlpack.trust.history.judging import standing
from mlpack.trust.history.records import Chain, Problem, Record
from mlpack.trust.policy import Policy

if TYPE_CHECKING:
    from mlpack.oci.descriptors import Stored
    from mlpack.oci.references import Reference
    from mlpack.oci.stores import Store
    from mlpack.trust.history.rule import HistoryRule, StageRule
    from mlpack.trust.keys import Sealer, Signer
    from mlpack.trust.verdict import RuleResult
    from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

__all__ = ["Desk", "Subject", "refusal", "subject_of"]

_BUNDLE: Final = re.compile(r"bundle:sha256:[0-9a-f]{64}")

_FOR_READERS: Final = ("history-checkpoint", "history-expired")
"""Problems that are those of whoever relies on a history, not of whoever adds to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What an event is about; see `Event`."""

    bundle: str
    name: str
    version: str
    stage: str = ""
    manifests: tuple[str, ...] = ()
    evidence: tuple[EvidenceOf, ...] = ()
    policy: str = ""


def subject_of(store: Store, place: Reference, chain: Chain, bundle: str) -> Subject:
    """Return what a retirement is about: a bundle that is read, or one that is only named by its digest.

    Raises:
        FormatError: The bundle that was to be read is not intact.
        RegistryError: There is none.
        UsageError: The digest is none, or nothing else is known of it.
    """
    if not bundle:
        stored = artifact_at(store, place)
        with bundle_place(store, place, stored) as where:
            opened = inspect(where)
        manifests = (f"manifest:{stored.descriptor.digest}",)
        return Subject(bundle=opened.digest, name=opened.name, version=opened.version, manifests=manifests)
    if not _BUNDLE.fullmatch(bundle):
        raise UsageError(f"expected bundle:sha256:<64 hex digits>, found {bundle[:80]!r}", where="bundle")
    known = [record.event for record in chain.records if record.counts]
    if not known:
        raise UsageError("there is no history yet, so name the bundle itself", where="bundle")
    same = [event for event in known if event.bundle == bundle]
    seen = {manifest for event in same for manifest in event.manifests}
    return Subject(
        bundle=bundle,
        name=known[0].name,
        version=same[0].version if same else "",
        manifests=tuple(sorted(seen)),
    )


def refusal(where: str, problems: Sequence[Problem]) -> HistoryError:
    """Return the error that names every reason why a history cannot be relied on."""
    return HistoryError(
        f"the history cannot be relied on: {len(problems)} problem(s)",
        code=problems[0].code,
        where=where,
        problems=tuple(f"{problem.code}: {problem.text}" for problem in problems),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """Where an act is made ready.

    Attributes:
        place: What the reference names.
        policy: What counts.
        rule: The policy's rule for histories.
        signer: Who acts.
        reason: Why.
    """

    place: Reference
    policy: Policy
    rule: HistoryRule
    signer: Signer | Sealer
    reason: str

    @classmethod
    def open(
        cls,
        reference: str,
        signer: Signer | Sealer,
        reason: str,
        policy: Policy | str | os.PathLike[str] | None,
    ) -> Desk:
        """Check the arguments of an act.

        Raises:
            PolicyError: There is no usable policy, or it says nothing of a history.
            UsageError: The reference or the reason means nothing.
        """
        rules, history = ruled_policy(policy, so="nobody may change one")
        said = reason.strip()
        if not said or len(said) > MAX_REASON or not said.isprintable():
            raise UsageError(f"expected one line of at most {MAX_REASON} characters", where="reason")
        return cls(place=repository_of(reference), policy=rules, rule=history, signer=signer, reason=said)

    def stage(self, name: str) -> StageRule:
        """Return the rule of a stage.

        Raises:
            PolicyError: There is none.
        """
        found = self.rule.stage(name)
        if found is None:
            known = ", ".join(stage.name for stage in self.rule.stages) or "none"
            raise PolicyError(f"has no stage {name[:80]!r}; its stages are {known}", where=self.policy.source)
        return found

    def chain(self, store: Store) -> Chain:
        """Return the history so far.

        Raises:
            HistoryError: It was tampered with, so nothing is added to it.
        """
        evidence = collect_history(store)
        now = dt.datetime.now(dt.UTC)
        chain, problems = standing(evidence, self.policy, self.rule, moment="start", now=now)
        if not evidence.events and not self.rule.log:
            return chain  # the first event of all
        if serious := [problem for problem in problems if problem.code not in _FOR_READERS]:
            raise refusal(store.name, serious)
        return chain

    def journal(
        self, store: Store, chain: Chain, admit: Callable[[VerifiedSigner], object] | None = None
    ) -> Journal:
        """Return the journal to write to; `admit` sees who signs before anything is stored."""
        rule = replace(self.rule, log=chain.log) if chain.log else self.rule
        return Journal(store=store, policy=self.policy, rule=rule, signer=self.signer, admit=admit)

    def ask(
        self, stage: StageRule, verified: VerifiedBundle, chain: Chain, promoter: VerifiedSigner | None
    ) -> tuple[RuleResult, ...]:
        """Return what became of every gate.

        Raises:
            PolicyViolationError: One of them is closed; all that are, are named.
        """
        gates = tuple(judge_gates(stage, verified, chain, promoter))
        if problems := tuple(f"{gate.rule}: {gate.why}" for gate in gates if gate.refuses):
            error = PolicyViolationError(
                f"not promoted to {stage.name}: {len(problems)} gate(s) closed",
                code="gate",
                where=str(self.place),
                problems=problems,
            )
            error.verdict = tuple(gate.row for gate in gates)
            raise error
        return gates

    def subject(self, verified: VerifiedBundle, stored: Stored, stage: str) -> Subject:
        """Return what an event about a verified bundle is about."""
        counted = [item for item in verified.attestations if item.counts and item.signer is not None]
        evidence = tuple(
            EvidenceOf(
                type=item.type,
                digest=f"file:sha256:{item.sha256}",
                signer=item.signer.name if item.signer else "",
            )
            for item in counted
        )
        return Subject(
            bundle=verified.digest,
            name=verified.name,
            version=verified.version,
            stage=stage,
            manifests=(f"manifest:{stored.descriptor.digest}",),
            evidence=evidence,
            policy=f"policy:sha256:{self.policy.sha256}",
        )

    def event(self, chain: Chain, action: Action, subject: Subject) -> Event:
        """Return the event that comes after a history as it is.

        Raises:
            PolicyViolationError: The history is about another model.
        """
        named = next((record.event.name for record in chain.records if record.counts), subject.name)
        if subject.name != named:
            raise PolicyViolationError(
                f"the history is about {named!r}, and this bundle is called {subject.name!r}",
                code="gate",
                where=self.place.name,
                hint="keep each model in a repository of its own",
            )
        state = chain.stages.get(subject.stage)
        before = state.record.event.bundle if state is not None and state.record is not None else ""
        return Event(
            log=chain.log or secrets.token_hex(16),
            sequence=chain.sequence + 1,
            previous=chain.heads,
            action=action,
            stage=subject.stage,
            bundle=subject.bundle,
            name=subject.name,
            version=subject.version,
            replaces=before,
            manifests=subject.manifests,
            reason=self.reason,
            policy=subject.policy,
            evidence=subject.evidence,
            time=dt.datetime.now(dt.UTC).replace(microsecond=0),
        )

    def hints(self, chain: Chain) -> tuple[str, ...]:
        """Return what the policy should say from now on."""
        if self.rule.log or not chain.log:
            return ()
        return (f"the policy pins no history: add log: {chain.log} to its history",)

    def done(
        self, store: Store, stage: str, chain: Chain, record: Record | None, gates: tuple[RuleResult, ...]
    ) -> Act:
        """Move the stage's tag to what is in force, and say what was done."""
        chain, tag, warning = point_tag(self.journal(store, chain), chain, stage)
        state = chain.stages[stage]
        warnings = [*self.hints(chain), *((warning,) if warning else ())]
        if (
            record is not None
            and state.record is not None
            and state.record.event.bundle != record.event.bundle
        ):
            warnings.append(
                f"another act came after this one: {state.record.event.version} is in force in {stage}"
            )
        return Act(
            repository=store.name,
            record=record,
            chain=chain,
            in_force=state.record,
            gates=gates,
            tag=tag,
            warnings=tuple(warnings),
        )
