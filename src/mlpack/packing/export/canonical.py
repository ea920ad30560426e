"""The canonical form of an ONNX model: equal graphs become equal bytes.

Source: the form measured in the design study: names, orders and texts that a converter chooses freely are
replaced by ones that follow from the graph alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

__all__ = ["canonical_bytes"]


def canonical_bytes(model: onnx.ModelProto) -> bytes:
    """Return the canonical serialisation of `model`; inputs and outputs keep their names and order.

    A constant whose data is elsewhere keeps its reference, which must follow from that data.

    Raises:
        ValueError: The graph refers to a value that nothing produces, or shadows a name.
    """
    import onnx

    out = onnx.ModelProto()
    out.ir_version = model.ir_version
    domains = sorted({item.domain for item in model.opset_import})
    for domain in domains:
        version = max(item.version for item in model.opset_import if item.domain == domain)
        out.opset_import.append(onnx.OperatorSetIdProto(domain=domain, version=version))
    if model.functions:
        raise ValueError("the graph has local functions")
    names = _Names()
    out.graph.CopyFrom(_canonical_graph(model.graph, names, {}))
    content: bytes = out.SerializeToString(deterministic=True)
    return content


@dataclass(slots=True)
class _Names:
    """Hands out `v0`, `v1`, ...; names that the outside sees are kept out of the way."""

    taken: set[str] = field(default_factory=set)
    count: int = 0

    def fresh(self) -> str:
        while (name := f"v{self.count}") in self.taken:
            self.count += 1
        self.count += 1
        return name


def _canonical_graph(graph: onnx.GraphProto, names: _Names, outer: dict[str, str]) -> onnx.GraphProto:
    """Return a graph with its nodes in depth-first order from the outputs and every inner name replaced."""
    import onnx

    out = onnx.GraphProto(name="mlpack")
    renamed = dict(outer)
    top = not outer and not names.taken
    if top:
        names.taken.update(item.name for item in (*graph.input, *graph.output))
    for source, target in ((graph.input, out.input), (graph.output, out.output)):
        for item in source:
            copy = target.add()
            copy.CopyFrom(item)
            copy.doc_string = ""
            copy.ClearField("metadata_props")
            if not top and source is graph.input:
                renamed[item.name] = copy.name = names.fresh()
            elif top:
                renamed[item.name] = item.name
    constants = _Constants(graph, out)
    for node in _ordered(graph):
        _copy_node(node, out, names, renamed, constants)
    for item, copy in zip(graph.output, out.output, strict=True):
        copy.name = constants.rename(item.name, names, renamed)
    return out


class _Constants:
    """The initialisers of one graph: written at first use, equal ones once."""

    def __init__(self, graph: onnx.GraphProto, out: onnx.GraphProto) -> None:
        if graph.sparse_initializer:
            raise ValueError("the graph has sparse initialisers")
        self._by_name = {item.name: item for item in graph.initializer}
        self._kept = {item.name for item in (*graph.input, *graph.output)}
        self._by_content: dict[bytes, str] = {}
        self._out = out

    def rename(self, name: str, names: _Names, renamed: dict[str, str]) -> str:
        """Return the new name of a value that is used."""
        if not name or (name in renamed and name not in self._by_name):
            return renamed.get(name, "")
        if name not in self._by_name:
            raise ValueError(f"nothing produces the value {name!r}")
        tensor = _plain_tensor(self._by_name[name])
        content = tensor.SerializeToString(deterministic=True)
        if name in self._kept:  # a default for an input, or a constant output: keeps its name
            content += name.encode()
        if content not in self._by_content:
            self._by_content[content] = name if name in self._kept else names.fresh()
            tensor.name = self._by_content[content]
            self._out.initializer.append(tensor)
        return self._by_content[content]


def _plain_tensor(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Return the tensor with raw data where it can have it, and no name or text."""
    import numpy as np
    from onnx import TensorProto, numpy_helper

    if tensor.data_type == TensorProto.STRING or tensor.data_location == TensorProto.EXTERNAL:
        plain = TensorProto()
        plain.CopyFrom(tensor)
    else:
        array = numpy_helper.to_array(tensor)
        plain = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape))
    plain.name = plain.doc_string = ""
    plain.ClearField("metadata_props")
    return plain


def _used(node: onnx.NodeProto) -> Iterator[str]:
    """Yield every outer value that a node reads, those of its subgraphs too."""
    yield from (name for name in node.input if name)
    for attribute in sorted(node.attribute, key=lambda item: item.name):
        for graph in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
            inner = {item.name for item in (*graph.input, *graph.initializer)}
            inner.update(name for item in graph.node for name in item.output)
            for item in graph.node:
                yield from (name for name in _used(item) if name not in inner)
            yield from (item.name for item in graph.output if item.name not in inner)


def _ordered(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the nodes that the outputs need, each after what it reads, depth first from the outputs."""
    made_by = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    done: set[int] = set()
    order: list[onnx.NodeProto] = []
    for output in graph.output:
        stack: list[tuple[int, Iterator[str]]] = []
        _enter(output.name, graph, made_by, done, stack)
        while stack:
            index, pending = stack[-1]
            name = next(pending, None)
            if name is not None:
                _enter(name, graph, made_by, done, stack)
                continue
            stack.pop()
            order.append(graph.node[index])
    return order


def _enter(
    name: str,
    graph: onnx.GraphProto,
    made_by: dict[str, int],
    done: set[int],
    stack: list[tuple[int, Iterator[str]]],
) -> None:
    index = made_by.get(name)
    if index is not None and index not in done:
        done.add(index)
        stack.append((index, _used(graph.node[index])))


def _copy_node(
    node: onnx.NodeProto, out: onnx.GraphProto, names: _Names, renamed: dict[str, str], constants: _Constants
) -> None:
    copy = out.node.add()
    copy.op_type = node.op_type
    copy.domain = node.domain
    copy.input.extend(constants.rename(name, names, renamed) for name in node.input)
    for name in node.output:
        if name and name not in renamed:
            renamed[name] = names.fresh()
        copy.output.append(renamed[name] if name else "")
    for attribute in sorted(node.attribute, key=lambda item: item.name):
        item = copy.attribute.add()
        item.CopyFrom(attribute)
        item.doc_string = ""
        if attribute.HasField("t"):
            item.t.CopyFrom(_plain_tensor(attribute.t))
        if attribute.HasField("g"):
            for value in _used(node):  # constants of this graph that only the subgraph reads
                renamed[value] = constants.rename(value, names, renamed)
            item.g.CopyFrom(_canonical_graph(attribute.g, names, renamed))
        if attribute.graphs:
            raise ValueError("the graph has an attribute with several subgraphs")
