"""The operations that host steps may name, and how the parameters of each are read and bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.format.patterns import slow_pattern

__all__ = [
    "CHAINABLE",
    "FUNCTIONS",
    "MAX_NGRAM",
    "MAX_PATTERN",
    "MAX_WIDTH",
    "NUMBER_KINDS",
    "OPERATIONS",
    "PARTS",
    "Form",
    "Operation",
]

Form = Literal["text", "number", "date", "span", "sparse"]
"""One text, number or boolean, instant, or length of time per row; or a sparse matrix, a row per row."""

MAX_PATTERN = 1000
"""Characters of a regular expression."""

MAX_NGRAM = 100
"""Longest n-gram, in words or characters."""

MAX_WIDTH = 2**31 - 1
"""Most columns of a sparse matrix."""

CHAINABLE = {
    "lower": 0,
    "upper": 0,
    "casefold": 0,
    "swapcase": 0,
    "title": 0,
    "capitalize": 0,
    "strip": 1,
    "lstrip": 1,
    "rstrip": 1,
    "replace": 2,
    "removeprefix": 1,
    "removesuffix": 1,
}
"""Method of a Python string -> number of string arguments that it may have; those of strips may be absent."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operation reads and gives.

    Attributes:
        takes: Forms of what it reads, one entry per way of reading.
        gives: Form of its result; None for the form that it reads.
        read: Reads its parameters.
    """

    takes: tuple[tuple[Form, ...], ...]
    gives: Form | None
    read: Callable[[Fields], Mapping[str, Any]]

    def result(self, found: tuple[Form, ...], parameters: Mapping[str, Any]) -> Form | None:
        """Return the form of the result, or None when it cannot read such values."""
        if found not in self.takes:
            return None
        if "kind" in parameters and self.gives == "number":
            return "text" if parameters["kind"] == "string" else "number"
        return self.gives or found[-1]


def _analysis(fields: Fields) -> dict[str, Any]:
    """Read how a document becomes terms."""
    kind = fields.choice("analyzer", ("word", "char", "char_wb"))
    found: dict[str, Any] = {
        "analyzer": kind,
        "prepare": _chain(fields, "prepare"),
        "accents": fields.choice("accents", ("keep", "unicode", "ascii")),
        "ngrams": _ngrams(fields),
    }
    if kind == "word":
        found["stop_words"] = fields.texts("stop_words")
        if fields.holds("pattern"):
            found["pattern"] = _pattern(fields)
        else:
            found["separator"] = fields.any("separator")
            if found["separator"] is not None and not fields.text("separator"):
                raise FormatError("must not be empty", where=f"{fields.where}.separator")
    return found


def _chain(fields: Fields, key: str) -> list[list[str]]:
    """Read methods of strings that follow one another."""
    chain: list[list[str]] = []
    for index, link in enumerate(fields.items(key)):
        where = f"{fields.where}.{key}[{index}]"
        if not isinstance(link, list) or not link or not all(isinstance(item, str) for item in link):
            raise FormatError("expected a method and its arguments", where=where)
        name, arguments = link[0], len(link) - 1
        if name not in CHAINABLE:
            raise FormatError(f"unknown method {name[:40]!r}", where=where)
        optional = name.endswith("strip") and arguments == 0
        if arguments != CHAINABLE[name] and not optional:
            raise FormatError(f"{name} takes {CHAINABLE[name]} argument(s)", where=where)
        chain.append(list(link))
    return chain


def _ngrams(fields: Fields) -> list[int]:
    sizes = fields.items("ngrams")
    if len(sizes) != 2 or any(type(size) is not int for size in sizes):
        raise FormatError("expected [shortest, longest]", where=f"{fields.where}.ngrams")
    if not 1 <= sizes[0] <= sizes[1] <= MAX_NGRAM:
        raise FormatError(f"expected 1 to {MAX_NGRAM}, ascending", where=f"{fields.where}.ngrams")
    return sizes


def _pattern(fields: Fields) -> str:
    text, where = fields.text("pattern"), f"{fields.where}.pattern"
    if len(text) > MAX_PATTERN:
        raise FormatError(f"expected at most {MAX_PATTERN} characters, found {len(text)}", where=where)
    try:
        groups = re.compile(text).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise FormatError(f"not a regular expression: {str(error)[:100]}", where=where) from error
    if reason := slow_pattern(text):
        raise FormatError(f"a pattern that may never end: {reason}", where=where)
    if groups > 1:
        raise FormatError(f"expected at most one group, found {groups}", where=where)
    return text


def _counting(fields: Fields) -> dict[str, Any]:
    found = _analysis(fields)
    vocabulary = fields.texts("vocabulary")
    if not vocabulary or len(set(vocabulary)) != len(vocabulary):
        raise FormatError("expected at least one term and none twice", where=f"{fields.where}.vocabulary")
    return {**found, "vocabulary": vocabulary, "binary": fields.flag("binary"), "kind": _kind(fields)}


def _hashing(fields: Fields) -> dict[str, Any]:
    found = _analysis(fields)
    width = fields.integer("width", minimum=1)
    if width > MAX_WIDTH:
        raise FormatError(f"expected at most {MAX_WIDTH}", where=f"{fields.where}.width")
    return {
        **found,
        "width": width,
        "signed": fields.flag("signed"),
        "binary": fields.flag("binary"),
        "kind": _kind(fields),
    }


def _kind(fields: Fields) -> str:
    return fields.choice("kind", ("float64", "float32", "int64"))


def _weighing(fields: Fields) -> dict[str, Any]:
    return {
        "sublinear": fields.flag("sublinear"),
        "weights": _numbers(fields, "weights") if fields.holds("weights") else None,
        "kind": fields.choice("kind", ("float64", "float32")),
    }


def _scaling(fields: Fields) -> dict[str, Any]:
    return {"factors": _numbers(fields, "factors")}


def _numbers(fields: Fields, key: str) -> list[float]:
    values = fields.items(key)
    if not values or any(type(value) not in (int, float) for value in values):
        raise FormatError("expected an array of numbers", where=f"{fields.where}.{key}")
    return [float(value) for value in values]


def _picking(fields: Fields) -> dict[str, Any]:
    columns = fields.items("columns")
    if not columns or any(type(column) is not int or column < 0 for column in columns):
        raise FormatError("expected an array of columns", where=f"{fields.where}.columns")
    if columns != sorted(set(columns)) or columns[-1] >= MAX_WIDTH:
        raise FormatError("expected ascending columns, none twice", where=f"{fields.where}.columns")
    return {"columns": columns}


def _normalising(fields: Fields) -> dict[str, Any]:
    return {"norm": fields.choice("norm", ("l1", "l2", "max"))}


def _filling(fields: Fields) -> dict[str, Any]:
    return {"with": fields.text("with")}


def _chaining(fields: Fields) -> dict[str, Any]:
    return {"methods": _chain(fields, "methods")}


FUNCTIONS = {
    **dict.fromkeys(("add", "subtract", "multiply", "true_divide", "power", "maximum", "minimum"), 2),
    **dict.fromkeys(("floor_divide", "remainder", "arctan2", "hypot"), 2),
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"), 2),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), 2),
    **dict.fromkeys(("logical_not", "negative", "absolute", "sign", "floor", "ceil", "trunc", "rint"), 1),
    **dict.fromkeys(("log", "log1p", "log2", "log10", "exp", "expm1", "sqrt", "square", "cbrt"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"), 1),
    **dict.fromkeys(("isnan", "isinf", "isfinite", "deg2rad", "rad2deg", "reciprocal"), 1),
}
"""NumPy function -> number of arguments."""

PARTS = (
    "year", "month", "day", "hour", "minute", "second", "microsecond", "nanosecond", "weekday", "day-of-year",
    "week", "quarter", "days-in-month", "is-leap-year", "is-month-start", "is-month-end", "is-quarter-start",
    "is-quarter-end", "is-year-start", "is-year-end",
)  # fmt: skip

NUMBER_KINDS = (
    "float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
    "bool", "string",
)  # fmt: skip


def _zone(fields: Fields) -> dict[str, Any]:
    """Read the table of a zone: when which offset begins to hold."""
    at, offsets = _wholes(fields, "at"), _wholes(fields, "offsets")
    if len(at) != len(offsets) + 1 or at != sorted(set(at)):
        raise FormatError("expected ascending times, one more than offsets", where=f"{fields.where}.at")
    if any(abs(offset) > 2 * 86_400 for offset in offsets):
        raise FormatError("expected less than two days", where=f"{fields.where}.offsets")
    return {"at": at, "offsets": offsets}


def _wholes(fields: Fields, key: str) -> list[int]:
    values = fields.items(key)
    if not values or any(type(value) is not int for value in values):
        raise FormatError("expected an array of integers", where=f"{fields.where}.{key}")
    return values


def _calculation(fields: Fields) -> dict[str, Any]:
    found: dict[str, Any] = {"function": fields.choice("function", tuple(FUNCTIONS))}
    for side in ("left", "right"):
        if fields.holds(side):
            value = fields.any(side)
            if type(value) not in (int, float, bool):
                raise FormatError("expected a number", where=f"{fields.where}.{side}")
            found[side] = value
    if len(found) > 2:
        raise FormatError("expected a constant on one side only", where=fields.where)
    return found


def _choice(fields: Fields) -> dict[str, Any]:
    values = fields.items("values")
    if len(values) != 2 or any(type(value) not in (int, float, bool, type(None)) for value in values):
        raise FormatError("expected two numbers, or null for a column", where=f"{fields.where}.values")
    return {"values": values}


def _among(fields: Fields) -> dict[str, Any]:
    among = fields.items("among")
    if any(type(value) not in (int, float, bool, str) for value in among):
        raise FormatError("expected texts and numbers", where=f"{fields.where}.among")
    return {"among": among}


def _joining(fields: Fields) -> dict[str, Any]:
    parts = fields.items("parts")
    if any(part is not None and not isinstance(part, str) for part in parts):
        raise FormatError("expected texts, or null for a column", where=f"{fields.where}.parts")
    return {"parts": parts}


def _table(fields: Fields) -> dict[str, Any]:
    keys, values = fields.items("keys"), fields.items("values")
    if len(keys) != len(values) or any(type(key) not in (int, float, bool, str) for key in keys):
        raise FormatError("expected texts and numbers, one per value", where=f"{fields.where}.keys")
    text = bool(values) and all(isinstance(value, str) for value in values)
    if not text and any(type(value) not in (int, float, bool) for value in values):
        raise FormatError("expected texts only, or numbers only", where=f"{fields.where}.values")
    return {"keys": keys, "values": values, "kind": "string" if text else "float64"}


def _search(fields: Fields) -> dict[str, Any]:
    return {"pattern": _pattern(fields), "whole": fields.choice("whole", ("anywhere", "start", "all"))}


def _filling_number(fields: Fields) -> dict[str, Any]:
    value = fields.any("with")
    if type(value) not in (int, float, bool):
        raise FormatError("expected a number", where=f"{fields.where}.with")
    return {"with": value}


def _part(fields: Fields) -> dict[str, Any]:
    return {"part": fields.choice("part", PARTS)}


def _span_part(fields: Fields) -> dict[str, Any]:
    return {"part": fields.choice("part", ("days", "seconds", "total-seconds", "split-seconds"))}


def _moment(fields: Fields) -> dict[str, Any]:
    """Read an instant, as an integer of a unit since 1970, that stands on one side of a difference."""
    return {
        "side": fields.choice("side", ("left", "right")),
        "moment": fields.integer("moment", minimum=-(2**63) + 1),
        "unit": fields.choice("unit", ("s", "ms", "us", "ns")),
    }


def _nothing(fields: Fields) -> dict[str, Any]:  # noqa: ARG001 (every reader gets them)
    return {}


_TEXT: tuple[tuple[Form, ...], ...] = (("text",),)
_NUMBER: tuple[tuple[Form, ...], ...] = (("number",),)
_DATE: tuple[tuple[Form, ...], ...] = (("date",),)
_SPARSE: tuple[tuple[Form, ...], ...] = (("sparse",),)
_ONE_TEXT: tuple[Form, ...] = ("text",)
_UP_TO_TEN = tuple(_ONE_TEXT * count for count in range(1, 11))
OPERATIONS: Mapping[str, Operation] = {
    "count-terms": Operation(_TEXT, "sparse", _counting),
    "hash-terms": Operation(_TEXT, "sparse", _hashing),
    "weigh-terms": Operation(_SPARSE, "sparse", _weighing),
    "scale-columns": Operation(_SPARSE, "sparse", _scaling),
    "pick-columns": Operation(_SPARSE, "sparse", _picking),
    "normalise-rows": Operation(_SPARSE, "sparse", _normalising),
    "fill-text": Operation(_TEXT, "text", _filling),
    "change-text": Operation(_TEXT, "text", _chaining),
    "join-texts": Operation(_UP_TO_TEN, "text", _joining),
    "search-text": Operation(_TEXT, "number", _search),
    "text-length": Operation(_TEXT, "number", _nothing),
    "local-time": Operation(_DATE, "date", _zone),
    "date-part": Operation(_DATE, "number", _part),
    "date-difference": Operation((("date", "date"),), "span", _nothing),
    "date-distance": Operation(_DATE, "span", _moment),
    "span-part": Operation((("span",),), "number", _span_part),
    "calculate": Operation((("number",), ("number", "number")), "number", _calculation),
    "choose": Operation(
        (("number",), ("number", "number"), ("number", "number", "number")), "number", _choice
    ),
    "one-of": Operation((("number",), ("text",)), "number", _among),
    "look-up": Operation((("number",), ("text",)), "number", _table),
    "fill-number": Operation(_NUMBER, "number", _filling_number),
    "is-missing": Operation((("number",), ("text",), ("date",)), "number", _nothing),
    "retype": Operation(_NUMBER, "number", lambda fields: {"kind": fields.choice("kind", NUMBER_KINDS)}),
}
"""Name -> rule. A new one is a new entry of `format.requires`, unless no released reader knows host steps."""
