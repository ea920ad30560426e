from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from mlpack.errors import FormatError, MlpackError, UsageError
from mlpack.runtime._graph import check_graph
from mlpack.runtime.session import open_session

Anything: TypeAlias = Any

X = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None])
Y = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None])


def model(
    nodes: list[Any], *, tensors: list[Any] | None = None, functions: list[Any] | None = None
) -> ModelProto:
    graph = helper.make_graph(nodes, "g", [X], [Y], tensors or [])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=functions or [])


def external(location: str = "weights.bin") -> TensorProto:
    tensor = numpy_helper.from_array(np.ones(300), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


def test_a_model_runs_from_bytes_on_one_thread() -> None:
    session = open_session(model([helper.make_node("Neg", ["x"], ["y"])]).SerializeToString())
    assert session.run(["y"], {"x": np.array([1.0])})[0].tolist() == [-1.0]
    options = session.get_session_options()  # type: ignore[attr-defined]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert session.get_providers() == ["CPUExecutionProvider"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("threads", [0, -1, True, 1.5, None])
def test_threads_are_a_positive_number(threads: Anything) -> None:
    with pytest.raises(UsageError, match="threads"):
        open_session(b"", threads=threads)


@pytest.mark.parametrize("data", [b"garbage", b"\x00", b"\x3a\xff\xff\xff\xff\x0f", b"\x3b", b"\xff" * 20])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(MlpackError):
        open_session(data)


def test_an_unknown_operator_is_refused_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MlpackError, match=r"onnxruntime .* refuses the model") as caught:
        open_session(model([helper.make_node("NoSuchThing", ["x"], ["y"])]).SerializeToString())
    assert caught.value.code == "engine"
    assert capfd.readouterr() == ("", "")


def test_external_data_is_refused_although_the_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.ones(300).tofile(tmp_path / "weights.bin")
    monkeypatch.chdir(tmp_path)
    data = model([helper.make_node("Mul", ["x", "w"], ["y"])], tensors=[external()]).SerializeToString()
    with pytest.raises(FormatError, match="external data"):
        open_session(data)


def _scaled(**place: str) -> bytes:
    tensor = external()
    del tensor.external_data[:]
    for key, value in place.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    data: bytes = model([helper.make_node("Mul", ["x", "w"], ["y"])], tensors=[tensor]).SerializeToString()
    return data


def test_external_data_of_a_file_of_the_bundle_is_mapped_and_outlives_the_file(tmp_path: Path) -> None:
    file = tmp_path / "weights-1.bin"
    np.full(300, 2.0).tofile(file)
    graph = _scaled(location="weights-1.bin", offset="0", length="2400")
    session = open_session(graph, data={"weights-1.bin": file})
    file.unlink()
    np.full(300, 3.0).tofile(file)
    assert session.run(["y"], {"x": np.ones(1)})[0].tolist() == [2.0] * 300


@pytest.mark.parametrize(
    "place",
    [
        {"location": "weights-2.bin", "offset": "0", "length": "2400"},
        {"location": "./weights-1.bin", "offset": "0", "length": "2400"},
        {"location": "*/_ORT_MEM_ADDR_/*", "offset": "4096", "length": "2400"},
        {"location": "weights-1.bin", "offset": "8", "length": "2400"},
        {"location": "weights-1.bin", "offset": "-8", "length": "2400"},
        {"location": "weights-1.bin", "offset": "0"},
        {"location": "weights-1.bin", "offset": "0", "length": "2400", "checksum": "x"},
        {"offset": "0", "length": "2400"},
    ],
    ids=lambda place: " ".join(place.values()),
)
def test_external_data_elsewhere_is_refused(tmp_path: Path, place: dict[str, str]) -> None:
    file = tmp_path / "weights-1.bin"
    np.ones(300).tofile(file)
    np.ones(300).tofile(tmp_path / "weights-2.bin")
    with pytest.raises(FormatError, match="refers to"):
        open_session(_scaled(**place), data={"weights-1.bin": file})


def test_external_data_is_found_in_every_corner() -> None:
    constant = helper.make_node("Constant", [], ["w"], value=external())
    branch = helper.make_graph(
        [constant], "b", [], [helper.make_tensor_value_info("w", TensorProto.DOUBLE, [300])]
    )
    inside = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    local = helper.make_function(
        "local",
        "F",
        ["x"],
        ["y"],
        [constant, helper.make_node("Mul", ["x", "w"], ["y"])],
        [helper.make_opsetid("", 18)],
    )
    sparse = helper.make_sparse_tensor(external(), numpy_helper.from_array(np.arange(300)), [300])
    in_sparse = model([helper.make_node("Mul", ["x", "w"], ["y"])])
    in_sparse.graph.sparse_initializer.append(sparse)
    for found in (
        model([constant, helper.make_node("Mul", ["x", "w"], ["y"])]),
        model([inside]),
        model([helper.make_node("F", ["x"], ["y"], domain="local")], functions=[local]),
        in_sparse,
    ):
        with pytest.raises(FormatError, match="external data"):
            open_session(found.SerializeToString())


