from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from onnx import TensorProto, helper

PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
import mlpack
model = mlpack.load(sys.argv[1], policy=mlpack.UNSIGNED)
assert model.predict({"age": 1.5}).tolist() == [1]
assert model.predict({"age": [1.5, 0.5]}).tolist() == [1, 0]
heavy = "sklearn scipy pandas polars pyarrow onnx skl2onnx joblib cryptography yaml numpy.ma"
heavy += " mlpack.packing mlpack.trust.verification mlpack.trust.policy"
print(" ".join(name for name in heavy.split() if name in sys.modules))
"""


def test_serving_loads_neither_the_original_nor_a_table_library(
    tmp_path: Path, make_bundle: Callable[..., Path]
) -> None:
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Constant", [], ["axis"], value_ints=[1]),
            node("Cast", ["age"], ["whole"], to=TensorProto.INT64),
            node("Squeeze", ["whole", "axis"], ["label"]),
        ],
        "g",
        [helper.make_tensor_value_info("age", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, [None])],
    )
    data = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    ).SerializeToString()
    bundle = make_bundle(tmp_path, more={"model/model.onnx": ("model", data)})
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bundle)], capture_output=True, text=True, check=False, timeout=60
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == []
    assert found.stderr == ""
