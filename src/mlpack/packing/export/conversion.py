"""The converter's child process: `python -m mlpack.packing.export.conversion FOLDER MEMORY`.

Reads `task` in the folder (a pickle that the parent has just written) and leaves `result` (canonical ONNX
bytes) or `reason` (one line).
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.canonical import canonical_bytes
from mlpack.packing.export.emission import element_kind
from mlpack.packing.export.feeding import Feed, fed, last_step
from mlpack.packing.export.graph import IR_VERSION, GraphBuilder, Kind, Tensor, Unsupported

if TYPE_CHECKING:
    import onnx

    from mlpack.format.contract import Contract, Output
    from mlpack.packing.export.registry import Fitted

__all__ = ["converted_bytes", "main"]

_CONVERTED = {"": 21, "ai.onnx.ml": 3}  # the converter's own tree and linear operators are those of ml 3
_OPSETS = {"": 21, "ai.onnx.ml": 4}  # and stand unchanged in ml 4, whose LabelEncoder our emitters use
_KINDS: dict[int, Kind] = {11: "float64", 1: "float32", 7: "int64", 6: "int32", 9: "bool", 8: "string"}


def converted_bytes(model: Fitted, contract: Contract, precision: Literal["float64", "float32"]) -> bytes:
    """Return canonical ONNX bytes by skl2onnx under the contract's names, types and shapes.

    Raises:
        Unsupported: The converter has no output for one of the methods.
    """
    graph, feeds, last = fed(model, contract, precision)
    raw_methods = [output for output in contract.outputs if _is_raw(last, output.method)]
    parts: dict[bool, list[Tensor]] = {}
    for raw in (False, True):
        wanted = [output for output in contract.outputs if (output in raw_methods) is raw]
        if wanted:
            parts[raw] = _splice(graph, _convert(last, feeds, raw=raw), feeds, prefix="r" if raw else "p")
    for output in contract.outputs:
        tensor = _response(graph, last, output, parts[output in raw_methods])
        graph.output(output.tensor, tensor)
    graph.close()
    out = graph.model()
    out.ir_version = IR_VERSION
    del out.opset_import[:]
    from onnx import helper

    out.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in _OPSETS.items())
    return canonical_bytes(out)


def _is_raw(model: object, method: str) -> bool:
    return method == "decision_function" and hasattr(model, "classes_")


def _convert(model: object, feeds: Sequence[Feed], *, raw: bool) -> onnx.ModelProto:
    """Return skl2onnx's model; options that an estimator's converter does not know are not sent."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common import data_types

    types = {
        "float64": data_types.DoubleTensorType,
        "float32": data_types.FloatTensorType,
        "int64": data_types.Int64TensorType,
        "bool": data_types.BooleanTensorType,
        "string": data_types.StringTensorType,
    }
    last = last_step(model)
    options: dict[str, object] = {"zipmap": False, "raw_scores": True} if raw else {"zipmap": False}
    allowed = _allowed_options(last)
    sent = {key: value for key, value in options.items() if key in allowed}
    if raw and "raw_scores" not in allowed and not _scores_are_raw(last):
        raise Unsupported(type(last).__name__, "the converter has no decision_function for it")
    made = convert_sklearn(
        model,
        initial_types=[(feed.name, types[feed.tensor.kind]([None, feed.tensor.width])) for feed in feeds],
        target_opset=dict(_CONVERTED),
        options={id(last): sent} if sent else None,
    )
    converted: onnx.ModelProto = made[0] if isinstance(made, tuple) else made
    return converted


def _scores_are_raw(model: object) -> bool:
    """Whether the converter's second output is the decision function anyway."""
    return not hasattr(model, "predict_proba")


def _allowed_options(model: object) -> set[str]:
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import get_converter

    name = sklearn_operator_name_map.get(type(model))
    if name is None:
        raise Unsupported(type(model).__name__, "the converter does not know this class")
    return set(get_converter(name).get_allowed_options() or ())


def _splice(
    graph: GraphBuilder, converted: onnx.ModelProto, feeds: Sequence[Feed], *, prefix: str
) -> list[Tensor]:
    """Put the converted graph into ours and return its outputs."""
    for opset in converted.opset_import:
        if opset.domain not in _CONVERTED or opset.version > _CONVERTED[opset.domain]:
            raise Unsupported("skl2onnx", f"uses opset {opset.domain or 'ai.onnx'} {opset.version}")
    inner = converted.graph
    renamed = {value.name: feed.tensor.name for value, feed in zip(inner.input, feeds, strict=True)}
    for constant in inner.initializer:
        renamed[constant.name] = f"{prefix}/{constant.name}"
        copy = type(constant)()
        copy.CopyFrom(constant)
        copy.name = renamed[constant.name]
        graph.constants[copy.name.encode()] = copy
    for node in inner.node:
        renamed.update({name: f"{prefix}/{name}" for name in node.output if name})
    graph.nodes.extend(_renamed(node, renamed) for node in inner.node)
    return [_outgoing(value, renamed[value.name]) for value in inner.output]


