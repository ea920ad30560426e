"""Patterns that take exponential time: found by looking at the pattern, before any text is searched.

Python's engine tries every way in which a pattern can match. Where two ways lead through the same characters
around a loop, as in `(a+)+`, each further character doubles them, and a text of forty characters never ends.

Source: Weber and Seidl, On the degree of ambiguity of finite automata (1991): exponential if and only if some
state has two different paths to itself over the same word, which the product of the automaton with itself
shows. Counted loops are taken for endless ones, so that a few harmless patterns are refused too.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["slow_pattern"]

MAX_PLACES = 120
"""Characters of a pattern that are looked at; more than that takes too long to judge."""

MAX_PAIRS = 200_000
_EXPANDED = 3
"""Repeats up to this are written out; longer ones count as endless."""

_SAMPLES = frozenset(map(chr, range(128))) | frozenset("éßİσς京²٣😀\u0301\u00a0\u2003\u2028")

_EXPONENTIAL = "each further character of a text could double the time"

_Tree = Iterable[tuple[Any, Any]]


def slow_pattern(pattern: str) -> str:
    """Return why a pattern may take exponential time, or nothing for one that does not.

    Args:
        pattern: One that `re.compile` takes.
    """
    parser = importlib.import_module("re._parser")  # its tree is the engine's own reading of a pattern
    try:
        tree = parser.parse(pattern)
        automaton = _Automaton(_alphabet(pattern), ignore_case=bool(tree.state.flags & re.IGNORECASE))
        automaton.sequence(tree)
    except _UnknownError as unknown:
        return str(unknown)
    except RecursionError:
        return "it is nested too deeply to be judged"
    return automaton.verdict()


def _alphabet(pattern: str) -> frozenset[str]:
    """Return characters that tell apart whatever this pattern tells apart."""
    own = {chr(ord(char) + step) for char in pattern for step in (-1, 0, 1) if 0 < ord(char) < sys.maxunicode}
    return _SAMPLES | own


class _UnknownError(Exception):
    """Something that cannot be judged."""


@dataclass(slots=True)
class _Part:
    """Part of a pattern: the places where it can begin and end, and whether it can be empty."""

    first: list[int]
    last: list[int]
    empty: bool


@dataclass(slots=True)
class _Automaton:
    """The places of a pattern where a character is read, and which can follow which, in how many ways."""

    alphabet: frozenset[str]
    ignore_case: bool
    reads: list[frozenset[str]] = field(default_factory=list)
    ways: dict[tuple[int, int], int] = field(default_factory=dict)
    depth: int = 0

    def sequence(self, items: _Tree) -> _Part:
        """Add items one after the other."""
        whole = _Part([], [], empty=True)
        for operation, argument in items:
            part = self._item(str(operation), argument)
            self._join(whole.last, part.first)
            whole = _Part(
                whole.first + part.first if whole.empty else whole.first,
                part.last + whole.last if part.empty else part.last,
                whole.empty and part.empty,
            )
        return whole

    def _join(self, before: Iterable[int], after: Iterable[int]) -> None:
        after = list(after)
        for left in before:
            for right in after:
                self.ways[left, right] = self.ways.get((left, right), 0) + 1

    def _item(  # noqa: PLR0911 (one return per kind of item)
        self,
        operation: str,
        argument: Any,  # noqa: ANN401 (as the parser has it)
    ) -> _Part:
        if operation in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return self._place(operation, argument)
        if operation == "AT":
            return _Part([], [], empty=True)
        if operation == "SUBPATTERN":
            return self.sequence(argument[-1])
        if operation == "ATOMIC_GROUP":
            return self.sequence(argument)
        if operation in ("ASSERT", "ASSERT_NOT"):
            self.sequence(argument[1])  # its own loops count; it reads nothing for the rest
            return _Part([], [], empty=True)
        if operation == "BRANCH":
            parts = [self.sequence(item) for item in argument[1]]
            if self.depth and sum(part.empty for part in parts) > 1:
                raise _UnknownError(f"it can match nothing in several ways: {_EXPONENTIAL}")
            return _Part(
                [place for part in parts for place in part.first],
                [place for part in parts for place in part.last],
                any(part.empty for part in parts),
            )
        if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(*argument)
        raise _UnknownError(f"it refers back to what it found before: {_EXPONENTIAL}")

    def _repeat(self, least: int, most: Any, body: _Tree) -> _Part:  # noqa: ANN401 (a number or endless)
        items = list(body)
        if int(most) <= _EXPANDED:
            copies = [self.sequence(items) for _ in range(int(most))]
            return self._copies(copies, least)
        self.depth += 1
        part = self.sequence(items)
        self.depth -= 1
        if part.empty and least > 1:
            raise _UnknownError(f"it counts repeats of something that may be empty: {_EXPONENTIAL}")
        self._join(part.last, part.first)
        return _Part(part.first, part.last, part.empty or least == 0)

    def _copies(self, copies: list[_Part], least: int) -> _Part:
        whole = _Part([], [], empty=True)
        for number, part in enumerate(copies):
            self._join(whole.last, part.first)
            skipped = part.empty or number >= least
            whole = _Part(
                whole.first + part.first if whole.empty else whole.first,
                part.last + whole.last if skipped else part.last,
                whole.empty and skipped,
            )
        return whole

    def _place(self, operation: str, argument: Any) -> _Part:  # noqa: ANN401
        if len(self.reads) >= MAX_PLACES:
            raise _UnknownError(f"it has more than {MAX_PLACES} characters to match, too many to be judged")
        read = {char for char in self.alphabet if _reads(operation, argument, char)}
        if self.ignore_case:
            read |= {other for char in read for other in (char.lower(), char.upper()) if len(other) == 1}
        self.reads.append(frozenset(read))
        place = len(self.reads) - 1
        return _Part([place], [place], empty=False)

    def verdict(self) -> str:
        """Return why it is exponential, or nothing."""
        after: dict[int, list[int]] = {}
        for left, right in self.ways:
            after.setdefault(left, []).append(right)
        loops = {place: group for group in _loops(after) for place in group}
        reason = f"it can match the same characters in many ways around a loop: {_EXPONENTIAL}"
        for (left, right), count in self.ways.items():
            if count > 1 and right in loops.get(left, ()):
                return reason
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
        size = 0
        for group in {id(group): group for group in loops.values()}.values():
            for one in group:
                for other in group:
                    found = [
                        (a, b)
                        for a in after.get(one, ())
                        for b in after.get(other, ())
                        if a in group and b in group and self.reads[a] & self.reads[b]
                    ]
                    size += len(found)
                    if size > MAX_PAIRS:
                        return "it has too many alternatives within a loop to be judged"
                    pairs[one, other] = found
        for group in _loops(pairs):
            if any(a == b for a, b in group) and any(a != b for a, b in group):
                return reason
        return ""


def _reads(operation: str, argument: Any, char: str) -> bool:  # noqa: ANN401
    if operation == "ANY":
        return True
    if operation == "LITERAL":
        return bool(ord(char) == argument)
    if operation == "NOT_LITERAL":
        return bool(ord(char) != argument)
    if operation == "RANGE":
        return bool(argument[0] <= ord(char) <= argument[1])
    if operation == "CATEGORY":
        return _CATEGORIES[str(argument)].match(char) is not None
    items = [(str(kind), value) for kind, value in argument]
    negated = bool(items) and items[0][0] == "NEGATE"
    return any(_reads(kind, value, char) for kind, value in items[negated:]) != negated


_CATEGORIES: Mapping[str, re.Pattern[str]] = {
    f"CATEGORY_{negation}{name}": re.compile(f"\\{letter.upper() if negation else letter}")
    for name, letter in (("DIGIT", "d"), ("SPACE", "s"), ("WORD", "w"))
    for negation in ("", "NOT_")
}


def _loops(after: Mapping[Any, list[Any]]) -> list[set[Any]]:  # noqa: C901 (one algorithm, as published)
    """Return the strongly connected components that hold a cycle (Tarjan, without recursion)."""
    index: dict[Any, int] = {}
    low: dict[Any, int] = {}
    stack: list[Any] = []
    held: set[Any] = set()
    found: list[set[Any]] = []
    for root in after:
        if root in index:
            continue
        work = [(root, iter(after.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        held.add(root)
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is not None:
                if following not in index:
                    index[following] = low[following] = len(index)
                    stack.append(following)
                    held.add(following)
                    work.append((following, iter(after.get(following, ()))))
                elif following in held:
                    low[node] = min(low[node], index[following])
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                group = set()
                while True:
                    member = stack.pop()
                    held.discard(member)
                    group.add(member)
                    if member == node:
                        break
                if len(group) > 1 or node in after.get(node, ()):
                    found.append(group)
    return found
