"""A whole CycloneDX document out of its parts: ordered, numbered by its content, and checked."""

from __future__ import annotations

import hashlib
import uuid
from importlib import metadata
from typing import Any

from mlpack.format.bom.check import check_bom
from mlpack.format.bom.parts import Part
from mlpack.format.bom.schemas import SpecVersion
from mlpack.format.documents import canonical_json

__all__ = ["finished"]

_NAMESPACE = uuid.UUID("4f1f0a3e-0d0e-5b6e-9a53-6f3f4f2f6c55")
"""Namespace of serial numbers, drawn once; a serial is a function of the content."""


def finished(model: Part, parts: list[Part], spec: SpecVersion, **members: Any) -> bytes:  # noqa: ANN401
    """Return a whole document for a main component and the others, checked.

    Args:
        model: What the document is about.
        parts: Everything that it lists.
        spec: Version of CycloneDX.
        **members: Further members of the document.

    Raises:
        PackError: The document is not valid.
    """
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{spec}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [_tool()]},
            "component": model.component,
        },
        "components": sorted((part.component for part in parts), key=lambda item: str(item["bom-ref"])),
        "dependencies": [
            {"ref": part.ref, "dependsOn": sorted(part.needs)}
            for part in sorted((model, *parts), key=lambda part: part.ref)
        ],
        "compositions": _compositions(model, parts),
        **members,
    }
    content = hashlib.sha256(canonical_json(document)).hexdigest()
    document["serialNumber"] = uuid.uuid5(_NAMESPACE, content).urn
    check_bom(document)
    return canonical_json(document)


def _tool() -> dict[str, str]:
    tool = {"type": "application", "name": "mlpack"}
    try:
        return {**tool, "version": metadata.version("mlpack-sdk")}
    except metadata.PackageNotFoundError:  # run from its sources
        return tool


def _compositions(model: Part, parts: list[Part]) -> list[dict[str, Any]]:
    """Return of which components all dependencies are known, and of which not.

    Native code is listed as found in the wheels for this machine's platform, not in all that are locked.
    """
    found: dict[str, list[str]] = {}
    for part in (model, *parts):
        if part.component["type"] != "data":
            found.setdefault(part.known, []).append(part.ref)
    members = {"complete": "dependencies", "incomplete": "assemblies", "unknown": "dependencies"}
    return [{"aggregate": known, members[known]: sorted(found[known])} for known in members if known in found]
