"""SPDX expressions, and licences as CycloneDX holds them."""

from __future__ import annotations

import functools
import re
from typing import Any

from mlpack.format.bom.schemas import read_schema

__all__ = ["as_licenses", "spdx_expression"]

_OWN = re.compile(r"(DocumentRef-[A-Za-z0-9.-]{1,100}:)?LicenseRef-[A-Za-z0-9.-]{1,100}")
"""A licence that only its author knows."""


@functools.cache
def _licensing() -> Any:  # noqa: ANN401  (the library has no type hints)
    from license_expression import get_spdx_licensing  # type: ignore[import-untyped]

    return get_spdx_licensing()


@functools.lru_cache(maxsize=4096)
def spdx_expression(text: str) -> str | None:
    """Return `text` as a normalised SPDX expression, or None when it is none."""
    if not text.strip() or len(text) > 1000:
        return None
    if _OWN.fullmatch(text.strip()):
        return text.strip()
    from license_expression import ExpressionError, ParseError

    try:
        # not validate(): it stumbles over its own errors on texts like "MIT OR"
        parsed = _licensing().parse(text.strip(), validate=True, strict=True)
    except (ExpressionError, ParseError):
        return None
    return None if parsed is None else str(parsed.render())


def as_licenses(text: str | None) -> list[dict[str, Any]]:
    """Return `text` as CycloneDX holds it: an SPDX id or expression, or else a licence by that name.

    Args:
        text: SPDX expression or other words; nothing is stated for None or an empty text.
    """
    if not text:
        return []
    expression = spdx_expression(text)
    if expression is None:
        return [{"license": {"name": text, "acknowledgement": "declared"}}]
    if expression in _spdx_ids():
        return [{"license": {"id": expression, "acknowledgement": "declared"}}]
    return [{"expression": expression, "acknowledgement": "declared"}]


@functools.cache
def _spdx_ids() -> frozenset[str]:
    """Return the identifiers that the schema takes as such; newer ones go in as expressions."""
    return frozenset(read_schema("spdx.SNAPSHOT.schema.json")["enum"])
