"""Judging which attestations are there. Only presence is asked for: whoever holds a bundle can strip them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlpack.trust.oms import PREDICATE_TYPE
from mlpack.trust.verdict import RuleResult, failed, passed

if TYPE_CHECKING:
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.rules import Require

__all__ = ["judge_requirements", "unevaluated"]


def judge_requirements(needs: Sequence[Require], attestations: Sequence[Attestation]) -> Iterator[RuleResult]:
    """Judge every required attestation."""
    for need in needs:
        rule = f"require {need.type}" + (f" by {' or '.join(need.signers)}" if need.signers else "")
        reasons = []
        for item in attestations:
            if not item.counts or item.signer is None or item.type != need.type:
                continue
            if reason := _mismatch(need, item):
                reasons.append(reason)
                continue
            yield passed(rule, f"attested_by {item.signer.name}, {item.path}")
            break
        else:
            yield failed(rule, "; ".join(reasons[:5]) or "no such attestation by a signer of this policy")


def _mismatch(need: Require, item: Attestation) -> str:
    """Return why an attestation of the right type does not fulfil a rule, or an empty text."""
    signer = item.signer.name if item.signer is not None else ""
    if need.signers and signer not in need.signers:
        return f"{item.path[:25]}...: by {signer}"
    for pointer, accepted in need.fields:
        found = _look_up(item.predicate, pointer)
        if found is None or found not in accepted:
            return f"{item.path[:25]}...: {pointer} is {found if found is None else found[:80]!r}"
    return ""


def _look_up(document: Any, pointer: str) -> str | None:  # noqa: ANN401  (JSON is any of six types)
    """Return the text, number or truth value that a JSON pointer names, as text, or None.

    Source: RFC 6901.
    """
    value = document
    for part in pointer[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and len(key) < 10:
            if (key != "0" and key.startswith("0")) or int(key) >= len(value):
                return None
            value = value[int(key)]
        else:
            return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def unevaluated(needs: Sequence[Require], attestations: Sequence[Attestation]) -> list[tuple[str, str]]:
    """Return (path, what there is to say) of the attestations that no rule asks for, and of broken ones."""
    asked = {need.type for need in needs} | {PREDICATE_TYPE}
    said = []
    for item in attestations:
        if item.problem:
            said.append((item.path, f"does not count: {item.problem}"))
        elif item.signer is not None and item.type not in asked:
            said.append((item.path, f"{item.type} by {item.signer.name}: present, not evaluated"))
    return said
