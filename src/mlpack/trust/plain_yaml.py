"""YAML as people write it, reduced to what cannot surprise: text, lists and mappings.

Every scalar stays the text that was written (`1.10` is not a number, `no` is not false). Anchors, aliases,
tags, duplicate keys and second documents are refused, so that the file means what it seems to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlpack.errors import FormatError

if TYPE_CHECKING:
    import yaml

__all__ = ["Plain", "parse_plain_yaml"]

Plain = str | list["Plain"] | dict[str, "Plain"]
"""What a document can be made of."""

_MAX_DEPTH = 20


def parse_plain_yaml(text: str, *, where: str) -> Plain:
    """Parse one document.

    Args:
        text: The whole document.
        where: What it is, for messages.

    Raises:
        FormatError: It is not YAML, or uses what is not allowed here.
    """
    import yaml

    # One event at a time: the parser's time grows with the square of the nesting, which ends at a limit here.
    stream = (event for event in yaml.parse(text, Loader=yaml.SafeLoader) if not _is_frame(event))
    try:
        first = next(stream, None)
        if first is None:
            raise FormatError("empty", where=where)
        value = _value(first, stream, where, 0)
        if next(stream, None) is not None:
            raise FormatError("more than one document", where=where)
    except yaml.YAMLError as error:
        raise FormatError(f"not YAML: {' '.join(str(error).split())[:300]}", where=where) from error
    return value


def _is_frame(event: yaml.Event) -> bool:
    import yaml

    return isinstance(
        event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentStartEvent | yaml.DocumentEndEvent
    )


def _place(event: yaml.Event, where: str) -> str:
    return f"{where} line {event.start_mark.line + 1}" if event.start_mark else where


def _value(event: yaml.Event, stream: Iterator[yaml.Event], where: str, depth: int) -> Plain:
    import yaml

    place = _place(event, where)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise FormatError("anchors and aliases are not allowed", where=place)
    if getattr(event, "tag", None) is not None:
        raise FormatError("tags are not allowed", where=place)
    if depth > _MAX_DEPTH:
        raise FormatError("nested too deeply", where=place)
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Plain] = []
        while not isinstance(event := next(stream), yaml.SequenceEndEvent):
            items.append(_value(event, stream, where, depth + 1))
        return items
    pairs: dict[str, Plain] = {}
    while not isinstance(event := next(stream), yaml.MappingEndEvent):
        place = _place(event, where)
        key = _value(event, stream, where, depth + 1)
        if not isinstance(key, str):
            raise FormatError("a key must be plain text", where=place)
        if key in pairs:
            raise FormatError(f"key {key[:80]!r} appears twice", where=place)
        pairs[key] = _value(next(stream), stream, where, depth + 1)
    return pairs
