"""What CycloneDX has for models: the card, data sets, preprocessing, and how the model came to be."""

from __future__ import annotations

import re
from typing import Any

from mlpack.errors import PackError
from mlpack.format.bom.parts import Part, properties, sha256
from mlpack.packing.bom.subject import BomDataset, BomSubject
from mlpack.packing.environment.wording import wording

__all__ = ["PREPROCESSING", "dataset_part", "formulation", "model_card", "preprocessing_part"]

PREPROCESSING = "preprocessing"
"""bom-ref of what rows go through before the model itself."""

_APPROACHES = {
    "classification": "supervised",
    "regression": "supervised",
    "ranking": "supervised",
    "forecasting": "supervised",
    "clustering": "unsupervised",
    "outlier-detection": "unsupervised",
    "dimensionality-reduction": "unsupervised",
    "density-estimation": "unsupervised",
}


def dataset_part(dataset: BomDataset) -> Part:
    """Return a data component.

    Raises:
        PackError: A fingerprint is not a SHA-256, or the name is empty.
    """
    if not dataset.name:
        raise PackError("a data set needs a name", where="datasets")
    for digest in (dataset.sha256 or "0" * 64, dataset.unordered or "0" * 64):
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise PackError("expected 64 lower-case hex digits", where=f"datasets.{dataset.name}.sha256")
    component: dict[str, Any] = {
        "type": "data",
        "bom-ref": f"dataset:{dataset.name}",
        "name": dataset.name,
        "data": [{"type": "dataset", "name": dataset.name}],
    }
    if dataset.description:
        component["description"] = dataset.description
    if dataset.sha256 is not None:
        component["hashes"] = sha256(dataset.sha256)
    facts = properties(
        (
            ("fingerprint", dataset.algorithm),
            ("fingerprint:any-order", dataset.unordered),
            ("rows", "" if dataset.rows is None else str(dataset.rows)),
            ("columns", "" if dataset.columns is None else str(dataset.columns)),
        )
    )
    if facts:
        component["properties"] = facts
    return Part(component=component)


def preprocessing_part(subject: BomSubject) -> Part | None:
    """Return what stands before the last step of the model, or None when there is nothing.

    It is fused into the model's own file, or stands beside it as code or as host steps.
    """
    beside = [
        path for path, _, _ in subject.more_files if path.startswith("code/") or path.endswith("host.json")
    ]
    steps = tuple(step for step in subject.architecture[:-1] if step != "Pipeline")
    if not steps and not beside:
        return None
    component: dict[str, Any] = {
        "type": "data",
        "bom-ref": PREPROCESSING,
        "name": "preprocessing",
        "description": " -> ".join(steps) or "code beside the model",
        "data": [{"type": "definition", "name": step} for step in dict.fromkeys(steps)]
        or [{"type": "source-code", "name": path} for path in beside],
        "properties": properties((("where", " ".join([subject.model_path, *beside])),)),
    }
    return Part(component=component, needs={f"file:{path}" for path in (subject.model_path, *beside)})


def model_card(subject: BomSubject) -> dict[str, Any]:
    """Return the modelCard of metadata.component, without empty members.

    Source: CycloneDX 1.6, definitions/modelCard.
    """
    parameters: dict[str, Any] = {"task": subject.task}
    if approach := _APPROACHES.get(subject.task):
        parameters["approach"] = {"type": approach}
    if subject.architecture:
        parameters["modelArchitecture"] = " -> ".join(subject.architecture)
    if subject.datasets:
        parameters["datasets"] = [
            {"ref": ref} for ref in sorted(f"dataset:{d.name}" for d in subject.datasets)
        ]
    if subject.inputs:
        parameters["inputs"] = [{"format": text} for text in subject.inputs]
    if subject.outputs:
        parameters["outputs"] = [{"format": text} for text in subject.outputs]
    card: dict[str, Any] = {"modelParameters": parameters}
    if subject.metrics:
        card["quantitativeAnalysis"] = {
            "performanceMetrics": [
                {"type": name, "value": wording(value)} for name, value in sorted(subject.metrics.items())
            ]
        }
    if subject.parameters:
        card["properties"] = [
            {"name": f"mlpack:parameter:{name}", "value": wording(value)}
            for name, value in sorted(subject.parameters.items())
        ]
    return card


def formulation(subject: BomSubject, framework: str) -> list[dict[str, Any]]:
    """Return how the model came to be: trained from data with parameters, then packed. No times, no places.

    Args:
        subject: The model.
        framework: bom-ref of the library that trained it.
    """
    parameters = [
        {"name": name, "value": wording(value)} for name, value in sorted(subject.parameters.items())
    ]
    inputs: list[dict[str, Any]] = [{"resource": {"ref": framework}}]
    inputs += [{"resource": {"ref": ref}} for ref in sorted(f"dataset:{d.name}" for d in subject.datasets)]
    inputs += [{"parameters": parameters}] if parameters else []
    train: dict[str, Any] = {
        "bom-ref": "workflow:train",
        "uid": "train",
        "name": "train",
        "taskTypes": ["build"],
        "inputs": inputs,
    }
    if facts := properties(sorted(subject.training.items())):
        train["properties"] = facts
    pack: dict[str, Any] = {
        "bom-ref": "workflow:pack",
        "uid": "pack",
        "name": "pack",
        "taskTypes": ["build", "test"],
        "outputs": [
            {"type": "artifact", "resource": {"ref": f"file:{path}"}} for path, _, _ in subject.files
        ],
    }
    if subject.route:
        pack["properties"] = properties((("route", subject.route),))
    return [{"bom-ref": "formula", "workflows": [train, pack]}]
