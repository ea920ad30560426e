"""Bagging, AdaBoost, and one regressor per target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import Kind
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    step = {
        "BaggingClassifier": _bagged,
        "BaggingRegressor": _bagged_numbers,
        "AdaBoostClassifier": _boosted,
        "AdaBoostRegressor": _median,
        "MultiOutputRegressor": _each_alone,
        "RegressorChain": _chained,
    }[type(model).__name__]
    return step(scope, model, columns, method)


def _members(scope: Scope, model: Fitted) -> list[tuple[Scope, Fitted]]:
    return [(scope.inner(f"estimators_[{index}]"), member) for index, member in enumerate(model.estimators_)]


def _column(scope: Scope, tensor: Tensor) -> str:
    return scope.graph.op("Reshape", tensor.name, scope.graph.ints([-1, 1]))


def _side_by_side(scope: Scope, names: list[str]) -> str:
    return scope.graph.op("Concat", *names, axis=1) if len(names) > 1 else names[0]


def _total(scope: Scope, names: list[str]) -> str:
    total = names[0]
    for name in names[1:]:
        total = scope.graph.op("Add", total, name)
    return total


def _common(answers: list[Tensor]) -> Kind:
    """Return the type that NumPy gives answers put together: float32 only where all are."""
    return "float32" if {answer.kind for answer in answers} == {"float32"} else "float64"


def _inputs(scope: Scope, model: Fitted, columns: Columns) -> list[Columns]:
    """Return what each member of a bag sees."""
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    whole = Columns.of(scope.graph.matrix(columns, columns.float_kind))
    return [
        scope.graph.select(whole, [int(at) for at in features]) for features in model.estimators_features_
    ]


def _bagged(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph, classes = scope.graph, len(model.classes_)
    votes = []
    for (inner, member), part in zip(_members(scope, model), _inputs(scope, model, columns), strict=True):
        if len(member.classes_) != classes:
            raise scope.unsupported(member, "has not seen every class")
        if method == "decision_function":
            votes.append(inner.respond(member, part, "decision_function"))
        elif hasattr(member, "predict_proba"):
            votes.append(inner.respond(member, part, "predict_proba"))
        else:
            votes.append(Tensor(_hits(inner, member, part, classes), "float64", classes))
    total = _total(scope, [graph.cast(vote, "float64").name for vote in votes])
    total = graph.op("Div", total, graph.doubles(float(len(votes))))
    if method == "predict":
        return Tensor(formulas.argmax(graph, total), "int64", None)
    if method == "predict_log_proba":
        total = graph.op("Log", total)
    return Tensor(total, "float64", votes[0].width)


def _hits(scope: Scope, member: Fitted, columns: Columns, classes: int) -> str:
    """Return `(N, classes)` with a one where the member's label is."""
    label = _column(scope, scope.respond(member, columns, "predict"))
    row = scope.graph.ints([list(range(classes))])
    return scope.graph.op("Cast", scope.graph.op("Equal", label, row), to=11)


def _bagged_numbers(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph = scope.graph
    answers = [
        inner.respond(member, part, method)
        for (inner, member), part in zip(_members(scope, model), _inputs(scope, model, columns), strict=True)
    ]
    kind = _common(answers)
    total = _total(scope, [graph.cast(answer, kind).name for answer in answers])
    count = graph.const(np.array(len(answers), dtype=kind))
    return Tensor(graph.op("Div", total, count), kind, answers[0].width)


def _boosted(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph, classes = scope.graph, len(model.classes_)
    parts = []
    weights = [float(weight) for weight in model.estimator_weights_[: len(model.estimators_)]]
    for (inner, member), weight in zip(_members(scope, model), weights, strict=True):
        if len(member.classes_) != classes:
            raise scope.unsupported(member, "has not seen every class")
        hit = graph.op("Greater", _hits(inner, member, columns, classes), graph.doubles(0.5))
        parts.append(
            graph.op("Where", hit, graph.doubles(weight), graph.doubles(-1 / (classes - 1) * weight))
        )
    scores = graph.op("Div", _total(scope, parts), graph.doubles(float(model.estimator_weights_.sum())))
    if classes == 2:
        signed = graph.op("Mul", scores, graph.doubles([[-1.0, 1.0]]))
        value = graph.op("ReduceSum", signed, graph.ints([1]), keepdims=0)
        if method == "decision_function":
            return Tensor(value, "float64", None)
        if method == "predict":
            return Tensor(formulas.positive(graph, value), "int64", None)
        column = graph.op("Reshape", value, graph.ints([-1, 1]))
        scores = graph.op("Mul", column, graph.doubles([[-0.5, 0.5]]))
        return _shared(scope, scores, 2, method)
    if method == "decision_function":
        return Tensor(scores, "float64", classes)
    if method == "predict":
        return Tensor(formulas.argmax(graph, scores), "int64", None)
    scores = graph.op("Div", scores, graph.doubles(classes - 1.0))
    return _shared(scope, scores, classes, method)


def _shared(scope: Scope, scores: str, classes: int, method: Method) -> Tensor:
    shares = formulas.softmax(scope.graph, scores)
    shares = scope.graph.op("Log", shares) if method == "predict_log_proba" else shares
    return Tensor(shares, "float64", classes)


def _median(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit the weighted median: the first value at which half of the weight is reached."""
    graph, count = scope.graph, len(model.estimators_)
    answers = [inner.respond(member, columns, method) for inner, member in _members(scope, model)]
    values = _side_by_side(scope, [_column(scope, graph.cast(answer, "float64")) for answer in answers])
    ordered, places = graph.ops("TopK", values, graph.ints([count]), outputs=2, axis=1, largest=0, sorted=1)
    weights = graph.op("Gather", graph.doubles(model.estimator_weights_[:count]), places)
    reached = graph.op("CumSum", weights, graph.ints(1))
    last = graph.op("Gather", reached, graph.ints([count - 1]), axis=1)
    enough = graph.op("GreaterOrEqual", reached, graph.op("Mul", graph.doubles(0.5), last))
    first = graph.op("ArgMax", graph.op("Cast", enough, to=7), axis=1, keepdims=1, select_last_index=0)
    found = graph.flat(Tensor(graph.op("GatherElements", ordered, first, axis=1), "float64", 1))
    return graph.cast(found, _common(answers))


def _each_alone(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    answers = [inner.respond(member, columns, method) for inner, member in _members(scope, model)]
    kind = _common(answers)
    names = [_column(scope, scope.graph.cast(answer, kind)) for answer in answers]
    return Tensor(_side_by_side(scope, names), kind, len(names))


def _chained(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph = scope.graph
    if not columns.numeric:
        raise scope.unsupported(model, "meets text columns")
    seen = graph.matrix(columns, "float64")
    answers: list[Tensor] = []
    for inner, member in _members(scope, model):
        number = graph.cast(inner.respond(member, Columns.of(seen), method), "float64")
        answer = Tensor(_column(inner, number), "float64", 1)
        answers.append(answer)
        seen = graph.concat([seen, answer])
    order = [int(at) for at in model.order_]
    return graph.pick(graph.concat(answers), [order.index(at) for at in range(len(order))])
