"""Judging the licences of a bundle's components against the lists of a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlpack.trust.verdict import RuleResult, failed, not_assessed, passed

if TYPE_CHECKING:
    from mlpack.trust.components import Component
    from mlpack.trust.rules import Licenses

__all__ = ["judge_licenses"]

_MAX_EXPRESSION = 2000
"""Longest licence expression that is evaluated, in characters."""

_MAX_NESTING = 50


def judge_licenses(rule: Licenses, components: Sequence[Component]) -> RuleResult:
    """Judge all components; files of a distribution are under its licence unless they state their own."""
    lists = _Lists(rule)
    if lists.unknown_names:
        return not_assessed("licenses", f"not SPDX identifiers: {', '.join(lists.unknown_names)[:300]}")
    refused, unknown, count = [], [], 0
    for component in components:
        if not component.library and not component.licenses:
            continue
        count += 1
        verdicts = [lists.accepts(text) for text in component.licenses] or [None]
        if False in verdicts:
            refused.append(f"{component.label} ({' AND '.join(component.licenses)[:120]})")
        elif None in verdicts:
            unknown.append(component.label)
    if refused:
        return failed("licenses", f"not accepted: {', '.join(refused[:20])} (claimed)")
    if unknown and rule.unknown == "refuse":
        return not_assessed("licenses", f"nobody can tell the licence of {', '.join(unknown[:20])}")
    beside = f", {len(unknown)} unknown and accepted" if unknown else ""
    return passed("licenses", f"{count - len(unknown)} components{beside} (claimed)")


class _Lists:
    """The two lists, and how an expression fares under them."""

    def __init__(self, rule: Licenses) -> None:
        from license_expression import get_spdx_licensing  # type: ignore[import-untyped]

        self._spdx = get_spdx_licensing()
        self.unknown_names: list[str] = []
        self._allow = {self._name(text) for text in rule.allow}
        self._deny = {self._name(text) for text in rule.deny}

    def _name(self, text: str) -> str:
        """Return the current SPDX spelling of one listed name: a typing error must not open a gate."""
        parsed = self._parse(text)
        if parsed is None or parsed.args or self._is_unknown(parsed):
            self.unknown_names.append(text[:60])
            return text
        return str(parsed)

    def _parse(self, text: str) -> Any:  # noqa: ANN401  (the library has no type hints)
        from license_expression import ExpressionError

        if not text or len(text) > _MAX_EXPRESSION or text.count("(") > _MAX_NESTING:
            return None
        try:
            return self._spdx.parse(text, strict=True)
        except (ExpressionError, ValueError, RecursionError):  # its parse error is no ExpressionError
            return None

    def _is_unknown(self, leaf: Any) -> bool:  # noqa: ANN401
        known = self._spdx.known_symbols
        parts = (leaf.license_symbol, leaf.exception_symbol) if hasattr(leaf, "exception_symbol") else (leaf,)
        return any(part.key not in known and not part.key.startswith("LicenseRef-") for part in parts)

    def accepts(self, text: str) -> bool | None:
        """Return whether a component under this expression may be used; None when nobody can tell."""
        parsed = self._parse(text)
        return None if parsed is None else self._evaluate(parsed)

    def _evaluate(self, node: Any) -> bool | None:  # noqa: ANN401
        if not node.args:
            return self._leaf(node)
        verdicts = [self._evaluate(child) for child in node.args]
        # With OR whoever uses the component chooses; with AND every part binds.
        decisive = bool(node.operator.strip().upper() == "OR")
        if decisive in verdicts:
            return decisive
        return None if None in verdicts else not decisive

    def _leaf(self, leaf: Any) -> bool | None:  # noqa: ANN401
        whole = str(leaf)
        # An exception only adds permissions, so the list may name the licence without it.
        base = str(leaf.license_symbol) if hasattr(leaf, "license_symbol") else whole
        if whole in self._deny:
            return False
        if whole in self._allow:
            return True
        if base in self._deny:
            return False
        if base in self._allow:
            return True
        if self._is_unknown(leaf):
            return None
        return not self._allow
