"""What the converter is given: the whole model, or only its last step behind our own emitters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.packing.export.emission import declare_inputs
from mlpack.packing.export.graph import Columns, GraphBuilder, Kind, Tensor, Unsupported
from mlpack.packing.export.registry import Fitted, Scope

if TYPE_CHECKING:
    from mlpack.format.contract import Contract, Input

__all__ = ["Feed", "fed", "last_step"]

_NOT_IN_ML4 = "TreeEnsemble"


@dataclass(frozen=True, slots=True)
class Feed:
    """One input as the converter knows it, and the value of our graph that fills it."""

    name: str
    tensor: Tensor


def fed(model: Fitted, contract: Contract, precision: Kind) -> tuple[GraphBuilder, list[Feed], Fitted]:
    """Return a graph with the contract's inputs, what the converter gets, and the model it converts.

    Where our emitters know every step before the last, they do the preprocessing in double and the converter
    only gets the last step: single precision before a threshold is what most often goes wrong. Otherwise it
    gets the whole model.
    """
    graph = GraphBuilder()
    try:
        columns, last = _prepared(Scope(graph, plugged=False), model, declare_inputs(graph, contract))
        named = _first_step(last) == "ColumnTransformer"  # wants its columns one by one
        if columns.numeric and not named and all(node.op_type != _NOT_IN_ML4 for node in graph.nodes):
            return graph, [Feed("X", graph.matrix(columns, precision))], last
    except Unsupported:
        pass  # the first rung has given this very reason; the whole model goes to the converter
    graph = GraphBuilder()
    return graph, _whole(graph, model, contract, precision), model


def _prepared(scope: Scope, model: Fitted, columns: Columns) -> tuple[Columns, Fitted]:
    """Emit every step before the last, and return what it sees and the step itself."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps"):
            for name, step in model.steps[:-1]:
                if step is not None and step != "passthrough":
                    columns = scope.inner(name).transform(step, columns)
            model = model.steps[-1][1]
        else:
            return columns, model


def _whole(graph: GraphBuilder, model: object, contract: Contract, precision: Kind) -> list[Feed]:
    """Declare the contract's inputs and return what the converter is told about them.

    A model that starts with a ColumnTransformer gets one input per column; any other gets one matrix.
    """
    columns = declare_inputs(graph, contract)
    tensors = [block.tensor for block in columns.blocks]
    if contract.layout == "frame" and _first_step(model) == "ColumnTransformer":
        pairs = zip(contract.inputs, tensors, strict=True)
        return [Feed(item.name, _as_column(graph, item, tensor, precision)) for item, tensor in pairs]
    numbers = [tensor if tensor.kind == "string" else graph.cast(tensor, precision) for tensor in tensors]
    if len({tensor.kind for tensor in numbers}) > 1:
        raise Unsupported(
            type(model).__name__, "text and number columns at once, without a ColumnTransformer"
        )
    return [Feed("X", graph.concat(numbers))]


def _as_column(graph: GraphBuilder, item: Input, tensor: Tensor, precision: Kind) -> Tensor:
    """Return a column in the type that the converter gets: integers stay, floats have one precision."""
    return graph.cast(tensor, precision) if item.dtype in ("float64", "float32") else tensor


def _first_step(model: object) -> str:
    """Return the class name of what sees the input first."""
    while True:
        steps = getattr(model, "steps", None)
        inside = steps[0][1] if steps else getattr(model, "best_estimator_", None)
        if inside is None:
            return type(model).__name__
        model = inside


def last_step(model: Fitted) -> Fitted:
    """Return the estimator that answers."""
    while True:
        steps = getattr(model, "steps", None)
        inside = steps[-1][1] if steps else getattr(model, "best_estimator_", None)
        if inside is None:
            return model
        model = inside
