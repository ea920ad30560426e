"""JSON as registries serve it: strict where two readers could differ, open to fields that are not ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from mlpack.errors import RegistryError

__all__ = ["json_bytes", "parse_object", "texts"]


def json_bytes(document: object) -> bytes:
    """Return the one serialisation that we write: sorted keys, no white space, ASCII, no final LF."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def parse_object(data: bytes, *, where: str) -> dict[str, Any]:
    """Parse a JSON object: UTF-8, no duplicate keys, no NaN, no runaway nesting.

    Raises:
        RegistryError: `data` is something else.
    """
    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        looks = " (it looks like a web page)" if data.lstrip()[:1] == b"<" else ""
        raise _broken(f"not strict JSON{looks}", where) from error
    if not isinstance(document, dict):
        raise _broken("expected a JSON object", where)
    return document


def texts(value: object, *, where: str) -> dict[str, str]:
    """Return an object whose values are all strings, such as annotations; nothing counts as empty.

    Raises:
        RegistryError: It is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise _broken("expected an object with texts", where)
    return dict(value)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word[:20]} is not JSON")


def _broken(message: str, where: str) -> RegistryError:
    return RegistryError(message, where=where, code="registry-document")
