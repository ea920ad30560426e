"""Documents of one bundle must tell the same story; the hostile bundles try most of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlpack.format.coherence import golden_problems, manifest_problems, parity_problems, role_problems
from mlpack.format.contract import Contract
from mlpack.format.evidence import Golden, Parity
from mlpack.format.manifest import FileEntry, Manifest


@pytest.fixture
def manifest(files: dict[str, bytes]) -> Manifest:
    return Manifest.from_bytes(files["manifest.json"])


@pytest.fixture
def contract(files: dict[str, bytes]) -> Contract:
    return Contract.from_bytes(files["contract.json"])


@pytest.fixture
def golden(files: dict[str, bytes]) -> Golden:
    return Golden.from_bytes(files["evidence/golden.json"])


@pytest.fixture
def parity(files: dict[str, bytes]) -> Parity:
    return Parity.from_bytes(files["evidence/parity.json"])


def test_the_golden_bundle_is_coherent(
    manifest: Manifest, contract: Contract, golden: Golden, parity: Parity
) -> None:
    assert role_problems(manifest) == []
    assert manifest_problems(manifest, contract) == []
    assert golden_problems(manifest, contract, golden) == []
    assert parity_problems(manifest, contract, parity) == []


def test_the_order_of_methods_counts(manifest: Manifest, contract: Contract) -> None:
    turned = replace(manifest, model=replace(manifest.model, methods=("predict_proba", "predict")))
    assert "methods" in manifest_problems(turned, contract)[0]


def test_environment_is_needed(manifest: Manifest) -> None:
    files = {path: entry for path, entry in manifest.files.items() if entry.role != "environment"}
    assert role_problems(replace(manifest, files=files)) == [
        "manifest.json.files: expected at least one file with role 'environment'"
    ]


def test_two_models_are_allowed(manifest: Manifest) -> None:
    files = {**manifest.files, "model/model.onnx.data": FileEntry(role="model", size=1)}
    assert role_problems(replace(manifest, files=files)) == []


@pytest.mark.parametrize(
    ("dtype", "cell", "fits"),
    [
        ("float64", 1, True),
        ("float64", "Infinity", False),
        ("float64", "NaN", False),
        ("float64", None, False),
        ("float64", True, False),
        ("float64", "1.0", False),
        ("int64", 2**63 - 1, True),
        ("int64", 2**63, False),
        ("int64", 1.0, False),
        ("int64", False, False),
        ("bool", True, True),
        ("bool", 1, False),
        ("string", "NaN", True),
        ("string", 1, False),
        ("string", None, False),
    ],
)
def test_a_cell_fits_its_column_or_not(
    dtype: Any,  # noqa: ANN401  (any of five literals)
    cell: Any,  # noqa: ANN401  (any cell)
    *,
    fits: bool,
    manifest: Manifest,
    contract: Contract,
    golden: Golden,
) -> None:
    age = replace(contract.inputs[0], dtype=dtype, nulls=False, infinities=False, profile=None)
    narrow = replace(contract, inputs=(age, *contract.inputs[1:]))
    rows = replace(golden, inputs={**golden.inputs, "age": [cell] * golden.rows})
    assert (golden_problems(manifest, narrow, rows) == []) is fits


def test_a_problem_of_a_row_never_quotes_its_cell(
    manifest: Manifest, contract: Contract, golden: Golden
) -> None:
    rows = replace(golden, inputs={**golden.inputs, "age": ["secret"] * golden.rows})
    assert "secret" not in " ".join(golden_problems(manifest, contract, rows))


def test_a_label_of_another_type_is_no_label(manifest: Manifest, contract: Contract, golden: Golden) -> None:
    outputs = (replace(contract.outputs[0], classes=(0, 1)), contract.outputs[1])
    rows = replace(golden, outputs={**golden.outputs, "predict": [True] * golden.rows})
    assert "label" in golden_problems(manifest, replace(contract, outputs=outputs), rows)[0]
