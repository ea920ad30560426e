"""contract.json: what a schema cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlpack.errors import FormatError, UnsupportedVersionError
from mlpack.format.contract import Contract, Input, Output

Document = dict[str, Any]


@pytest.fixture
def document(files: dict[str, bytes]) -> Document:
    found: Document = json.loads(files["contract.json"])
    return found


def read(document: Document) -> Contract:
    return Contract.from_bytes(json.dumps(document).encode())


def test_what_is_read_is_written_the_same(files: dict[str, bytes]) -> None:
    assert Contract.from_bytes(files["contract.json"]).to_bytes() == files["contract.json"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool", "string"])
def test_every_type_survives(dtype: Any) -> None:  # noqa: ANN401  (any of five literals)
    contract = Contract(
        layout="array",
        inputs=(Input(name="x0", tensor="x", dtype=dtype, source=dtype),),
        outputs=(Output(method="predict", tensor="y", dtype="float64", shape=(None,)),),
    )
    assert Contract.from_bytes(contract.to_bytes()) == contract


@pytest.mark.parametrize("classes", [("a", "b"), (0, 1), (False, True), (0.5, 1.5), (1, 1.5, "1", True)])
def test_labels_keep_their_types(classes: tuple[Any, ...]) -> None:
    contract = Contract(
        layout="array",
        inputs=(Input(name="x0", tensor="x", dtype="float64", source="float64"),),
        outputs=(Output(method="predict", tensor="y", dtype="object", shape=(None,), classes=classes),),
    )
    again = Contract.from_bytes(contract.to_bytes()).outputs[0].classes
    assert again is not None
    assert [(type(label), label) for label in again] == [(type(label), label) for label in classes]


def test_another_version_needs_another_reader(document: Document) -> None:
    document["version"] = "1.1"
    with pytest.raises(UnsupportedVersionError, match=r"1\.1"):
        read(document)


def _twice(document: Document, key: str) -> None:
    document[key].append(document[key][0])


def _shared_tensor(document: Document) -> None:
    document["inputs"][1]["tensor"] = "age"


BAD: list[tuple[str, Callable[[Document], object]]] = [
    ("no name twice", lambda d: _twice(d, "inputs")),
    ("no method twice", lambda d: _twice(d, "outputs")),
    ("one tensor per column", _shared_tensor),
    ("one tensor and one dtype", lambda d: d.update(layout="array")),
    ("shares its tensor", lambda d: d["outputs"][0].update(tensor="age")),
    ("one class for each of 2 columns", lambda d: d["outputs"][1].update(classes=["a"])),
    ("none twice", lambda d: d["outputs"][0].update(classes=["a", "a"])),
    ("one more than shares", lambda d: d["inputs"][0]["numeric"].update(edges=[1, 2])),
    ("ascending", lambda d: d["inputs"][0]["numeric"].update(edges=[1, 3, 2])),
    ("above the maximum", lambda d: d["inputs"][0]["numeric"].update(minimum=91)),
    ("one share per category", lambda d: d["inputs"][1]["categorical"].update(shares=[1])),
    ("sorted", lambda d: d["inputs"][1]["categorical"].update(categories=["b", "a"])),
    ("unknown field", lambda d: d["inputs"][0].update(categorical=d["inputs"][1]["categorical"])),
    ("unknown field", lambda d: d["inputs"][1].update(limit=1)),
]


@pytest.mark.parametrize(("word", "change"), BAD)
def test_what_does_not_fit_together_is_refused(
    document: Document, word: str, change: Callable[[Document], object]
) -> None:
    change(document)
    with pytest.raises(FormatError, match=word):
        read(document)


def test_an_unknown_method_has_no_output(document: Document) -> None:
    with pytest.raises(KeyError):
        read(document).output("transform")
