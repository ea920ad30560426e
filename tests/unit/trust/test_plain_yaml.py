from __future__ import annotations

import pytest

from mlpack.errors import FormatError
from mlpack.trust.plain_yaml import parse_plain_yaml


def test_every_scalar_stays_the_text_that_was_written() -> None:
    text = "a: 1.10\nb: no\nc: 2027-01-31\nd: '7'\ne: ~\nf: [1, x]\n"
    assert parse_plain_yaml(text, where="t") == {
        "a": "1.10", "b": "no", "c": "2027-01-31", "d": "7", "e": "~", "f": ["1", "x"],
    }  # fmt: skip


def test_block_text_keeps_its_lines() -> None:
    assert parse_plain_yaml("key: |\n  one\n  two\n", where="t") == {"key": "one\ntwo\n"}


def test_json_is_accepted() -> None:
    assert parse_plain_yaml('{"a": ["b", {"c": "d"}]}', where="t") == {"a": ["b", {"c": "d"}]}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("a: 1\na: 2\n", "twice"),
        ("{a: 1, 'a': 2}", "twice"),
        ("a: &x 1\n", "anchors"),
        ("a: *x\n", "anchors"),
        ("base: &x {k: v}\nuse:\n  <<: *x\n", "anchors"),
        ("a: !!python/object/apply:os.system [echo]\n", "tags"),
        ("a: !!str 1\n", "tags"),
        ("a: !mine 1\n", "tags"),
        ("!!map {a: 1}\n", "tags"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("? [a, b]\n: 1\n", "plain text"),
        ("? {a: b}\n: 1\n", "plain text"),
        ("a: [1\n", "not YAML"),
        ("a: \x07\n", "not YAML"),
        ("a:\tb: c\n", "not YAML"),
        ("[" * 50 + "]" * 50, "nested too deeply"),
    ],
)
def test_everything_that_can_surprise_is_refused(text: str, word: str) -> None:
    with pytest.raises(FormatError, match=word):
        parse_plain_yaml(text, where="t")


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(FormatError, match="t line 3"):
        parse_plain_yaml("a: 1\nb: 2\na: 3\n", where="t")


def test_a_deep_document_does_not_exhaust_the_stack() -> None:
    with pytest.raises(FormatError, match="nested too deeply"):
        parse_plain_yaml("[" * 5_000 + "]" * 5_000, where="t")
