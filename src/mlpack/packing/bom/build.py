"""Building sbom/bom.cdx.json from the subject, the lock and what is installed here.

cyclonedx-python-lib makes the components; what it lacks is added to its JSON, which is then never read back
through it: that would drop the additions without a word.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlpack.errors import PackError
from mlpack.format.documents import canonical_json
from mlpack.format.lock import Lock
from mlpack.packing.bom.check import check_bom
from mlpack.packing.bom.licenses import as_license
from mlpack.packing.bom.modelcard import dataset_component, dataset_ref, model_card
from mlpack.packing.bom.packages import Part, framework_part, package_parts
from mlpack.packing.bom.subject import BomDataset, BomSubject
from mlpack.packing.environment.installed import installed_versions, normal_name

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom

__all__ = ["BomDataset", "BomSubject", "build_bom"]

_NAMESPACE = uuid.UUID("4f1f0a3e-0d0e-5b6e-9a53-6f3f4f2f6c55")
"""Namespace of serial numbers, drawn once; a serial is a function of the content."""

_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
"""The library insists on a time; it is taken out again."""


def build_bom(subject: BomSubject, lock: Lock) -> bytes:
    """Return sbom/bom.cdx.json: CycloneDX 1.6, valid and the same bytes for the same content.

    Args:
        subject: The model.
        lock: What serving it needs.

    Raises:
        PackError: The result would not be valid, or an installed file cannot be read.
    """
    parts = [*package_parts(lock), *_model_files(subject)]
    framework = framework_part(normal_name(subject.framework), subject.framework_version)
    if _ref(framework) not in {_ref(part) for part in parts}:
        parts.append(framework)
    document = _render(subject, parts)
    document["metadata"]["component"]["modelCard"] = model_card(subject)
    _add_datasets(document, subject)
    document["compositions"] = [
        # native code is listed as found in the wheels of this machine's platform, not of all locked ones
        {"aggregate": "incomplete", "assemblies": [_model_ref(subject)]}
    ]
    document["dependencies"] = _dependencies(subject, parts)
    document["components"].sort(key=lambda component: str(component["bom-ref"]))
    content = hashlib.sha256(canonical_json(document)).hexdigest()
    document["serialNumber"] = uuid.uuid5(_NAMESPACE, content).urn
    check_bom(document)
    return canonical_json(document)


def _model_ref(subject: BomSubject) -> str:
    return f"model:{subject.name}@{subject.version}"


def _ref(part: Part) -> str:
    return str(part.component.bom_ref.value)


def _model_files(subject: BomSubject) -> list[Part]:
    entry = (subject.model_path, subject.model_sha256, subject.model_size)
    return [_model_file(subject, *file) for file in (entry, *subject.more_files)]


def _model_file(subject: BomSubject, path: str, sha256: str, size: int) -> Part:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    return Part(
        Component(
            name=path,
            type=ComponentType.FILE,
            bom_ref=f"file:{path}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
            properties=[
                Property(name="mlpack:size", value=str(size)),
                *([Property(name="mlpack:form", value=subject.form)] if subject.form else []),
            ],
        )
    )


def _render(subject: BomSubject, parts: list[Part]) -> dict[str, Any]:
    """Return the library's own JSON of the components, without time and serial number."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    model = Component(
        name=subject.name,
        version=subject.version,
        description=subject.description or None,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=_model_ref(subject),
        licenses=[as_license(subject.license)] if subject.license else (),
    )
    bom: Bom = Bom(
        components=[part.component for part in parts],
        metadata=BomMetaData(
            component=model,
            timestamp=_EPOCH,
            lifecycles=[PredefinedLifecycle(phase=LifecyclePhase.BUILD)],
        ),
    )
    _add_tool(bom)
    # only to keep the library from warning: the graph is ours, with an entry for leaves too
    bom.register_dependency(model, [part.component for part in parts])
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    document: dict[str, Any] = json.loads(text)
    for key in ("serialNumber", "dependencies"):
        document.pop(key, None)
    document["metadata"].pop("timestamp", None)
    return document


def _add_tool(bom: Bom) -> None:
    from cyclonedx.model.component import Component, ComponentType

    version = installed_versions().get("mlpack-sdk")
    bom.metadata.tools.components.add(
        Component(name="mlpack", version=version, type=ComponentType.APPLICATION)
    )


def _add_datasets(document: dict[str, Any], subject: BomSubject) -> None:
    names = [dataset.name for dataset in subject.datasets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PackError(f"two data sets are called {twice[0][:80]!r}", where="datasets")
    document["components"] += [dataset_component(dataset) for dataset in subject.datasets]


def _dependencies(subject: BomSubject, parts: list[Part]) -> list[dict[str, Any]]:
    """Return one entry per component; the model depends on its file and on what nothing else asks for."""
    graph = {_ref(part): part.needs for part in parts}
    asked_for = {ref for needs in graph.values() for ref in needs}
    # scope "excluded" is the training framework, which serving does not need
    outside = {
        _ref(part) for part in parts if part.component.scope and part.component.scope.value == "excluded"
    }
    graph[_model_ref(subject)] = set(graph) - asked_for - outside
    graph |= {dataset_ref(dataset): set() for dataset in subject.datasets}
    return [{"ref": ref, "dependsOn": sorted(graph[ref])} for ref in sorted(graph)]
