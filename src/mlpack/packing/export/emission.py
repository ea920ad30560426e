"""The first rung: a graph by our own emitters, with exactly the contract's inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mlpack.packing.export.canonical import canonical_bytes
from mlpack.packing.export.graph import Block, Columns, GraphBuilder, Kind, Tensor, Unsupported
from mlpack.packing.export.hosting import Hosting
from mlpack.packing.export.registry import Scope

if TYPE_CHECKING:
    from mlpack.format.contract import Contract, Output
    from mlpack.packing.example import Example

__all__ = ["declare_inputs", "element_kind", "emit", "emit_hybrid"]

_KINDS = ("float64", "float32", "int64", "int32", "bool")


def emit(model: object, contract: Contract, *, plugins: set[str] | None = None) -> bytes:
    """Return canonical ONNX bytes for a fitted scikit-learn model.

    Args:
        model: A fitted estimator or pipeline.
        contract: Inputs and outputs that the graph must have, exactly.
        plugins: Filled with the distributions besides mlpack whose emitters took part.

    Raises:
        Unsupported: Some step has no emitter that gives what the original gives.
    """
    graph = GraphBuilder()
    try:
        _fill(graph, model, contract)
    except AttributeError as error:  # emitters read private state, which scikit-learn may rename
        raise Unsupported(
            type(model).__name__, f"this scikit-learn release lacks an attribute: {error}"
        ) from error
    if plugins is not None:
        plugins |= graph.plugins
    return canonical_bytes(graph.model())


def emit_hybrid(
    model: object, contract: Contract, example: Example | None, *, plugins: set[str]
) -> tuple[bytes, bytes | None]:
    """Return canonical ONNX bytes and host.json, if any: what has no exact form in a graph runs before it.

    Raises:
        Unsupported: Some step has no exact form at all, or none needs a host step.
    """
    hosting = Hosting(columns={item.tensor: item.tensor for item in contract.inputs})
    if example is not None and example.library == "pandas":
        hosting.natives = {
            item.tensor: (example.pandas_column(item.name), item.nulls) for item in contract.inputs
        }
    graph = GraphBuilder(hosting=hosting, none_marked=_none_marked(contract, example))
    hosting.asked = bool(graph.none_marked)
    try:
        _fill(graph, model, contract)
    except AttributeError as error:  # as above
        raise Unsupported(
            type(model).__name__, f"this scikit-learn release lacks an attribute: {error}"
        ) from error
    except Unsupported:
        if hosting.asked:
            raise
        raise Unsupported(type(model).__name__, "no step of it needs the host") from None
    plugins |= graph.plugins
    if not hosting.asked:
        raise Unsupported(type(model).__name__, "no step of it needs the host")
    program = hosting.program(graph.inputs_read(hosting))
    if not program.steps and not any(item.dtype == "datetime" for item in contract.inputs):
        return canonical_bytes(graph.model()), None  # all that its functions do is choose columns
    graph.drop_unread(hosting)
    return canonical_bytes(graph.model()), program.to_bytes()


def _none_marked(contract: Contract, example: Example | None) -> set[str]:
    """Return the tensors of text columns whose missing cells are None."""
    if example is None or example.library != "pandas" or example.flat:
        return set()
    return {
        item.tensor
        for item in contract.inputs
        if item.dtype == "string" and any(cell is None for cell in example.pandas_column(item.name))
    }


def _fill(graph: GraphBuilder, model: object, contract: Contract) -> None:
    """Emit every output of the contract."""
    columns = declare_inputs(graph, contract)
    scope = Scope(graph)
    for output in contract.outputs:
        kind = element_kind(output)
        if output.method == "transform":
            result = _as_matrix(graph, scope.transform(model, columns))
        else:
            result = scope.respond(model, columns, output.method)
        graph.output(output.tensor, _fitting(graph, result, output, kind))
    graph.close()


def element_kind(output: Output) -> Kind:
    """Return the element type of an output's tensor.

    Raises:
        Unsupported: ONNX has none for it.
    """
    if output.method == "predict" and output.classes is not None:
        return "int64"
    if output.dtype == "object" or output.dtype.startswith("<U"):
        return "string"
    if output.dtype not in _KINDS:
        raise Unsupported(output.method, f"returns {output.dtype}, which has no ONNX element type here")
    return cast("Kind", output.dtype)


def declare_inputs(graph: GraphBuilder, contract: Contract) -> Columns:
    """Declare exactly the contract's inputs and return them as columns.

    Raises:
        Unsupported: A mixture of types whose common type cannot be told from the contract.
    """
    inputs = contract.inputs
    if any(item.dtype == "float32" for item in inputs) and (
        narrow := [item.name for item in inputs if item.source in _NARROW]
    ):
        raise Unsupported(
            "inputs", f"float32 beside narrow integers or half floats ({narrow[:3]}); widen them"
        )
    if contract.layout == "array":
        tensor = graph.input(inputs[0].tensor, cast("Kind", inputs[0].dtype), len(inputs))
        return Columns((Block(tensor, (None,) * len(inputs)),))
    graph.categories.update(item.tensor for item in inputs if item.source.startswith(_CATEGORIES))
    return Columns(
        tuple(Block(graph.input(item.tensor, cast("Kind", item.dtype), 1), (item.name,)) for item in inputs)
    )


_CATEGORIES = ("category", "Categorical", "Enum")
"""How pandas and polars name the types of their category columns, from the first letter on."""

_NARROW = ("int8", "int16", "uint8", "uint16", "float16", "Int8", "Int16", "UInt8", "UInt16")


def _as_matrix(graph: GraphBuilder, columns: Columns) -> Tensor:
    if not columns.numeric:
        raise Unsupported("transform", "returns text columns, which have no single ONNX element type")
    kinds = set(columns.kinds)
    if kinds <= {"float64", "int64", "int32", "bool"} and len(kinds) > 1:
        return graph.matrix(columns, "float64" if "float64" in kinds else "int64")
    return graph.matrix(columns, columns.kinds[0] if len(kinds) == 1 else columns.float_kind)


def _fitting(graph: GraphBuilder, result: Tensor, output: Output, kind: Kind) -> Tensor:
    """Return the result in the output's element type, or refuse what a cast would hide."""
    expected = None if len(output.shape) == 1 else output.shape[1]
    if result.width != expected:
        raise Unsupported(output.method, f"the emitter gives width {result.width}, the model {expected}")
    if kind == "float32" and result.kind == "float64":
        raise Unsupported(output.method, "the model computes in float32, this emitter in float64")
    return graph.cast(result, kind)
