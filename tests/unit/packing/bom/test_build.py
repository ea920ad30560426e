"""The BOM of a bundle."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import PackError
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.packing.bom.build import BomDataset, BomSubject, build_bom
from mlpack.packing.environment.installed import installed_versions

INSTALLED = installed_versions()
NUMPY = f"pkg:pypi/numpy@{INSTALLED['numpy']}"
RUNTIME = f"pkg:pypi/onnxruntime@{INSTALLED['onnxruntime']}"
SKLEARN = f"pkg:pypi/scikit-learn@{INSTALLED['scikit-learn']}"
MODEL = "model:churn@1.2.0"


def package(name: str, version: str | None = None) -> LockedPackage:
    version = version or INSTALLED[name]
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return LockedPackage(
        name=name, version=version, marker=None, files=(LockedFile(name=file, sha256="ab" * 32, size=7),)
    )


def locked(*packages: LockedPackage) -> Lock:
    return Lock(
        requires_python=">=3.11,<3.15",
        environments=("platform_machine == 'x86_64' and sys_platform == 'linux'",),
        packages=packages,
    )


LOCK = locked(package("numpy"), package("onnxruntime"))
SUBJECT = BomSubject(
    name="churn",
    version="1.2.0",
    description="Who leaves",
    license="Apache-2.0",
    task="classification",
    architecture=("StandardScaler", "LogisticRegression"),
    inputs=("float64", "string"),
    outputs=("int64",),
    model_path="model/model.onnx",
    model_sha256="cd" * 32,
    model_size=99,
    framework="scikit-learn",
    framework_version=INSTALLED["scikit-learn"],
    datasets=(BomDataset(name="train", sha256="ef" * 32),),
    metrics={"auc": 0.875},
    parameters={"C": 1.0, "memory": "/home/someone/cache"},
)


@pytest.fixture(scope="module")
def document() -> Any:  # noqa: ANN401  (JSON)
    return json.loads(build_bom(SUBJECT, LOCK))


def component(document: Any, ref: str) -> Any:  # noqa: ANN401  (JSON)
    return next(item for item in document["components"] if item["bom-ref"] == ref)


def needs(document: Any, ref: str) -> list[str]:  # noqa: ANN401  (JSON)
    found: list[str] = next(item["dependsOn"] for item in document["dependencies"] if item["ref"] == ref)
    return found


def test_describes_the_model(document: Any) -> None:  # noqa: ANN401
    main = document["metadata"]["component"]
    assert (main["type"], main["name"], main["version"]) == ("machine-learning-model", "churn", "1.2.0")
    assert main["modelCard"]["modelParameters"] == {
        "approach": {"type": "supervised"},
        "task": "classification",
        "modelArchitecture": "StandardScaler -> LogisticRegression",
        "datasets": [{"ref": "dataset:train"}],
        "inputs": [{"format": "float64"}, {"format": "string"}],
        "outputs": [{"format": "int64"}],
    }


def test_metrics_and_parameters_are_words(document: Any) -> None:  # noqa: ANN401
    card = document["metadata"]["component"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [{"type": "auc", "value": "0.875"}]
    assert card["properties"] == [
        {"name": "mlpack:parameter:C", "value": "1.0"},
        {"name": "mlpack:parameter:memory", "value": "<path>"},
    ]


def test_the_model_needs_its_file_and_the_roots_of_the_lock(document: Any) -> None:  # noqa: ANN401
    assert needs(document, MODEL) == ["file:model/model.onnx", RUNTIME, "preprocessing"]
    assert NUMPY in needs(document, RUNTIME)


def test_packages_carry_wheel_hashes_and_licences(document: Any) -> None:  # noqa: ANN401
    runtime = component(document, RUNTIME)
    assert runtime["licenses"] == [{"license": {"id": "MIT", "acknowledgement": "declared"}}]
    (reference,) = runtime["externalReferences"]
    assert reference["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert reference["url"].startswith("wheels/onnxruntime-")


def test_native_libraries_belong_to_their_wheel(document: Any) -> None:  # noqa: ANN401
    (blas,) = (ref for ref in needs(document, NUMPY) if "openblas" in ref)
    found = component(document, blas)
    assert found["type"] == "file"
    assert len(found["hashes"][0]["content"]) == 64
    assert {"name": "mlpack:owner", "value": NUMPY} in found["properties"]


def test_native_libraries_state_what_they_need_and_an_openblas_its_version(document: Any) -> None:  # noqa: ANN401
    (blas,) = (ref for ref in needs(document, NUMPY) if "openblas" in ref)
    (fortran,) = (ref for ref in needs(document, blas) if "libgfortran" in ref)
    assert component(document, blas)["version"][:2] == "0."
    assert {item["name"] for item in component(document, fortran)["properties"]} >= {"mlpack:soname"}
    assert fortran not in needs(document, NUMPY)


def test_preprocessing_is_a_part_of_its_own(document: Any) -> None:  # noqa: ANN401
    found = component(document, "preprocessing")
    assert (found["type"], found["description"]) == ("data", "StandardScaler")
    assert needs(document, "preprocessing") == ["file:model/model.onnx"]


def test_a_bare_model_has_no_preprocessing() -> None:
    bare = dataclasses.replace(SUBJECT, architecture=("LogisticRegression",))
    assert "preprocessing" not in needs(json.loads(build_bom(bare, LOCK)), MODEL)


def test_formulation_says_what_it_was_trained_from(document: Any) -> None:  # noqa: ANN401
    train, pack = document["formulation"][0]["workflows"]
    assert {"resource": {"ref": "dataset:train"}} in train["inputs"]
    assert {"parameters": [{"name": "C", "value": "1.0"}, {"name": "memory", "value": "<path>"}]} in train[
        "inputs"
    ]
    assert pack["outputs"] == [{"type": "artifact", "resource": {"ref": "file:model/model.onnx"}}]


def test_compositions_say_what_is_incomplete() -> None:
    document = json.loads(
        build_bom(SUBJECT, locked(package("numpy"), package("packaging"), package("zz-arm", "1")))
    )
    found = {item["aggregate"]: item for item in document["compositions"]}
    assert f"pkg:pypi/packaging@{INSTALLED['packaging']}" in found["complete"]["dependencies"]
    assert {MODEL, NUMPY} <= set(found["incomplete"]["assemblies"])
    assert set(found["unknown"]["dependencies"]) == {"pkg:pypi/zz-arm@1", SKLEARN}


def test_a_wheel_for_every_platform_is_the_component_itself(document: Any) -> None:  # noqa: ANN401
    assert component(document, RUNTIME)["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


def test_the_newer_version_on_request() -> None:
    document = json.loads(build_bom(SUBJECT, LOCK, "1.7"))
    assert document["specVersion"] == "1.7"
    assert document["$schema"].endswith("bom-1.7.schema.json")


def test_datasets_carry_both_fingerprints() -> None:
    given = BomDataset(
        name="train", sha256="ef" * 32, unordered="ab" * 32, algorithm="a-1", rows=3, columns=2
    )
    document = json.loads(build_bom(dataclasses.replace(SUBJECT, datasets=(given,)), LOCK))
    found = component(document, "dataset:train")
    assert found["hashes"][0]["content"] == "ef" * 32
    assert {"name": "mlpack:fingerprint:any-order", "value": "ab" * 32} in found["properties"]


def test_what_the_gate_let_through_is_recorded() -> None:
    subject = dataclasses.replace(SUBJECT, overrides=("machine-path:code/a.py",))
    main = json.loads(build_bom(subject, LOCK))["metadata"]["component"]
    assert main["properties"] == [{"name": "mlpack:unsafe-allow", "value": "machine-path:code/a.py"}]


def test_the_training_framework_is_named_but_not_served(document: Any) -> None:  # noqa: ANN401
    assert component(document, SKLEARN)["scope"] == "excluded"
    assert SKLEARN not in needs(document, MODEL)


def test_a_framework_that_is_locked_stands_once() -> None:
    document = json.loads(build_bom(SUBJECT, locked(package("scikit-learn"))))
    assert component(document, SKLEARN)["scope"] == "required"


def test_an_embedded_sbom_is_merged_without_its_own_package() -> None:
    document = json.loads(build_bom(SUBJECT, locked(package("scikit-learn"))))
    merged = [c for c in document["components"] if c["bom-ref"].startswith(f"{SKLEARN}#sboms/")]
    assert [c["name"] for c in merged] == ["libgomp"]
    assert merged[0]["bom-ref"] in needs(document, SKLEARN)


def test_there_is_no_time_and_no_place(document: Any) -> None:  # noqa: ANN401
    text = json.dumps(document)
    assert "timestamp" not in text
    assert sys.prefix not in text


def test_the_serial_follows_the_content(document: Any) -> None:  # noqa: ANN401
    other = json.loads(build_bom(dataclasses.replace(SUBJECT, version="1.2.1"), LOCK))
    assert document["serialNumber"].startswith("urn:uuid:")
    assert other["serialNumber"] != document["serialNumber"]


def test_a_package_of_another_platform_says_that_it_was_not_seen() -> None:
    document = json.loads(build_bom(SUBJECT, locked(package("zz-arm-only", "1.0"))))
    found = component(document, "pkg:pypi/zz-arm-only@1.0")
    assert found["properties"] == [{"name": "mlpack:metadata", "value": "not installed where packed"}]
    assert "licenses" not in found


def test_other_terms_become_a_named_licence() -> None:
    document = json.loads(build_bom(dataclasses.replace(SUBJECT, license="Ask us first"), LOCK))
    assert document["metadata"]["component"]["licenses"][0]["license"]["name"] == "Ask us first"


def test_a_minimal_subject_is_enough() -> None:
    subject = BomSubject(
        name="m",
        version="1",
        task="transformation",
        model_path="model/model.onnx",
        model_sha256="cd" * 32,
        model_size=1,
        framework="scikit-learn",
        framework_version="0.1",
    )
    document = json.loads(build_bom(subject, LOCK))
    assert document["metadata"]["component"]["modelCard"] == {"modelParameters": {"task": "transformation"}}


@pytest.mark.parametrize(
    "change",
    [
        {"datasets": (BomDataset(name="a"), BomDataset(name="a"))},
        {"datasets": (BomDataset(name=""),)},
        {"datasets": (BomDataset(name="a", sha256="xyz"),)},
        {"model_sha256": "xyz"},
        {"name": ""},
    ],
)
def test_a_malformed_subject_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PackError):
        build_bom(dataclasses.replace(SUBJECT, **change), LOCK)


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import sys, pickle; from mlpack.packing.bom.build import build_bom;"
        "sys.stdout.buffer.write(build_bom(*pickle.load(sys.stdin.buffer)))"
    )
    import pickle

    given = pickle.dumps((SUBJECT, LOCK))
    results = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=given,
            capture_output=True,
            check=True,
            cwd=cwd,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for cwd, seed, zone in ((Path.cwd(), "1", "UTC"), (tmp_path, "2", "Asia/Tokyo"))
    }
    assert results == {build_bom(SUBJECT, LOCK)}
