"""Building sbom/bom.cdx.json from the subject, the lock and what is installed here."""

from __future__ import annotations

from typing import Any

from mlpack.errors import PackError
from mlpack.format.bom.document import finished
from mlpack.format.bom.parts import Part, file_part, properties
from mlpack.format.bom.schemas import SPEC_VERSIONS, SpecVersion
from mlpack.format.bom.spdx import as_licenses
from mlpack.format.lock import Lock
from mlpack.packing.bom.modelcard import dataset_part, formulation, model_card, preprocessing_part
from mlpack.packing.bom.packages import framework_part, package_parts
from mlpack.packing.bom.subject import BomDataset, BomSubject
from mlpack.packing.environment.installed import normal_name

__all__ = ["BomDataset", "BomSubject", "build_bom"]


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
