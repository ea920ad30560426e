"""JSON as bundles hold it: one canonical way to write it, one strict way to read it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from mlpack.errors import FormatError

__all__ = ["Fields", "canonical_json", "compact_json", "parse_json"]

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that may be half of a character: only then is a document looked through for lone halves."""

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
"""Integers beyond 64 bits have no meaning that other readers share."""


def canonical_json(document: object) -> bytes:
    """Return the one serialisation of `document`: sorted keys, one-space indent, ASCII, final LF.

    Raises:
        FormatError: A float is NaN or infinite, or a text holds half a character: JSON has no words for these
            that every reader understands.
    """
    return _dump(document, indent=1)


def compact_json(document: object) -> bytes:
    """Return `document` as `canonical_json` does but without white space, for bulky documents."""
    return _dump(document, indent=None)


def _dump(document: object, *, indent: int | None) -> bytes:
    separators = (",", ": ") if indent else (",", ":")
    try:
        text = json.dumps(document, sort_keys=True, indent=indent, separators=separators, allow_nan=False)
    except ValueError as error:
        raise FormatError(f"this document cannot be written as JSON: {error}") from error
    data = text.encode("ascii") + b"\n"
    if _SURROGATE.search(data):
        _whole_characters(document)
    return data


def _whole_characters(document: object) -> None:
    """Refuse lone surrogates: no other JSON library need read them, and no terminal can print them."""
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("a text holds half a character (a lone surrogate)") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise FormatError(f"key {key[:80]!r} appears twice in one object")
            seen.add(key)
    return found


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if not _SMALLEST <= value <= _LARGEST:
        raise FormatError(f"an integer beyond 64 bits: {digits[:30]}...")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise FormatError(f"a number beyond what a double holds: {digits[:30]}")
    return value


def _no_constant(word: str) -> NoReturn:
    raise FormatError(f"{word} is not JSON")


def parse_json(data: bytes, *, where: str) -> Any:  # noqa: ANN401  (JSON is any of six types)
    """Parse strict JSON: UTF-8 without BOM, no duplicate keys, no NaN, no runaway nesting.

    Texts hold whole characters, integers need at most 64 bits, other numbers are finite doubles.

    Args:
        data: The whole document.
        where: What the document is, for messages.

    Raises:
        FormatError: `data` breaks one of these rules.

    Source: RFC 8259 with the I-JSON restriction on duplicate names (RFC 7493, 2.3).
    """
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
        if _SURROGATE.search(data):
            _whole_characters(document)
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}", where=where) from error
    except RecursionError as error:
        raise FormatError("nested too deeply", where=where) from error
    except FormatError as error:
        raise FormatError(error.message, where=where) from error
    except ValueError as error:
        raise FormatError(f"not JSON: {error}", where=where) from error
    return document


class Fields:
    """A cursor over one JSON object: typed getters that name the place when the type is wrong.

    Every getter marks its key as known, so that `unknown` can tell what nobody asked for.
    """

    def __init__(self, value: object, where: str) -> None:
        """Take one JSON value, which must be an object.

        Raises:
            FormatError: It is something else.
        """
        if not isinstance(value, dict):
            raise FormatError(f"expected an object, found {_kind(value)}", where=where)
        self._value: Mapping[str, Any] = value
        self._known: set[str] = set()
        self.where = where

    def _get(self, key: str) -> object:
        self._known.add(key)
        if key not in self._value:
            raise FormatError("required, but missing", where=f"{self.where}.{key}")
        return self._value[key]

    def has(self, key: str) -> bool:
        """Return whether `key` is there and not null; marks it as known."""
        self._known.add(key)
        return self._value.get(key) is not None

    def holds(self, key: str) -> bool:
        """Return whether `key` is there, null or not; marks it as known. A getter then refuses null."""
        self._known.add(key)
        return key in self._value

    def any(self, key: str) -> Any:  # noqa: ANN401  (JSON is any of six types)
        """Return the raw value of `key`, which may be null."""
        return self._get(key)

    def text(self, key: str) -> str:
        """Return a string."""
        value = self._get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return a string that is one of `allowed`."""
        value = self.text(key)
        if value not in allowed:
            raise FormatError(
                f"expected one of {', '.join(allowed)}; found {value[:80]!r}", where=f"{self.where}.{key}"
            )
        return value

    def integer(self, key: str, *, minimum: int = 0) -> int:
        """Return an integer of at least `minimum`."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "an integer", value)
        if value < minimum:
            raise FormatError(f"expected at least {minimum}, found {value}", where=f"{self.where}.{key}")
        return value

    def number(self, key: str) -> float:
        """Return a finite number as float."""
        value = self._get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise self._wrong(key, "a number", value)
        return float(value)

    def flag(self, key: str) -> bool:
        """Return a boolean."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "a boolean", value)
        return value

    def items(self, key: str) -> list[Any]:
        """Return an array."""
        value = self._get(key)
        if not isinstance(value, list):
            raise self._wrong(key, "an array", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return an array of strings."""
        value = self.items(key)
        for item in value:
            if not isinstance(item, str):
                raise self._wrong(key, "an array of strings", item)
        return tuple(value)

    def mapping(self, key: str) -> dict[str, Any]:
        """Return an object."""
        value = self._get(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "an object", value)
        return value

    def fields(self, key: str) -> Fields:
        """Return a cursor over the object at `key`."""
        return Fields(self._get(key), f"{self.where}.{key}")

    def each(self, key: str) -> list[Fields]:
        """Return a cursor over every object of the array at `key`."""
        return [Fields(item, f"{self.where}.{key}[{index}]") for index, item in enumerate(self.items(key))]

    def unknown(self) -> list[str]:
        """Return the dotted paths of the keys that no getter asked for."""
        return [f"{self.where}.{key}" for key in sorted(self._value) if key not in self._known]

    def done(self) -> None:
        """Refuse keys that no getter asked for.

        Raises:
            FormatError: There are some; every one is named.
        """
        if unknown := self.unknown():
            raise FormatError("unknown field", where=", ".join(unknown))

    def _wrong(self, key: str, expected: str, found: object) -> FormatError:
        return FormatError(f"expected {expected}, found {_kind(found)}", where=f"{self.where}.{key}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")
