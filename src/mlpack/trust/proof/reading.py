"""Reading what strangers wrote: JSON and base64 in one spelling each, of bounded size."""

from __future__ import annotations

import base64
import binascii

from mlpack.errors import FormatError
from mlpack.format.documents import Fields, parse_json

__all__ = ["MAX_MEMORY", "MAX_SIGNATURE", "MAX_SMALL", "MAX_VALUES", "decode", "read_base64", "strict_json"]

MAX_SIGNATURE = 96 * 1024 * 1024
"""Largest signature file that is read, in bytes: about 100,000 files with long names."""

MAX_VALUES = 2_000_000
"""Most values in one JSON document: four for each of half a million files."""

MAX_MEMORY = 1024 * 1024 * 1024
"""Most memory that a signature takes to verify, however hostile it is, in bytes.

The two limits above bound it; a test verifies the worst files under this limit.
"""

MAX_SMALL = 16 * 1024
"""Longest signature, key or promise, in bytes."""


def strict_json(data: bytes, where: str) -> Fields:
    """Parse one strict JSON object of bounded size.

    Raises:
        FormatError: It is not one, or too large.
    """
    values = data.count(b",") + data.count(b"{") + data.count(b"[")
    if len(data) > MAX_SIGNATURE or values > MAX_VALUES:
        raise FormatError("too large", where=where)
    return Fields(parse_json(data, where=where), where)


def read_base64(fields: Fields, key: str, *, most: int | None = None) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling.

    Raises:
        FormatError: It is empty, longer than `most` bytes, or not that spelling.
    """
    return decode(fields.text(key), f"{fields.where}.{key}", most=most)


def decode(text: str, where: str, *, most: int | None) -> bytes:
    """Return the bytes of a text in base64; see `read_base64`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("not base64", where=where) from error
    # b64decode ignores stray low bits in the last character; then two spellings would mean the same bytes.
    if not data or base64.b64encode(data).decode("ascii") != text:
        raise FormatError("empty, or not canonical base64", where=where)
    if most is not None and len(data) > most:
        raise FormatError(f"more than {most} bytes", where=where)
    return data
