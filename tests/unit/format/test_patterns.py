"""Patterns that take exponential time are told apart from the ones that people write."""

from __future__ import annotations

import re
import time

import pytest

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.format.host_operations import _pattern
from mlpack.format.patterns import slow_pattern

FINE = (
    r"(?u)\b\w\w+\b",
    r"\w+(?:-\w+)*",
    r"(?:\w+-)*\w+",
    r"[a-z]+(?:'[a-z]+)?",
    r"\d{4}-\d{2}-\d{2}",
    r"(?i)[a-z]+|\d+",
    r"\b[^\d\W]+\b",
    r"https?://\S+|#\w+|\w+",
    r"[\w.+-]+@[\w-]+\.[\w.-]+",
    r"(?<![a-z])[a-z]+(?![a-z])",
    r"\w+(?:[.,]\d+)*",
    r"\$?\d+(?:,\d{3})*(?:\.\d+)?",
    r"(?:\w|\d)+!",
    r"(a{2}){2}",
    "",
)
SLOW = (
    r"(a+)+b",
    r"(a|a)*b",
    r"(\w+\s*)*$",
    r"(a|aa)+$",
    r"(.*)*x",
    r"([a-z]+)*\d",
    r"(a?){50}a{50}",
    r"(.*a){20}",
    r"(\w)\1+",
    r"(a*)*",
    r"((a{1,9}){1,9})b",
    r"(?=(a+)+b)",
)


@pytest.mark.parametrize("pattern", FINE)
def test_what_people_write_is_fine(pattern: str) -> None:
    assert not slow_pattern(pattern)


@pytest.mark.parametrize("pattern", FINE)
def test_what_is_fine_is_fast(pattern: str) -> None:
    texts = ["a" * 400, "1" * 400, "a-" * 200, "1,111" * 80, "a.b@" * 100, " " * 400]
    before = time.process_time()
    for text in texts:
        re.findall(pattern, text + "!?")
    assert time.process_time() - before < 2


@pytest.mark.parametrize("pattern", SLOW)
def test_what_never_ends_is_found(pattern: str) -> None:
    assert "double the time" in slow_pattern(pattern)


def test_what_cannot_be_judged_is_said_so() -> None:
    assert "too many to be judged" in slow_pattern("a?" * 121)


def test_a_bundle_with_such_a_pattern_is_refused() -> None:
    with pytest.raises(FormatError, match="may never end"):
        _pattern(Fields({"pattern": r"(a+)+b"}, "host.json"))
