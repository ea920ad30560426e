from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlpack.errors import FormatError
from mlpack.format.contract import Contract, Input, Output
from mlpack.format.evidence import Golden
from mlpack.format.tensors import Dimension

CONTRACT = Contract(
    layout="tensors",
    inputs=(
        Input(
            name="tokens",
            tensor="tokens",
            dtype="int64",
            source="int64",
            shape=("batch", "length"),
            bounds=(0, 9),
        ),
        Input(name="x", tensor="x", dtype="float16", source="float16", shape=("batch", 3)),
    ),
    outputs=(
        Output(method="predict", tensor="logits", dtype="float32", shape=("batch", 2), name="logits"),
        Output(method="predict", tensor="state", dtype="float32", shape=("batch", None), name="state"),
    ),
    dimensions={"batch": Dimension(minimum=0), "length": Dimension(minimum=1, maximum=48)},
)


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CONTRACT.to_bytes())
    return found


def test_a_contract_of_tensors_comes_back_as_it_was() -> None:
    assert Contract.from_bytes(CONTRACT.to_bytes()) == CONTRACT


def test_parts_of_an_answer_have_keys_of_their_own() -> None:
    assert [output.key for output in CONTRACT.outputs] == ["predict.logits", "predict.state"]
    assert CONTRACT.methods == ("predict",)


def _rows_of_a_frame(top: dict[str, Any]) -> None:
    top["layout"] = "frame"


def _range_upside_down(top: dict[str, Any]) -> None:
    top["dimensions"]["length"] = {"minimum": 5, "maximum": 4}


def _dimension_of_nothing(top: dict[str, Any]) -> None:
    top["dimensions"]["width"] = {"minimum": 1, "maximum": None}


def _dimension_without_range(top: dict[str, Any]) -> None:
    del top["dimensions"]["length"]


def _size_of_zero(top: dict[str, Any]) -> None:
    top["inputs"][1]["shape"] = ["batch", 0]


def _output_of_an_unknown_size(top: dict[str, Any]) -> None:
    top["outputs"][0]["shape"] = ["elsewhere", 2]


def _whole_and_in_parts(top: dict[str, Any]) -> None:
    del top["outputs"][0]["name"]


def _bounds_of_a_float(top: dict[str, Any]) -> None:
    top["inputs"][1]["bounds"] = [0, 1]


def _bounds_reversed(top: dict[str, Any]) -> None:
    top["inputs"][0]["bounds"] = [9, 0]


@pytest.mark.parametrize(
    "change",
    [
        _rows_of_a_frame,
        _range_upside_down,
        _dimension_of_nothing,
        _dimension_without_range,
        _size_of_zero,
        _output_of_an_unknown_size,
        _whole_and_in_parts,
        _bounds_of_a_float,
        _bounds_reversed,
    ],
)
def test_what_contradicts_itself_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    top = document()
    change(top)
    with pytest.raises(FormatError):
        Contract.from_bytes(json.dumps(top).encode())


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": [2], "values": [1.0]},
        {"shape": [1], "values": [[1.0]]},
        {"shape": [-1], "values": []},
        {"shape": [1], "values": [1.0], "more": 1},
    ],
)
def test_a_golden_tensor_must_hold_what_its_shape_says(tensor: dict[str, Any]) -> None:
    golden = Golden(origin="synthetic", rows=1, inputs={"x": [tensor]}, outputs={})
    with pytest.raises(FormatError):
        Golden.from_bytes(golden.to_bytes())
