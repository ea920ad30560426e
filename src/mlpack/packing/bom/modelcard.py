"""The parts of CycloneDX that its Python library lacks: modelCard and data, as plain JSON."""

from __future__ import annotations

import re
from typing import Any

from mlpack.errors import PackError
from mlpack.packing.bom.subject import BomDataset, BomSubject
from mlpack.packing.environment.wording import wording

__all__ = ["dataset_component", "dataset_ref", "model_card"]

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


def dataset_ref(dataset: BomDataset) -> str:
    """Return the bom-ref of a data set."""
    return f"dataset:{dataset.name}"


def dataset_component(dataset: BomDataset) -> dict[str, Any]:
    """Return a data component.

    Raises:
        PackError: The fingerprint is not a SHA-256, or the name is empty.
    """
    if not dataset.name:
        raise PackError("a data set needs a name", where="datasets")
    component: dict[str, Any] = {
        "type": "data",
        "bom-ref": dataset_ref(dataset),
        "name": dataset.name,
        "data": [{"type": "dataset", "name": dataset.name}],
    }
    if dataset.description:
        component["description"] = dataset.description
    if dataset.sha256 is not None:
        if not re.fullmatch(r"[0-9a-f]{64}", dataset.sha256):
            raise PackError("expected 64 lower-case hex digits", where=f"datasets.{dataset.name}.sha256")
        component["hashes"] = [{"alg": "SHA-256", "content": dataset.sha256}]
    return component


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
        parameters["datasets"] = [{"ref": ref} for ref in sorted(dataset_ref(d) for d in subject.datasets)]
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
