"""Graphs with their weights in files beside them: packed, signed, verified, and loaded from those bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import mlpack
from mlpack.errors import ContentMismatchError, ModelError
from mlpack.packing.adapters import find_tensor_model
from mlpack.packing.tensors import weights

ROWS = np.random.default_rng(0).normal(size=(9, 64)).astype(np.float32)
FIRST = "model/weights-1.bin"


def _network() -> onnx.ModelProto:
    rng = np.random.default_rng(1)
    hidden, out = (rng.normal(size=shape).astype(np.float32) for shape in ((64, 512), (512, 8)))
    nodes = [
        helper.make_node("MatMul", ["x", "hidden"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "out"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 8])],
        [numpy_helper.from_array(hidden, "hidden"), numpy_helper.from_array(out, "out")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def _pack(model: object, folder: Path, **more: Any) -> Any:  # noqa: ANN401
    return mlpack.pack(model, name="large", version="1.0.0", example=ROWS, output=folder, **more)


@pytest.fixture(scope="module", autouse=True)
def _small_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "LARGE", 1 << 16)
        yield


def _saved(folder: Path) -> Path:
    path = folder / "model.onnx"
    onnx.save_model(_network(), str(path), save_as_external_data=True, location="data", size_threshold=0)
    return path


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    return _saved(tmp_path)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, mlpack.Policy]:
    folder = tmp_path_factory.mktemp("large")
    bundle = _pack(_saved(folder), folder / "dist", layout="directory")
    key, public = mlpack.trust.generate_key(folder / "key")
    mlpack.sign(bundle.path, mlpack.trust.KeySigner.from_file(key))
    return bundle.path, mlpack.Policy.from_key(public)


@pytest.fixture
def signed(packed: tuple[Path, mlpack.Policy], tmp_path: Path) -> tuple[Path, mlpack.Policy]:
    path, policy = packed
    return Path(shutil.copytree(path, tmp_path / path.name)), policy


@pytest.mark.network
def test_one_digest_whether_the_data_is_in_the_model_or_beside_it(beside: Path, tmp_path: Path) -> None:
    inline = _pack(_network(), tmp_path / "inline")
    assert inline.digest == _pack(beside, tmp_path / "beside").digest
    assert inline.manifest.files[FIRST].size >= 4 * 64 * 512
    assert "external-data" in inline.manifest.requires


@pytest.mark.network
def test_a_graph_with_data_beside_it_answers_as_the_file_does(
    signed: tuple[Path, mlpack.Policy], beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    path, policy = signed
    native = onnxruntime.InferenceSession(str(beside)).run(None, {"x": ROWS})[0]
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    model = mlpack.load(path, policy=policy)
    np.testing.assert_array_equal(model.predict(ROWS), native)
    assert not list(room.iterdir())  # no path leads to the weights that run


@pytest.mark.network
def test_weights_replaced_between_verifying_and_loading_are_refused(
    signed: tuple[Path, mlpack.Policy],
) -> None:
    path, policy = signed
    verified = mlpack.verify(path, policy)
    file = path / FIRST
    file.write_bytes(bytes(len(file.read_bytes())))
    with pytest.raises(ContentMismatchError, match=r"weights-1\.bin"):
        mlpack.load(verified)


@pytest.mark.network
def test_weights_replaced_after_loading_change_nothing(signed: tuple[Path, mlpack.Policy]) -> None:
    path, policy = signed
    model = mlpack.load(path, policy=policy)
    expected = model.predict(ROWS)
    file = path / FIRST
    with file.open("r+b") as inside:  # the same file, not a new one of its name
        inside.write(bytes(file.stat().st_size))
    np.testing.assert_array_equal(model.predict(ROWS), expected)


GIGABYTE = 1 << 30


def _embedding(folder: Path, gigabytes: int) -> Path:
    """Write tables of embeddings with more bytes than a protobuf can have."""
    rows, width = 1 << 20, 256  # one table is a gigabyte
    block = np.random.default_rng(2).normal(size=(1 << 14, width)).astype(np.float32)
    constants, nodes, parts = [], [], []
    with (folder / "data").open("wb") as file:
        for number in range(gigabytes):
            tensor = TensorProto(name=f"table{number}", data_type=TensorProto.FLOAT, dims=(rows, width))
            tensor.data_location = TensorProto.EXTERNAL
            place = {"location": "data", "offset": str(file.tell()), "length": str(GIGABYTE)}
            for key, text in place.items():
                entry = tensor.external_data.add()
                entry.key, entry.value = key, text
            for piece in range(rows // len(block)):
                file.write((block + np.float32(number + piece)).tobytes())
            constants.append(tensor)
            parts.append(f"part{number}")
            nodes.append(helper.make_node("Gather", [tensor.name, "ids"], [parts[-1]]))
    nodes.append(helper.make_node("Sum", parts, ["y"]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


LOADING = """
import resource, sys, numpy, mlpack
rows = numpy.arange(1000)
model = mlpack.load(sys.argv[1], policy=mlpack.Policy.from_digest(sys.argv[2]))
assert numpy.isfinite(model.predict(rows)).all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.network
def test_a_graph_of_more_than_two_gigabytes_is_packed_verified_and_loaded(tmp_path: Path) -> None:
    import resource

    ids = np.random.default_rng(0).integers(0, 1 << 20, 50)
    size = 3 * GIGABYTE
    bundle = mlpack.pack(
        _embedding(tmp_path, 3), name="large", version="1.0.0", example=ids, output=tmp_path / "dist"
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < size // 2  # it went by in pieces
    assert bundle.manifest.files[FIRST].size >= size
    done = subprocess.run(
        [sys.executable, "-c", LOADING, bundle.path, bundle.digest],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < size // 2  # of what is mapped, only what is read


def test_data_that_is_too_short_is_refused(beside: Path) -> None:
    data = beside.with_name("data")
    data.write_bytes(data.read_bytes()[:-8])
    with pytest.raises(ModelError, match="beyond the end"):
        find_tensor_model(beside, ROWS)


def test_a_missing_data_file_is_named(beside: Path) -> None:
    beside.with_name("data").unlink()
    with pytest.raises(ModelError, match="its data is missing: data"):
        find_tensor_model(beside, ROWS)
