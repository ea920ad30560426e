"""Small graphs with a contract, built by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from onnx import TensorProto, helper

from mlpack.format.contract import (
    CategoricalProfile,
    Contract,
    DType,
    Input,
    NumericProfile,
    Output,
)
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import Session, open_session

ELEMENTS = {
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}
NATIVE = {"string": "object"}
Echo = Callable[..., Predictor]
Anything: TypeAlias = Any


def model_bytes(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], tensors: list[Any] | None = None
) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors or [])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return data


def echo_session(dtype: DType, width: int) -> Session:
    """A graph whose output is its input, of shape `(N, width)`."""
    element = ELEMENTS[dtype]
    return open_session(
        model_bytes(
            [helper.make_node("Identity", ["x"], ["y"])],
            [helper.make_tensor_value_info("x", element, [None, width])],
            [helper.make_tensor_value_info("y", element, [None, width])],
        )
    )


@pytest.fixture
def echo_column() -> Echo:
    """One column called `c`; `transform` gives back what reached the graph."""

    def build(dtype: DType, *, ranges: Anything = "warn", **rules: Anything) -> Predictor:
        contract = Contract(
            layout="frame",
            inputs=(Input(name="c", tensor="x", dtype=dtype, source="test", **rules),),
            outputs=(
                Output(method="transform", tensor="y", dtype=NATIVE.get(dtype, dtype), shape=(None, 1)),
            ),
        )
        return Predictor(contract, echo_session(dtype, 1), ranges=ranges)

    return build


@pytest.fixture
def echo_array() -> Echo:
    """An array of `width` columns; `transform` gives back what reached the graph."""

    def build(
        width: int = 3, dtype: DType = "float64", *, ranges: Anything = "warn", **rules: Anything
    ) -> Predictor:
        contract = Contract(
            layout="array",
            inputs=tuple(
                Input(name=f"x{index}", tensor="x", dtype=dtype, source=dtype, **rules)
                for index in range(width)
            ),
            outputs=(
                Output(method="transform", tensor="y", dtype=NATIVE.get(dtype, dtype), shape=(None, width)),
            ),
        )
        return Predictor(contract, echo_session(dtype, width), ranges=ranges)

    return build


def numeric(minimum: float, maximum: float) -> NumericProfile:
    return NumericProfile(
        minimum=minimum, maximum=maximum, edges=(minimum, maximum), shares=(1.0,), null_share=0.0
    )


def categories(*names: str, other_share: float = 0.0) -> CategoricalProfile:
    return CategoricalProfile(
        categories=names, shares=(1 / len(names),) * len(names), other_share=other_share, null_share=0.0
    )


@pytest.fixture
def profile() -> Callable[[float, float], NumericProfile]:
    return numeric


@pytest.fixture
def seen() -> Callable[..., CategoricalProfile]:
    return categories


@pytest.fixture
def people_contract() -> Contract:
    """Four columns of four types, two classes."""
    classes = ("no", "yes")
    return Contract(
        layout="frame",
        inputs=(
            Input(
                name="age",
                tensor="in_age",
                dtype="float64",
                source="float64",
                nulls=True,
                profile=numeric(0, 100),
            ),
            Input(name="visits", tensor="in_visits", dtype="int64", source="int64", profile=numeric(0, 50)),
            Input(name="member", tensor="in_member", dtype="bool", source="bool"),
            Input(
                name="city",
                tensor="in_city",
                dtype="string",
                source="str",
                nulls=True,
                profile=categories("A", "B"),
            ),
        ),
        outputs=(
            Output(method="predict", tensor="label", dtype="object", shape=(None,), classes=classes),
            Output(method="predict_proba", tensor="proba", dtype="float64", shape=(None, 2), classes=classes),
            Output(method="decision_function", tensor="score", dtype="float64", shape=(None,)),
        ),
    )


@pytest.fixture
def people_session() -> Session:
    """score = age (0 when missing) + visits + member + (A: 1, B: 2, else 0) - 40; proba by sigmoid."""
    import numpy as np
    from onnx import numpy_helper

    node = helper.make_node
    tensors = [
        numpy_helper.from_array(np.array(0.0), "zero"),
        numpy_helper.from_array(np.array(40.0), "shift"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        numpy_helper.from_array(np.array(1.0), "one"),
    ]
    nodes = [
        node("IsNaN", ["in_age"], ["missing"]),
        node("Where", ["missing", "zero", "in_age"], ["age"]),
        node("Cast", ["in_visits"], ["visits"], to=TensorProto.DOUBLE),
        node("Cast", ["in_member"], ["member"], to=TensorProto.DOUBLE),
        node(
            "LabelEncoder",
            ["in_city"],
            ["code"],
            domain="ai.onnx.ml",
            keys_strings=["A", "B"],
            values_int64s=[1, 2],
            default_int64=0,
        ),
        node("Cast", ["code"], ["city"], to=TensorProto.DOUBLE),
        node("Sum", ["age", "visits", "member", "city"], ["total"]),
        node("Sub", ["total", "shift"], ["column"]),
        node("Squeeze", ["column", "axis"], ["score"]),
        node("Sigmoid", ["column"], ["up"]),
        node("Sub", ["one", "up"], ["down"]),
        node("Concat", ["down", "up"], ["proba"], axis=1),
        node("ArgMax", ["proba"], ["label"], axis=1, keepdims=0),
    ]
    value = helper.make_tensor_value_info
    return open_session(
        model_bytes(
            nodes,
            [
                value("in_age", TensorProto.DOUBLE, [None, 1]),
                value("in_visits", TensorProto.INT64, [None, 1]),
                value("in_member", TensorProto.BOOL, [None, 1]),
                value("in_city", TensorProto.STRING, [None, 1]),
            ],
            [
                value("label", TensorProto.INT64, [None]),
                value("proba", TensorProto.DOUBLE, [None, 2]),
                value("score", TensorProto.DOUBLE, [None]),
            ],
            tensors,
        )
    )


@pytest.fixture
def people(people_contract: Contract, people_session: Session) -> Predictor:
    return Predictor(people_contract, people_session, name="people", version="1.0.0")
