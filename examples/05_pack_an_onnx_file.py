"""An ONNX file with two inputs becomes a bundle: its sizes get names, its limits and bits are kept.

Run it with `python examples/05_pack_an_onnx_file.py [FOLDER]`; without FOLDER it cleans up after itself.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import mlpack


def made_model(path: Path) -> None:
    """Write a small recommender: the mean of some embeddings, times the weights of a user's features."""
    rng = np.random.default_rng(3)
    constants = [
        numpy_helper.from_array(rng.normal(size=(50, 4)).astype(np.float32), "embeddings"),
        numpy_helper.from_array(rng.normal(size=(3, 4)).astype(np.float32), "weights"),
    ]
    nodes = [
        helper.make_node("Gather", ["embeddings", "items"], ["seen"]),
        helper.make_node("ReduceMean", ["seen"], ["taste"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["user", "weights"], ["person"]),
        helper.make_node("Mul", ["taste", "person"], ["both"]),
        helper.make_node("ReduceSum", ["both", "last"], ["score"], keepdims=0),
    ]
    constants.append(numpy_helper.from_array(np.array([1]), "last"))
    inputs = [
        helper.make_tensor_value_info("items", TensorProto.INT64, ["batch", "length"]),
        helper.make_tensor_value_info("user", TensorProto.FLOAT, ["batch", 3]),
    ]
    outputs = [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"])]
    graph = helper.make_graph(nodes, "recommender", inputs, outputs, constants)
    onnx.save_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path)
    )


def main(folder: Path) -> None:
    """Pack, load and predict."""
    made_model(folder / "recommender.onnx")
    rng = np.random.default_rng(4)
    example = {"items": rng.integers(0, 50, (30, 6)), "user": rng.normal(size=(30, 3)).astype(np.float32)}
    bundle = mlpack.pack(
        folder / "recommender.onnx", name="recommender", version="1.0.0", example=example, output=folder
    )
    for name, sizes in bundle.contract.dimensions.items():
        print(f"{name}: {sizes.minimum} to {sizes.maximum or 'any'}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nobody vouches for this bundle, and it says so
        model = mlpack.load(bundle, policy=mlpack.UNSIGNED)
    call = {"items": np.array([[1, 2, 3], [4, 5, 6]]), "user": np.ones((2, 3), dtype=np.float32)}
    print("scores of two users who saw three items each:", model.predict(call))
    try:
        model.predict({**call, "items": call["items"] + 47})
    except mlpack.errors.InputError as error:
        print("refused:", error)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
