"""Building an ONNX graph: deterministic names, every node and constant once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.format.artifact import Artifact
from mlpack.format.host import HOST_FEATURE, HOST_PATH
from mlpack.format.names import REFUSED
from mlpack.packing.export.tensors import Block, Columns, Kind, Tensor, Unsupported

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from mlpack.packing.export.hosting import Hosting

__all__ = ["Block", "Columns", "GraphBuilder", "Kind", "Tensor", "Unsupported", "graph_artifact"]

OPSET = 21
ML_OPSET = 5  # TreeEnsemble in double
IR_VERSION = 10  # read by every onnxruntime from 1.22 on
MODEL_PATH = "model/model.onnx"
OLDEST_ONNXRUNTIME = "1.24"
"""Before 1.24, forests of several classes came out wrong: measured, `nox -s compat`."""

_ONNX_TYPES = {"float64": 11, "float32": 1, "int64": 7, "int32": 6, "bool": 9, "string": 8}


@dataclass(slots=True)
class GraphBuilder:
    """Collects nodes and constants; equal nodes and equal constants are shared.

    Attributes:
        finite: Values that are finite (or missing as the contract allows) in every row that it accepts.
        guards: Values `(N,)` that are true in rows which a step of the original refuses.
        plugins: Distributions besides mlpack whose emitters took part.
        prefix: Before the names of a subgraph's values, which must not be those of the graph around it.
        categories: Inputs that are columns of categories in a frame, whose codes only the model knows.
        none_marked: Inputs of texts in which the caller marks missing ones by None, and not by NaN.
        hosting: Steps that run before the graph; None where the graph has to do without.

    Node results are named `/t0`, `/t1`, ... and constants `/c0`, `/c1`, ... in order of creation, which the
    fitted model alone decides. The slash keeps them apart from the names of inputs and outputs.
    """

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[bytes, onnx.TensorProto] = field(default_factory=dict)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    finite: set[str] = field(default_factory=set)
    guards: list[str] = field(default_factory=list)
    plugins: set[str] = field(default_factory=set)
    prefix: str = ""
    categories: set[str] = field(default_factory=set)
    hosting: Hosting | None = None
    none_marked: set[str] = field(default_factory=set)
    _known: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    _count: int = 0

    def const(self, value: NDArray[Any]) -> str:
        """Return the name of a constant; strings are given as an object or `<U` array."""
        from onnx import numpy_helper

        array = np.ascontiguousarray(value).reshape(np.shape(value))
        if array.dtype.kind in "UO":
            array = array.astype(object)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        key = f"{array.dtype.str}{array.shape}".encode() + hashlib.sha256(content).digest()
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, name=f"{self.prefix}/c{len(self.constants)}")
        return str(self.constants[key].name)

    def doubles(self, value: Any) -> str:  # noqa: ANN401 - whatever numpy takes
        """Return a float64 constant."""
        return self.const(np.asarray(value, dtype=np.float64))

    def ints(self, value: Any) -> str:  # noqa: ANN401 - whatever numpy takes
        """Return an int64 constant."""
        return self.const(np.asarray(value, dtype=np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:  # noqa: ANN401
        """Add a node with one result and return its name; an equal node is not added twice."""
        return self.ops(kind, *inputs, outputs=1, domain=domain, **attributes)[0]

    def ops(
        self,
        kind: str,
        *inputs: str,
        outputs: int,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[str, ...]:
        """Add a node with several results and return their names."""
        from onnx import helper

        node = helper.make_node(kind, list(inputs), [], domain=domain)
        node.attribute.extend(_attribute(key, attributes[key]) for key in sorted(attributes))
        key = hashlib.sha256(node.SerializeToString(deterministic=True)).digest() + bytes([outputs])
        if key not in self._known:
            names = tuple(f"{self.prefix}/t{self._count + index}" for index in range(outputs))
            self._count += outputs
            node.output.extend(names)
            self.nodes.append(node)
            self._known[key] = names
        return self._known[key]

    def input(self, name: str, kind: Kind, width: int | str) -> Tensor:
        """Declare a graph input `[N, width]`; a width that changes from batch to batch has a name.

        Raises:
            Unsupported: Instants, where no host step could take them.
        """
        from onnx import helper

        if kind == "datetime":
            if self.hosting is None:
                raise Unsupported(name, "a column of dates has no form in a graph; it takes a host step")
            return Tensor(name, kind, 1)

        self.inputs.append(helper.make_tensor_value_info(name, _ONNX_TYPES[kind], ["N", width]))
        self.finite.add(name)  # what may not be is refused by the contract
        return Tensor(name, kind, width if isinstance(width, int) else None)

    def output(self, name: str, tensor: Tensor) -> None:
        """Declare a graph output that is `tensor` under the name given."""
        from onnx import helper

        shape: list[str | int] = ["N"] if tensor.width is None else ["N", tensor.width]
        self.outputs.append(helper.make_tensor_value_info(name, _ONNX_TYPES[tensor.kind], shape))
        self.nodes.append(helper.make_node("Identity", [tensor.name], [name]))

    def cast(self, tensor: Tensor, kind: Kind) -> Tensor:
        """Return the tensor in another element type; free when it has it already."""
        if tensor.kind == kind:
            return tensor
        if tensor.kind == "datetime":
            raise Unsupported(tensor.name, "a step takes dates themselves; give it their parts (.dt.hour)")
        name = self.op("Cast", tensor.name, to=_ONNX_TYPES[kind])
        if tensor.kind not in ("float64", "string") or kind != "float32" or self._is_input(tensor.name):
            self._inherit(name, tensor.name)
        return Tensor(name, kind, tensor.width)

    def concat(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return `[N, a]`, `[N, b]`, ... of one kind as `[N, a + b + ...]`."""
        if len(tensors) == 1:
            return tensors[0]
        name = self.op("Concat", *(tensor.name for tensor in tensors), axis=1)
        self._inherit(name, *(tensor.name for tensor in tensors))
        return Tensor(name, tensors[0].kind, sum(tensor.width or 0 for tensor in tensors))

    def matrix(self, columns: Columns, kind: Kind) -> Tensor:
        """Return all columns as one `[N, k]` tensor of one element type."""
        return self.concat([self.cast(block.tensor, kind) for block in columns.blocks])

    def flat(self, tensor: Tensor) -> Tensor:
        """Return `[N, 1]` as `[N]`."""
        return Tensor(self.op("Reshape", tensor.name, self.ints([-1])), tensor.kind, None)

    def pick(self, tensor: Tensor, indices: Sequence[int]) -> Tensor:
        """Return some columns of an `[N, k]` tensor, in the order given."""
        if list(indices) == list(range(tensor.width or 0)):
            return tensor
        if self.hosting is not None and (rows := self.hosting.picked(self, tensor, indices)):
            return rows
        name = self.op("Gather", tensor.name, self.ints(list(indices)), axis=1)
        self._inherit(name, tensor.name)
        return Tensor(name, tensor.kind, len(indices))

    def select(self, columns: Columns, indices: Iterable[int]) -> Columns:
        """Return some columns in the order given; runs from one block stay one block."""
        home = [(block, at) for block in columns.blocks for at in range(block.width)]
        runs: list[tuple[Block, list[int]]] = []
        for index in indices:
            block, at = home[index]
            if runs and runs[-1][0] is block:
                runs[-1][1].append(at)
            else:
                runs.append((block, [at]))
        return Columns(
            tuple(
                Block(self.pick(block.tensor, places), tuple(block.names[at] for at in places))
                for block, places in runs
            )
        )

    def _is_input(self, name: str) -> bool:
        return any(value.name == name for value in self.inputs)

    def _inherit(self, name: str, *sources: str) -> None:
        if self.finite.issuperset(sources):
            self.finite.add(name)

    def guard(self, tensor: Tensor, *, nulls: bool) -> None:
        """Refuse rows in which a computed value is infinite, or missing unless `nulls`, as the original does.

        Free for values that are known to be finite once the contract has let the row pass.
        """
        if tensor.kind not in ("float64", "float32") or tensor.name in self.finite:
            return
        zero = self.const(np.zeros((), dtype=tensor.kind))
        if nulls:
            bad = self.op("Cast", self.op("IsInf", tensor.name), to=_ONNX_TYPES["float32"])
            total = self.op("ReduceMax", bad, self.ints([1]), keepdims=0)
            found = self.op("Greater", total, self.const(np.zeros((), dtype=np.float32)))
        else:
            # Zero times anything finite is zero; NaN and the infinities give NaN, and sums keep it.
            total = self.op("ReduceSum", self.op("Mul", tensor.name, zero), self.ints([1]), keepdims=0)
            found = self.op("IsNaN", total)
        if found not in self.guards:
            self.guards.append(found)

    def repeat(
        self, times: str, state: Sequence[Tensor], body: Callable[..., Sequence[str]]
    ) -> tuple[str, ...]:
        """Emit a loop and return the last state.

        Args:
            times: How often, an int64 scalar.
            state: Values before the first round.
            body: Takes the builder of the loop's graph, the number of the round and the state's names, and
                returns the names of the next state. It may read values of this graph by name.
        """
        from onnx import helper

        inner = GraphBuilder(prefix=f"{self.prefix}/{state[0].name}")
        round_, go = f"{inner.prefix}/round", f"{inner.prefix}/go"
        names = [f"{inner.prefix}/state{index}" for index in range(len(state))]
        after = [inner.op("Identity", name) for name in body(inner, round_, *names)]
        still = inner.op("Identity", go)
        shapes: list[list[str | int | None]] = [
            ["R", *([item.width] if item.width else [])] for item in state
        ]
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            inner.nodes,
            "mlpack",
            [
                value(round_, _ONNX_TYPES["int64"], []),
                value(go, _ONNX_TYPES["bool"], []),
                *(
                    value(name, _ONNX_TYPES[item.kind], shape)
                    for name, item, shape in zip(names, state, shapes, strict=True)
                ),
            ],
            [
                value(still, _ONNX_TYPES["bool"], []),
                *(
                    value(name, _ONNX_TYPES[item.kind], shape)
                    for name, item, shape in zip(after, state, shapes, strict=True)
                ),
            ],
            initializer=list(inner.constants.values()),
        )
        return self.ops("Loop", times, "", *(item.name for item in state), outputs=len(state), body=graph)

    def choose(
        self, condition: str, result: Tensor, *, yes: Callable[[GraphBuilder], str], no: Callable[..., str]
    ) -> str:
        """Emit a choice and return its result.

        Args:
            condition: One boolean.
            result: A name for the choice, and what both ways give.
            yes: Takes the builder of its own graph, and returns a name. It may read values of this graph.
            no: Likewise.
        """
        from onnx import helper

        ways = {}
        for word, body in (("then_branch", yes), ("else_branch", no)):
            inner = GraphBuilder(prefix=f"{self.prefix}/{result.name}/{word}")
            last = inner.op("Identity", body(inner))
            shape: list[str | int | None] = ["R", *([result.width] if result.width else [])]
            given = helper.make_tensor_value_info(last, _ONNX_TYPES[result.kind], shape)
            constants = list(inner.constants.values())
            ways[word] = helper.make_graph(inner.nodes, "mlpack", [], [given], initializer=constants)
        return self.op("If", condition, **ways)

    def close(self) -> None:
        """Declare the output that says which rows the original refuses, if any step found reason to look."""
        if not self.guards:
            return
        whole = self.guards[0]
        for guard in self.guards[1:]:
            whole = self.op("Or", whole, guard)
        self.output(REFUSED, Tensor(whole, "bool", None))

    def inputs_read(self, hosting: Hosting) -> list[str]:
        """Return the names of the inputs that some node reads.

        Raises:
            Unsupported: A node reads instants.
        """
        makers = {name: node for node in self.nodes for name in node.output}
        read: set[str] = set()
        waiting = [item.name for item in self.outputs]
        while waiting:
            name = waiting.pop()
            if name not in read:
                read.add(name)
                waiting += _names_read(makers[name]) if name in makers else ()
        if dates := [name for name in sorted(read) if hosting.is_date(name)]:
            raise Unsupported(dates[0], "a step takes dates themselves; give it their parts (.dt.hour)")
        return [item.name for item in self.inputs if item.name in read]

    def drop_unread(self, hosting: Hosting) -> None:
        """Drop the inputs that only the host could read or fill, and that no node reads."""
        read = set(self.inputs_read(hosting))
        self.inputs[:] = [item for item in self.inputs if item.name in read or not hosting.knows(item.name)]

    def model(self) -> onnx.ModelProto:
        """Return the finished model."""
        from onnx import helper

        graph = helper.make_graph(
            self.nodes, "mlpack", self.inputs, self.outputs, initializer=list(self.constants.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _names_read(node: onnx.NodeProto) -> Iterable[str]:
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _names_read(inner)


def graph_artifact(model: bytes, host: bytes | None = None, *, plugins: Iterable[str] = ()) -> Artifact:
    """Return what runs: a canonical serialised model, host.json, and the plug-ins that took part."""
    import onnx

    outputs = onnx.load_model_from_string(model).graph.output
    # A reader must heed the guard before it gives an answer.
    guarded = any(output.name == REFUSED for output in outputs)
    return Artifact(
        format="onnx",
        path=MODEL_PATH,
        files={MODEL_PATH: model} if host is None else {MODEL_PATH: model, HOST_PATH: host},
        requires=(
            *(("guard",) if guarded else ()),
            *(() if host is None else (HOST_FEATURE,)),
            "onnx",
        ),
        runtime={"onnxruntime": f">={OLDEST_ONNXRUNTIME}"},
        plugins=tuple(sorted(plugins)),
    )


def _attribute(name: str, value: Any) -> onnx.AttributeProto:  # noqa: ANN401 - whatever an attribute takes
    """Return an attribute; an int64 array becomes a list of integers without a check of each."""
    import onnx

    if not isinstance(value, np.ndarray):
        return onnx.helper.make_attribute(name, value)
    attribute = onnx.AttributeProto(name=name, type=onnx.AttributeProto.INTS)
    attribute.ints.extend(value.tolist())
    return attribute
