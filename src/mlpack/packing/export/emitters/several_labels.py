"""One classifier per label: each for itself, or each one seeing the labels before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.packing.export.graph import Columns, Tensor
from mlpack.packing.export.labels import label_values

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method: a column per label."""
    if type(model).__name__ == "ClassifierChain":
        return _chained(scope, model, columns, method)
    if method != "predict":
        raise scope.unsupported(model, f"{method} returns a list of arrays")
    parts = [
        _column(scope, label_values(inner, member.classes_, inner.respond(member, columns, "predict").name))
        for inner, member in _members(scope, model)
    ]
    if len({part.kind for part in parts}) > 1:
        raise scope.unsupported(model, "its targets have labels of different types")
    return scope.graph.concat(parts)


def _members(scope: Scope, model: Fitted) -> list[tuple[Scope, Fitted]]:
    return [(scope.inner(f"estimators_[{index}]"), member) for index, member in enumerate(model.estimators_)]


def _column(scope: Scope, tensor: Tensor) -> Tensor:
    return Tensor(scope.graph.op("Reshape", tensor.name, scope.graph.ints([-1, 1])), tensor.kind, 1)


def _chained(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph = scope.graph
    handed: Method = getattr(model, "chain_method_", "predict")
    seen = Tensor(scope.doubles(model, columns), "float64", columns.width)
    answers = []
    for inner, member in _members(scope, model):
        before = Columns.of(seen)
        answers.append(_answer(inner, member, before, method))
        seen = graph.concat([seen, _answer(inner, member, before, handed)])
    order = [int(at) for at in model.order_]
    return graph.pick(graph.concat(answers), [order.index(at) for at in range(len(order))])


def _answer(scope: Scope, member: Fitted, columns: Columns, method: Method) -> Tensor:
    """Return what one classifier of a chain says, a column of doubles."""
    graph = scope.graph
    answer = scope.respond(member, columns, method)
    if method == "predict":
        return _column(scope, graph.cast(label_values(scope, member.classes_, answer.name), "float64"))
    if len(member.classes_) != 2:
        raise scope.unsupported(member, "has more than two classes inside a chain")
    if method in ("predict_proba", "predict_log_proba"):
        return graph.pick(answer, [1])
    return _column(scope, answer)
