"""The schemas of CycloneDX, as cyclonedx-python-lib ships them; nothing is fetched."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from jsonschema_rs import Draft7Validator

__all__ = ["SPEC_VERSIONS", "SpecVersion", "read_schema", "schema_validator"]

SpecVersion = Literal["1.6", "1.7"]
SPEC_VERSIONS: tuple[SpecVersion, ...] = get_args(SpecVersion)
"""Versions of CycloneDX that a BOM can be written in; the first is the default, which most readers take."""

_SHARED = (
    *("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json"),
    "cryptography-defs.SNAPSHOT.schema.json",
)


def read_schema(name: str) -> dict[str, Any]:
    """Return one of the schemas by its file name."""
    folder = resources.files("cyclonedx.schema") / "_res"
    loaded: dict[str, Any] = json.loads((folder / name).read_text("utf-8"))
    return loaded


@functools.cache
def schema_validator(version: SpecVersion) -> Draft7Validator:
    """Return the validator of one version."""
    import jsonschema_rs

    others = [(f"http://cyclonedx.org/schema/{name}", read_schema(name)) for name in _SHARED]
    return jsonschema_rs.Draft7Validator(
        read_schema(f"bom-{version}.SNAPSHOT.schema.json"),
        registry=jsonschema_rs.Registry(others),
        offline=True,
    )
