"""The verdict of one verification: every rule, whether it holds, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mlpack.show.facts import Facts, Section, Table
from mlpack.show.visible import visible

__all__ = ["RuleResult", "Status", "failed", "not_assessed", "passed", "verdict_facts", "verdict_section"]

Status = Literal["pass", "fail", "not assessed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleResult:
    """What became of one rule.

    Attributes:
        rule: Which rule, as the policy spells it.
        status: `pass`, `fail`, or `not assessed` when there was nothing to judge by.
        why: Reason, in one line. Evidence is said to be `claimed` by the packer, or `attested_by` somebody.
        refuses: Whether the bundle is refused for it. A rule that could not be assessed refuses too, unless
            it was not asked at this moment.
    """

    rule: str
    status: Status
    why: str
    refuses: bool

    @property
    def row(self) -> tuple[str, str, str]:
        """Rule, status and reason."""
        return self.rule, self.status, self.why


def passed(rule: str, why: str) -> RuleResult:
    """Return that a rule holds."""
    return RuleResult(rule=rule, status="pass", why=_line(why), refuses=False)


def failed(rule: str, why: str) -> RuleResult:
    """Return that a rule does not hold."""
    return RuleResult(rule=rule, status="fail", why=_line(why), refuses=True)


def not_assessed(rule: str, why: str, *, refuses: bool = True) -> RuleResult:
    """Return that nobody can tell whether a rule holds."""
    return RuleResult(rule=rule, status="not assessed", why=_line(why), refuses=refuses)


def _line(text: str) -> str:
    return visible(text.replace("\n  - ", "; ").replace("\n  hint: ", "; "))[:2000]


def verdict_section(rows: Iterable[tuple[str, str, str]]) -> Section:
    """Return the table of rules."""
    return Section(title="Rules", table=Table(columns=("rule", "verdict", "why"), rows=tuple(rows)))


def verdict_facts(title: str, rows: Iterable[tuple[str, str, str]], problems: Iterable[str]) -> Facts:
    """Return what there is to say of a refusal."""
    return Facts(title=title, sections=(verdict_section(rows),), warnings=tuple(problems))
