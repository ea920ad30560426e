from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mlpack.errors import FormatError, InputError
from mlpack.format.contract import Contract, Input, Output
from mlpack.format.tensors import Dimension
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import open_session


def _graph() -> bytes:
    """Two inputs of one batch, `y = x + offset` and the indices doubled."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node("Add", ["index", "index"], ["doubled"]),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3]),
        helper.make_tensor_value_info("index", TensorProto.INT64, ["b"]),
    ]
    outputs = [
        helper.make_tensor_value_info("twice", TensorProto.FLOAT, ["b", 3]),
        helper.make_tensor_value_info("doubled", TensorProto.INT64, ["b"]),
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _contract(*, minimum: int = 0, nulls: bool = False) -> Contract:
    return Contract(
        layout="tensors",
        inputs=(
            Input(name="x", tensor="x", dtype="float32", source="float32", shape=("batch", 3), nulls=nulls),
            Input(
                name="index", tensor="index", dtype="int64", source="int64", shape=("batch",), bounds=(0, 9)
            ),
        ),
        outputs=(
            Output(method="predict", tensor="twice", dtype="float32", shape=("batch", 3), name="twice"),
            Output(method="predict", tensor="doubled", dtype="int64", shape=("batch",), name="doubled"),
        ),
        dimensions={"batch": Dimension(minimum=minimum, maximum=50)},
    )


@pytest.fixture(scope="module")
def model() -> Predictor:
    return Predictor(_contract(), open_session(_graph()))


X = np.arange(6, dtype=np.float32).reshape(2, 3)
INDEX = np.array([1, 9])


def test_a_dict_of_arrays_gives_a_dict_of_answers(model: Predictor) -> None:
    answer: Any = model.predict({"index": INDEX, "x": X})
    assert list(answer) == ["twice", "doubled"]
    np.testing.assert_array_equal(answer["twice"], X * 2)


def test_a_tuple_is_taken_in_the_order_of_the_inputs(model: Predictor) -> None:
    answer: Any = model.predict((X, INDEX))
    np.testing.assert_array_equal(answer["doubled"], INDEX * 2)


def test_plain_lists_become_the_type_of_the_input(model: Predictor) -> None:
    answer: Any = model.predict({"x": X.tolist(), "index": INDEX.tolist()})
    assert answer["twice"].dtype == np.float32


def test_no_rows_are_answered_without_the_engine(model: Predictor) -> None:
    answer: Any = model.predict({"x": X[:0], "index": INDEX[:0]})
    assert answer["twice"].shape == (0, 3)


def test_no_rows_are_refused_where_the_contract_starts_at_one() -> None:
    model = Predictor(_contract(minimum=1), open_session(_graph()))
    with pytest.raises(InputError, match="at least 1"):
        model.predict({"x": X[:0], "index": INDEX[:0]})


def _with_nan() -> dict[str, Any]:
    x = X.copy()
    x[1, 2] = np.nan
    return {"x": x, "index": INDEX}


REFUSED: dict[str, Any] = {
    "missing": {"x": X},
    "no such input": {"x": X, "index": INDEX, "more": X},
    "expected float32, found float64": {"x": X.astype(np.float64), "index": INDEX},
    "expected int64, found int32": {"x": X, "index": INDEX.astype(np.int32)},
    "expected 2 dimensions, found 1": {"x": X[0], "index": INDEX},
    "expected 3 along axis 1": {"x": X[:, :2], "index": INDEX},
    "as elsewhere for batch": {"x": X, "index": INDEX[:1]},
    "at most 50": {"x": np.resize(X, (51, 3)), "index": np.resize(INDEX, 51)},
    "0 to 9": {"x": X, "index": INDEX + 1},
    "found NaN": _with_nan(),
    "found 3 values": (X, INDEX, INDEX),
    "expected values of int64": {"x": X, "index": [0.5, 1.0]},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_breaks_the_contract_is_refused(model: Predictor, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        model.predict(REFUSED[reason])


def test_a_refusal_names_the_place_and_never_the_value(model: Predictor) -> None:
    with pytest.raises(InputError, match=r"element \[1\]") as caught:
        model.predict({"x": X, "index": np.array([1, 4711])})
    assert "4711" not in str(caught.value)


def test_nan_passes_where_the_original_takes_it() -> None:
    model = Predictor(_contract(nulls=True), open_session(_graph()))
    answer: Any = model.predict(_with_nan())
    assert np.isnan(answer["twice"][1, 2])


def test_a_graph_without_an_output_of_the_contract_is_refused() -> None:
    contract = _contract()
    wrong = Output(method="predict", tensor="elsewhere", dtype="float32", shape=("batch", 3))
    with pytest.raises(FormatError, match="no such output"):
        Predictor(
            Contract(
                layout="tensors", inputs=contract.inputs, outputs=(wrong,), dimensions=contract.dimensions
            ),
            open_session(_graph()),
        )
