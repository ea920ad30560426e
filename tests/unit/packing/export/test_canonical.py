"""Canonical form: what a converter chose freely leaves no trace."""

# ruff: noqa: ANN401 - a fitted model has no type of its own
from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mlpack.packing.export.canonical import canonical_bytes


def model(*, names: tuple[str, str] = ("a", "b"), swap: bool = False, notes: str = "") -> Any:
    first, second = names
    nodes = [
        helper.make_node("Add", ["x", f"c{first}"], [first], name=f"node {first}", doc_string=notes),
        helper.make_node("Mul", ["x", f"c{second}"], [second]),
        helper.make_node("Sub", [first, second], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(np.ones(1), name=f"c{first}"),
        numpy_helper.from_array(np.ones(1), name=f"c{second}"),
    ]
    if swap:
        nodes[:2] = nodes[1::-1]
        constants.reverse()
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        notes or "g",
        [value("x", 11, ["N"])],
        [value("y", 11, ["N"])],
        constants,
        doc_string=notes,
        value_info=[value(first, 11, ["N"])] if notes else [],
    )
    made = helper.make_model(
        graph, producer_name=notes, opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    )
    if notes:
        helper.set_model_props(made, {"where": notes})
        made.opset_import.append(helper.make_opsetid("", 21))
    return made


@pytest.mark.parametrize(
    "other",
    [model(names=("left", "right")), model(swap=True), model(notes="on my machine")],
    ids=["names", "order", "notes"],
)
def test_free_choices_leave_no_trace(other: Any) -> None:
    assert canonical_bytes(other) == canonical_bytes(model())


def test_the_canonical_form_is_its_own_canonical_form() -> None:
    once = canonical_bytes(model())
    assert canonical_bytes(onnx.load_from_string(once)) == once


def test_equal_constants_are_written_once() -> None:
    made = onnx.load_from_string(canonical_bytes(model()))
    assert len(made.graph.initializer) == 1
    assert [node.op_type for node in made.graph.node] == ["Add", "Mul", "Sub"]


def test_nodes_that_no_output_needs_are_dropped() -> None:
    extra = model()
    extra.graph.node.append(helper.make_node("Neg", ["x"], ["unused"]))
    assert canonical_bytes(extra) == canonical_bytes(model())


def test_a_value_that_nothing_produces_is_an_error() -> None:
    broken = model()
    broken.graph.node[0].input[0] = "nowhere"
    with pytest.raises(ValueError, match="nothing produces the value 'nowhere'"):
        canonical_bytes(broken)


def test_subgraphs_are_renamed_and_keep_their_meaning() -> None:
    import onnxruntime as ort

    value = helper.make_tensor_value_info
    made = []
    for prefix in ("p", "q"):
        body = helper.make_graph(
            [helper.make_node("Add", [f"{prefix}x", f"{prefix}k"], [f"{prefix}y"])],
            prefix,
            [value(f"{prefix}x", 11, [1])],
            [value(f"{prefix}y", 11, [1])],
        )
        node = helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)
        constant = numpy_helper.from_array(np.full(1, 2.0), name=f"{prefix}k")
        graph = helper.make_graph(
            [node], "g", [value("x", 11, ["N", 1])], [value("y", 11, ["N", 1])], [constant]
        )
        made.append(
            canonical_bytes(
                helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
            )
        )
    assert made[0] == made[1]
    (found,) = ort.InferenceSession(made[0]).run(None, {"x": np.arange(3.0).reshape(3, 1)})
    np.testing.assert_array_equal(found.ravel(), [2.0, 3.0, 4.0])