def _renamed(node: onnx.NodeProto, renamed: Mapping[str, str]) -> onnx.NodeProto:
    """Return a node that reads and writes other names; subgraphs keep the names of their own."""
    out = type(node)()
    out.CopyFrom(node)
    del out.input[:], out.output[:]
    out.input.extend(renamed.get(name, name) for name in node.input)
    out.output.extend(renamed.get(name, name) for name in node.output)
    for attribute in out.attribute:
        if not attribute.HasField("g"):
            continue
        inner = attribute.g
        own = {item.name for item in (*inner.input, *inner.initializer)}
        own.update(name for item in inner.node for name in item.output)
        outer = {name: target for name, target in renamed.items() if name not in own}
        nodes = [_renamed(item, outer) for item in inner.node]
        del inner.node[:]
        inner.node.extend(nodes)
    return out


def _outgoing(value: onnx.ValueInfoProto, name: str) -> Tensor:
    kind = _KINDS.get(value.type.tensor_type.elem_type)
    if kind is None:
        raise Unsupported("skl2onnx", f"the output {value.name} has a type that has no name here")
    shape = value.type.tensor_type.shape.dim
    return Tensor(name, kind, shape[1].dim_value if len(shape) > 1 else None)


def _response(graph: GraphBuilder, model: Fitted, output: Output, parts: list[Tensor]) -> Tensor:
    """Return one method's result in the contract's shape and type."""
    kind = element_kind(output)
    if output.method == "predict":
        label = parts[0]
        return (
            _index(graph, label, output)
            if output.classes is not None
            else _shaped(graph, label, output, kind)
        )
    second = output.method in ("predict_proba", "predict_log_proba", "decision_function") or (
        output.method == "transform" and hasattr(model, "predict")
    )
    if second and len(parts) < 2:
        raise Unsupported("skl2onnx", f"has no output for {output.method}")
    if output.method == "predict_log_proba":
        # Of a probability near zero the converter keeps too few digits for its logarithm.
        raise Unsupported("skl2onnx", "has no output for predict_log_proba")
    if output.method == "score_samples":
        raise Unsupported("skl2onnx", "has no output for score_samples")
    result = parts[1 if second else 0]
    if output.method == "decision_function" and len(output.shape) == 1:
        last = graph.op(
            "Gather", graph.op("Reshape", result.name, graph.ints([0, -1])), graph.ints(-1), axis=1
        )
        return graph.cast(Tensor(last, result.kind, None), kind)
    return _shaped(graph, result, output, kind)


def _shaped(graph: GraphBuilder, result: Tensor, output: Output, kind: Kind) -> Tensor:
    """Return the result reshaped; one column more or fewer fails when it is run, and so is measured."""
    width = output.width
    shape = [-1] if width is None else [-1, width]
    name = graph.op("Reshape", result.name, graph.ints(shape))
    return graph.cast(Tensor(name, result.kind, width), kind)


def _index(graph: GraphBuilder, label: Tensor, output: Output) -> Tensor:
    """Return the position of each label among the classes."""
    classes = output.classes or ()
    column = Tensor(graph.op("Reshape", label.name, graph.ints([-1, 1])), label.kind, 1)
    if label.kind == "string":
        row = graph.const(np.array([[str(item) for item in classes]], dtype=object))
    elif all(isinstance(item, int) for item in classes):
        column, row = graph.cast(column, "int64"), graph.ints([[int(item) for item in classes]])
    elif all(isinstance(item, (int, float)) for item in classes):
        column, row = graph.cast(column, "float64"), graph.doubles([[float(item) for item in classes]])
    else:
        raise Unsupported("skl2onnx", f"labels of several types come out as {label.kind}")
    hits = graph.op("Cast", graph.op("Equal", column.name, row), to=7)
    return Tensor(formulas.argmax(graph, hits), "int64", None)


def main(arguments: Sequence[str]) -> None:
    """Convert the task in a folder."""
    room, memory = Path(arguments[0]), int(arguments[1])
    _limit_memory(memory)
    sys.excepthook = _Reason(room)
    model, contract, precision = pickle.loads((room / "task").read_bytes())  # noqa: S301 - our own parent's
    content = converted_bytes(model, contract, precision)
    _load(content)
    (room / "result").write_bytes(content)


def _load(content: bytes) -> None:
    """Load the graph once, here where it may fail: some conversions have no kernel in double."""
    import onnxruntime

    onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def _limit_memory(limit: int) -> None:
    if sys.platform == "linux":  # elsewhere the limit is not kept or not settable; the time limit remains
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


class _Reason:
    """Leaves an uncaught error as one line for the parent."""

    def __init__(self, room: Path) -> None:
        self._room = room

    def __call__(self, kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        text = " ".join(str(error).split())[:300]
        line = text if kind is Unsupported else f"skl2onnx: {kind.__name__}: {text}"
        (self._room / "reason").write_text(line, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