def test_padded_numbers_do_not_hide_external_data() -> None:
    data = model([helper.make_node("Mul", ["x", "w"], ["y"])], tensors=[external()]).SerializeToString()
    tensor = external()
    plain = tensor.SerializeToString()
    # Only the location flag, its tag and value in more bytes than they need.
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    padded = tensor.SerializeToString() + b"\xf0\x80\x00\x81\x80\x00"
    hidden = b"\x2a" + bytes([len(padded)]) + padded
    assert plain in data
    graph = b"\x3a" + bytes([len(hidden)]) + hidden
    with pytest.raises(FormatError, match="external data"):
        open_session(graph)


def test_a_foreign_domain_is_refused() -> None:
    data = model([helper.make_node("Neg", ["x"], ["y"], domain="evil")]).SerializeToString()
    with pytest.raises(FormatError, match="unknown domain"):
        open_session(data)


def test_an_operator_that_loads_compiled_code_is_refused() -> None:
    data = model([helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")]).SerializeToString()
    with pytest.raises(FormatError, match="loads compiled code"):
        open_session(data)


def test_a_function_of_the_model_itself_may_be_called() -> None:
    local = helper.make_function(
        "local", "F", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], [helper.make_opsetid("", 18)]
    )
    data = model([helper.make_node("F", ["x"], ["y"], domain="local")], functions=[local]).SerializeToString()
    assert open_session(data).run(["y"], {"x": np.array([2.0])})[0].tolist() == [-2.0]


def test_long_attributes_are_passed_over() -> None:
    rng = np.random.default_rng(0)
    node = helper.make_node(
        "LabelEncoder",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        keys_floats=rng.normal(size=5000).tolist(),
        values_int64s=rng.integers(-(2**62), 2**62, 5000).tolist(),
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
    y = helper.make_tensor_value_info("y", TensorProto.INT64, [None])
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    assert open_session(data).get_inputs()[0].name == "x"


def test_external_data_behind_long_attributes_is_found() -> None:
    node = helper.make_node(
        "Constant",
        [],
        ["w"],
        names=["", "LEAF", "BRANCH_LEQ", "x" * 31, "y" * 32, "z" * 300] * 50,
        numbers=[-1, 0, 2**62, 127, 128] * 50,
        values=[0.5, -1.0] * 50,
    )
    for data in (model([node]), model([node, helper.make_node("Constant", [], ["v"], value=external())])):
        if data.graph.node[-1].output[0] == "w":
            check_graph(data.SerializeToString())
            data.graph.node[0].attribute.append(helper.make_attribute("last", external()))
        with pytest.raises(FormatError, match="external data"):
            check_graph(data.SerializeToString())


def test_many_rows_are_given_to_a_graph_in_parts_that_its_constants_decide() -> None:
    points = numpy_helper.from_array(np.arange(2.0**15).reshape(1, -1), "points")
    nodes = [
        helper.make_node("Sub", ["x", "points"], ["apart"]),
        helper.make_node("ReduceMax", ["apart"], ["y"], keepdims=0, axes=[1]),
        helper.make_node("Shape", ["x"], ["shape"], start=0, end=1),
        helper.make_node("Expand", ["shape", "shape"], ["met"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, 1])],
        [Y, helper.make_tensor_value_info("met", TensorProto.INT64, [None])],
        [points],
    )
    data = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    assert check_graph(data) == 2**15
    x = np.arange(40.0).reshape(-1, 1)
    whole, parts = (open_session(data, by_row=by_row) for by_row in (False, True))
    assert whole.run(["met"], {"x": x})[0].tolist() == [40] * 40
    largest, met = parts.run(["y", "met"], {"x": x})
    assert met.tolist() == [16] * 32 + [8] * 8
    assert largest.tolist() == x[:, 0].tolist()
    assert parts.run(["y"], {"x": x[:1]})[0].tolist() == [0.0]


def test_sizes_are_found_however_they_are_written() -> None:
    tensor = numpy_helper.from_array(np.ones((300, 2)), "w")
    singly = model([helper.make_node("Neg", ["x"], ["y"])], tensors=[tensor]).SerializeToString()
    written = b"\x08\xac\x02\x08\x02"
    assert singly.count(written) == 1, "onnx writes a field for each size"
    packed = singly.replace(written, b"\x0a\x03\xac\x02\x02")
    assert check_graph(packed) == check_graph(singly) == 300
