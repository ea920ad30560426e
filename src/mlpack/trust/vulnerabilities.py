"""The gate against known vulnerabilities. What cannot be assessed is refused, never taken for clean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlpack.trust.assessing import assess
from mlpack.trust.predicate_types import PREDICATE_TYPES
from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed
from mlpack.trust.vex import VexDocument

if TYPE_CHECKING:
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.components import Component
    from mlpack.trust.rules import Vulnerabilities

__all__ = ["judge_vulnerabilities"]

_RULE = "vulnerabilities"


def judge_vulnerabilities(
    rule: Vulnerabilities,
    components: Sequence[Component],
    attestations: Sequence[Attestation],
    now: dt.datetime,
) -> RuleResult:
    """Judge all components against the database that the policy names."""
    found = assess(rule, components, _believed(rule, attestations), now)
    if found.unusable:
        source = f"; {found.source}" if found.database else ""
        return not_assessed(_RULE, found.unusable + source)
    open_ones = [
        f"{finding.id} in {item.component.label}" for item in found.of("affected") for finding in item.open
    ]
    if open_ones:
        return failed(_RULE, f"{', '.join(open_ones[:20])}; {found.source}")
    if unassessed := found.of("not assessed"):
        names = ", ".join(item.component.label for item in unassessed[:20])
        return not_assessed(_RULE, f"nobody can tell about {names}; {found.source}")
    waived = found.of("not assessed", waived=True)
    beside = f", {len(waived)} unassessed and accepted" if waived else ""
    cleared = [
        f"{finding.id} in {item.component.label} ({finding.cleared})"[:200]
        for item in found.answers
        for finding in item.findings
    ]
    beside += f", cleared: {', '.join(cleared[:20])}" if cleared else ""
    assessed = len(found.of("not affected"))
    return passed(_RULE, f"{assessed} components assessed{beside}; {found.source}")


def _believed(rule: Vulnerabilities, attestations: Sequence[Attestation]) -> list[VexDocument]:
    """Return the VEX documents of signers whom the rule names."""
    return [
        VexDocument(content=item.predicate, source=f"attested_by {item.signer.name}")
        for item in attestations
        if item.signer is not None
        and item.signer.name in rule.vex
        and item.type == PREDICATE_TYPES["cyclonedx"]
    ]
