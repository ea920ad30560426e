"""What the schema lets pass, and the check does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mlpack.errors import PackError
from mlpack.format.bom.check import check_bom

DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {
        "component": {
            "type": "machine-learning-model",
            "bom-ref": "model",
            "name": "churn",
            "modelCard": {"modelParameters": {"datasets": [{"ref": "data"}]}},
        }
    },
    "components": [
        {"type": "data", "bom-ref": "data", "name": "train"},
        {
            "type": "library",
            "bom-ref": "numpy",
            "name": "numpy",
            "purl": "pkg:pypi/numpy@2",
            "licenses": [{"expression": "MIT AND 0BSD"}],
        },
    ],
    "dependencies": [
        {"ref": "model", "dependsOn": ["numpy"]},
        {"ref": "data", "dependsOn": []},
        {"ref": "numpy", "dependsOn": []},
    ],
    "compositions": [{"aggregate": "incomplete", "assemblies": ["model"]}],
    "formulation": [
        {
            "bom-ref": "formula",
            "workflows": [
                {
                    "bom-ref": "w",
                    "uid": "w",
                    "taskTypes": ["build"],
                    "inputs": [{"resource": {"ref": "data"}}],
                }
            ],
        }
    ],
}


def test_a_good_one_passes() -> None:
    check_bom(DOCUMENT)


def numpy(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"][1]
    return found


def workflow(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["formulation"][0]["workflows"][0]
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["components"].append(dict(numpy(d))), "used 2 times"),
        (lambda d: d["dependencies"][0]["dependsOn"].append("ghost"), "depends on 'ghost'"),
        (lambda d: d["dependencies"].append({"ref": "ghost", "dependsOn": []}), "dependencies of 'ghost'"),
        (lambda d: d["dependencies"].pop(), "'numpy' has no entry"),
        (lambda d: d["dependencies"].append({"ref": "numpy", "dependsOn": ["data"]}), "stand twice"),
        (lambda d: d["dependencies"][2].pop("dependsOn"), "lack dependsOn"),
        (lambda d: d["components"].pop(0), "data set 'data'"),
        (lambda d: d["compositions"][0]["assemblies"].append("ghost"), "composition names 'ghost'"),
        (lambda d: workflow(d)["inputs"][0]["resource"].update(ref="ghost"), "'w' uses 'ghost'"),
        (lambda d: workflow(d).update({"bom-ref": "numpy"}), "stands in formulation and elsewhere"),
        (lambda d: workflow(d).update({"bom-ref": "formula"}), "'formula' is used 2 times"),
        (lambda d: d.update(specVersion="1.5"), "expected one of 1.6, 1.7"),
        (lambda d: d["compositions"][0].update(dependencies=["ghost"]), "composition names 'ghost'"),
        (lambda d: numpy(d).update(purl="pypi/numpy"), "invalid package URL"),
        (lambda d: numpy(d).update(licenses=[{"expression": "MIT License"}]), "invalid SPDX licence"),
        (lambda d: numpy(d).update(modelCard={}), "is not a model"),
        (lambda d: numpy(d).pop("bom-ref"), "has no bom-ref"),
        (lambda d: numpy(d).update(name=""), "has no name"),
        (lambda d: numpy(d).update(mimeType="text/plain"), "mimeType"),
        (lambda d: numpy(d).update(type="model"), "components.1.type"),
        (lambda d: d.pop("bomFormat"), "bomFormat"),
        (lambda d: numpy(d).update(licenses=[{"license": {"id": "Nope"}}]), "licenses"),
        (lambda d: numpy(d).update(hashes=[{"alg": "SHA-256", "content": "zz"}]), "hashes"),
    ],
)
def test_refuses(change: Any, words: str) -> None:  # noqa: ANN401  (a lambda)
    document = copy.deepcopy(DOCUMENT)
    change(document)
    with pytest.raises(PackError) as caught:
        check_bom(document)
    assert any(words in problem for problem in caught.value.problems), caught.value.problems
