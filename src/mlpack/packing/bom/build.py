"""Building sbom/bom.cdx.json from the subject, the lock and what is installed here."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from mlpack.errors import PackError
from mlpack.format.documents import canonical_json
from mlpack.format.lock import Lock
from mlpack.packing.bom.check import check_bom
from mlpack.packing.bom.licenses import as_licenses
from mlpack.packing.bom.modelcard import dataset_part, formulation, model_card, preprocessing_part
from mlpack.packing.bom.packages import framework_part, package_parts
from mlpack.packing.bom.parts import Part, file_part, properties
from mlpack.packing.bom.schemas import SPEC_VERSIONS, SpecVersion
from mlpack.packing.bom.subject import BomDataset, BomSubject
from mlpack.packing.environment.installed import distribution, normal_name

__all__ = ["BomDataset", "BomSubject", "build_bom", "finished"]

_NAMESPACE = uuid.UUID("4f1f0a3e-0d0e-5b6e-9a53-6f3f4f2f6c55")
"""Namespace of serial numbers, drawn once; a serial is a function of the content."""


def build_bom(subject: BomSubject, lock: Lock, spec: SpecVersion = SPEC_VERSIONS[0]) -> bytes:
    """Return sbom/bom.cdx.json: valid CycloneDX, and the same bytes for the same content.

    Args:
        subject: The model.
        lock: What serving it needs.
        spec: Version of CycloneDX.

    Raises:
        PackError: The result would not be valid, or an installed file cannot be read.
    """
    framework = framework_part(normal_name(subject.framework), subject.framework_version)
    parts = _parts(subject, lock, framework)
    main: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": subject.ref,
        "name": subject.name,
        "version": subject.version,
        "modelCard": model_card(subject),
    }
    if subject.description:
        main["description"] = subject.description
    if terms := as_licenses(subject.license):
        main["licenses"] = terms
    if subject.overrides:
        main["properties"] = properties((("unsafe-allow", " ".join(subject.overrides)),))
    model = Part(component=main, needs=_roots(parts), known="incomplete")
    return finished(model, parts, spec, formulation=formulation(subject, framework.ref))


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
    ours = distribution("mlpack-sdk")
    tool = {"type": "application", "name": "mlpack"}
    return tool if ours is None else {**tool, "version": ours.version}


def _parts(subject: BomSubject, lock: Lock, framework: Part) -> list[Part]:
    names = [dataset.name for dataset in subject.datasets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PackError(f"two data sets are called {twice[0][:80]!r}", where="datasets")
    parts = package_parts(lock)
    if framework.ref not in {part.ref for part in parts}:
        parts.append(framework)
    parts += [file_part(*file, form=subject.form) for file in subject.files]
    parts += [dataset_part(dataset) for dataset in subject.datasets]
    steps = preprocessing_part(subject)
    return parts if steps is None else [*parts, steps]


def _roots(parts: list[Part]) -> set[str]:
    """Return what the model needs itself: files, preprocessing, and packages that nothing else asks for.

    Data and the training framework (scope `excluded`) are no dependencies: serving needs neither.
    """
    asked_for = {ref for part in parts if part.component["type"] != "data" for ref in part.needs}
    return {
        part.ref
        for part in parts
        if part.ref not in asked_for
        and part.component.get("scope") != "excluded"
        and not part.ref.startswith("dataset:")
    }


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
