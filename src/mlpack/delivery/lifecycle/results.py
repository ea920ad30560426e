"""What promoting, rolling back and retiring return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.trust.history.records import Chain, Record

if TYPE_CHECKING:
    from mlpack.show.facts import Facts
    from mlpack.trust.verdict import RuleResult

__all__ = ["Act"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What was done.

    Attributes:
        repository: Where.
        record: The event; None when nothing had to be done.
        chain: The history after it.
        in_force: The event whose bundle is in force in the stage now; None for a retirement.
        gates: What was asked before, and what became of it.
        tag: What became of the stage's tag, in words; empty for a retirement.
        warnings: What a person should not miss.
    """

    repository: str
    record: Record | None
    chain: Chain
    in_force: Record | None = None
    gates: tuple[RuleResult, ...] = ()
    tag: str = ""
    warnings: tuple[str, ...] = ()

    def facts(self) -> Facts:
        """Return what was done."""
        from mlpack.delivery.lifecycle.views import act_facts

        return act_facts(self)
