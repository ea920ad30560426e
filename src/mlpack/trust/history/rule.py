"""What a policy says about histories: who may do what, and what a bundle must be there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from mlpack.errors import PolicyError
from mlpack.trust.history.events import STAGE
from mlpack.trust.rules import Require, Threshold, When

__all__ = ["CheckpointRule", "HistoryRule", "StageRule"]

_LOG: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRule:
    """One stage: who may change what is in force there, and what must be there before.

    Attributes:
        name: The stage, which is also a tag.
        promote: Names of signers or attesters who may put a bundle there.
        rollback: Names of those who may put back one that was there before.
        after: Stage in which the bundle must have been in force before; empty for none.
        require: Attestations that a bundle must carry to be promoted, besides those of the policy itself.
        approvals: So many different people must have approved of this bundle for this stage; whoever
            promotes it does not count.
    """

    name: str
    promote: tuple[str, ...]
    rollback: tuple[str, ...] = ()
    after: str = ""
    require: tuple[Require, ...] = ()
    approvals: Threshold | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is none.

        Raises:
            PolicyError: It is not lower-case letters, digits, `-` and `_`.
        """
        for name in (self.name, *((self.after,) if self.after else ())):
            if not STAGE.fullmatch(name) or len(name) > 64 or name == "latest":
                raise PolicyError(
                    f"expected a stage such as production, found {name[:80]!r}", where="history.stages"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointRule:
    """Somebody must have said lately how far the history has come.

    Attributes:
        by: Names of signers or attesters whose checkpoints count.
        when: Moments at which its end is asked; it must be there at all of them.
    """

    by: tuple[str, ...]
    when: When = "admission"

    def __post_init__(self) -> None:
        """Refuse a rule that nobody can fulfil.

        Raises:
            PolicyError: It names nobody, or an unknown moment.
        """
        if not self.by:
            raise PolicyError("names nobody", where="history.checkpoint.by")
        if self.when not in get_args(When):
            raise PolicyError("expected one of admission, start, both", where="history.checkpoint.when")


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRule:
    """What a verifier believes of a history.

    Attributes:
        stages: Who may do what in which stage; what is not listed may not be done by anybody.
        retire: Names of signers or attesters who may retire a bundle.
        log: The history, 32 hex digits as `mlpack history` prints it. Without it a bundle is refused: any
            history of the same signers could be put in its place.
        in_force: Stage in which the bundle must be in force; empty to ask only that it is not retired.
        minimum_sequence: The history must have come so far.
        checkpoint: Whether somebody must have said how far it has come.
        source: File or `oci:DIR` in which the history is, for who does not say otherwise; None for the
            layout in which the bundle itself is.
    """

    stages: tuple[StageRule, ...] = ()
    retire: tuple[str, ...] = ()
    log: str = ""
    in_force: str = ""
    minimum_sequence: int = 0
    checkpoint: CheckpointRule | None = None
    source: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what could never hold.

        Raises:
            PolicyError: A log is none, or a stage is unknown or there twice.
        """
        names = [stage.name for stage in self.stages]
        if not names and not self.retire:
            raise PolicyError("says neither who may promote nor who may retire", where="history")
        if len(set(names)) != len(names):
            raise PolicyError("a stage is listed twice", where="history.stages")
        if self.log and not _LOG.fullmatch(self.log):
            raise PolicyError("expected 32 hex digits, as mlpack history prints them", where="history.log")
        for where, stage in (
            ("in_force", self.in_force),
            *((f"stages.{s.name}.after", s.after) for s in self.stages),
        ):
            if stage and stage not in names:
                raise PolicyError(f"{stage[:80]!r} is no stage of this policy", where=f"history.{where}")

    def stage(self, name: str) -> StageRule | None:
        """Return the rule of a stage, or None."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def names(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return every list of signers' names in it, each with its place."""
        lists = [("history.retire", self.retire)]
        if self.checkpoint is not None:
            lists.append(("history.checkpoint.by", self.checkpoint.by))
        for stage in self.stages:
            where = f"history.stages.{stage.name}"
            lists += [(f"{where}.promote", stage.promote), (f"{where}.rollback", stage.rollback)]
            lists += [(f"{where}.approvals.of", stage.approvals.of if stage.approvals else ())]
            lists += [(f"{where}.require.signer", need.signers) for need in stage.require]
        return tuple(lists)
