"""What a history consists of, once it has been read: events with their worth, stages, problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mlpack.trust.history.events import Event

if TYPE_CHECKING:
    from mlpack.trust.verified import VerifiedSigner

__all__ = ["Chain", "Problem", "ProblemCode", "Record", "StageState"]

ProblemCode = Literal[
    "history-truncated",
    "history-ambiguous",
    "history-malformed",
    "history-rolled-back",
    "history-checkpoint",
    "history-expired",
    "history-empty",
    "history-moved-tag",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a history cannot be relied on.

    Attributes:
        code: A stable word.
        text: What is wrong, in one line.
    """

    code: ProblemCode
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One event with what it is worth.

    Attributes:
        id: `event:sha256:<hex>`, the hash of its signature file.
        event: What it says.
        signer: Who made it; None when nobody whom the policy names did.
        problem: Why it does not count; empty when it does.
        copies: Every signature file over the same statement: to sign it again makes no other event.
    """

    id: str
    event: Event
    signer: VerifiedSigner | None
    problem: str = ""
    copies: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether somebody who may do this did."""
        return not self.problem


@dataclass(frozen=True, kw_only=True, slots=True)
class StageState:
    """What is in force in a stage.

    Attributes:
        stage: Its name.
        record: The event that put the bundle there; None when nothing is in force.
        tips: Newest events; more than one is a fork.
    """

    stage: str
    record: Record | None
    tips: tuple[str, ...]

    @property
    def forked(self) -> bool:
        """Whether two events contend, so that what both build on is in force."""
        return len(self.tips) > 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """A history as far as the policy believes it.

    Attributes:
        log: Which one; empty when there is none, or more than one.
        records: Events of this log, oldest first; those that do not count included.
        heads: Events that no other one follows.
        stages: Stage -> what is in force there.
        retired: Bundle -> the event that retired it.
        problems: Why it cannot be relied on; empty when it can.
        notes: What was passed over.
        ancestors: Event -> every event before it, itself included, as bits by the place in `records`.
    """

    log: str
    records: tuple[Record, ...]
    heads: tuple[str, ...]
    stages: Mapping[str, StageState]
    retired: Mapping[str, Record]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    ancestors: Mapping[str, int] = field(default_factory=dict, repr=False)

    def find(self, file: str) -> Record | None:
        """Return the event of a signature file, whichever copy it is."""
        return next((record for record in self.records if file in record.copies), None)

    @property
    def sequence(self) -> int:
        """Number of the newest event, 0 without any."""
        by_id = {record.id: record.event.sequence for record in self.records}
        return max((by_id[head] for head in self.heads), default=0)
