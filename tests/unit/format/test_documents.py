"""JSON as bundles hold it."""

from __future__ import annotations

import time

import pytest

from mlpack.errors import FormatError
from mlpack.format.documents import Fields, canonical_json, compact_json, parse_json


def test_canonical_json_is_sorted_indented_ascii_with_a_final_line_feed() -> None:
    assert (
        canonical_json({"b": [1, 2.5], "a": "\u00e9"})
        == b'{\n "a": "\\u00e9",\n "b": [\n  1,\n  2.5\n ]\n}\n'
    )


def test_compact_json_has_no_white_space() -> None:
    assert compact_json({"b": [1], "a": None}) == b'{"a":null,"b":[1]}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_without_a_json_word_are_not_written(value: float) -> None:
    with pytest.raises(FormatError, match="cannot be written"):
        canonical_json([value])


@pytest.mark.parametrize("value", [5e-324, 0.1, 1.7976931348623157e308, -0.0])
def test_doubles_survive_exactly(value: float) -> None:
    assert str(parse_json(canonical_json([value]), where="x")[0]) == str(value)


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(FormatError, match="surrogate"):
        canonical_json({"x": "\ud800"})


def test_a_character_beyond_the_basic_plane_survives() -> None:
    assert parse_json(canonical_json(["\U0001f600"]), where="x") == ["\U0001f600"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"// x\n{}", "not JSON"),
        (b"[01]", "not JSON"),
        (b"[+1]", "not JSON"),
        (b'"\x01"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a": 1, "a": 1}', "'a' appears twice"),
        (b'[{"a": 1, "\\u0061": 1}]', "'a' appears twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e400]", "beyond what a double holds"),
        (b"[-1e999]", "beyond what a double holds"),
        (b"[18446744073709551616]", "64 bits"),
        (b"[-9223372036854775809]", "64 bits"),
        (b"[" + b"9" * 5000 + b"]", "64 bits"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes, word: str) -> None:
    with pytest.raises(FormatError, match=word) as caught:
        parse_json(data, where="some.json")
    assert caught.value.where == "some.json"


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63)])
def test_integers_of_64_bits_are_read(number: int) -> None:
    assert parse_json(str(number).encode(), where="x") == number


def test_a_backslash_before_ud800_is_no_surrogate() -> None:
    assert parse_json(rb'"\\ud800"', where="x") == r"\ud800"


def test_a_duplicate_among_many_keys_is_found_at_once() -> None:
    keys = ",".join(f'"{number}":0' for number in range(200_000))
    begun = time.process_time()
    with pytest.raises(FormatError, match="twice"):
        parse_json(f'{{{keys},"199999":0}}'.encode(), where="x")
    assert time.process_time() - begun < 5


def test_a_cursor_wants_an_object() -> None:
    with pytest.raises(FormatError, match=r"x: expected an object, found an array"):
        Fields([], "x")


@pytest.mark.parametrize(
    ("getter", "value", "word"),
    [
        ("text", 1, "expected a string, found a number"),
        ("text", None, "expected a string, found null"),
        ("integer", True, "expected an integer, found a boolean"),
        ("integer", 1.0, "expected an integer, found a number"),
        ("integer", -1, "expected at least 0"),
        ("number", "1", "expected a number, found a string"),
        ("number", False, "expected a number, found a boolean"),
        ("flag", 0, "expected a boolean, found a number"),
        ("items", {}, "expected an array, found an object"),
        ("texts", ["a", 1], "expected an array of strings"),
        ("mapping", [], "expected an object, found an array"),
        ("fields", "x", "expected an object, found a string"),
    ],
)
def test_a_getter_names_the_place_and_both_types(getter: str, value: object, word: str) -> None:
    with pytest.raises(FormatError, match=word) as caught:
        getattr(Fields({"key": value}, "doc"), getter)("key")
    assert caught.value.where == "doc.key"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(FormatError, match=r"doc\.key: required, but missing"):
        Fields({}, "doc").text("key")


def test_keys_that_nobody_asked_for_are_refused_together() -> None:
    fields = Fields({"a": 1, "c": 1, "b": 1}, "doc")
    fields.integer("a")
    with pytest.raises(FormatError, match=r"doc\.b, doc\.c: unknown field"):
        fields.done()


def test_null_counts_as_held_but_not_as_had() -> None:
    fields = Fields({"a": None}, "doc")
    assert (fields.holds("a"), fields.has("a"), fields.holds("b")) == (True, False, False)


def test_a_place_inside_an_array_has_its_index() -> None:
    items = Fields({"list": [{}, {"x": 1}]}, "doc").each("list")
    with pytest.raises(FormatError, match=r"doc\.list\[0\]\.x"):
        items[0].integer("x")
