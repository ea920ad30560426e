"""Several classes out of binary models: one against the rest, one against one, output codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.duels import class_scores
from mlpack.packing.export.graph import Columns, Tensor

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import Kind
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    name = type(model).__name__
    if name == "OneVsRestClassifier":
        return _one_against_rest(scope, model, columns, method)
    if name == "OneVsOneClassifier":
        return _one_against_one(scope, model, columns, method)
    if method != "predict":
        raise scope.unsupported(model, f"has no {method}")
    scores = scope.graph.concat([_score(*pair, columns) for pair in _members(scope, model)])
    return Tensor(
        formulas.nearest_point(scope.graph, scores.name, np.asarray(model.code_book_)), "int64", None
    )


def _members(scope: Scope, model: Fitted) -> list[tuple[Scope, Fitted]]:
    return [(scope.inner(f"estimators_[{index}]"), member) for index, member in enumerate(model.estimators_)]


def _constant(scope: Scope, member: Fitted, columns: Columns) -> Tensor | None:
    """Return the answer of a model that has seen one class only, or None for a model."""
    if type(member).__name__ != "_ConstantPredictor":
        return None
    row = scope.graph.doubles([[float(member.y_[0])]])
    return Tensor(formulas.each_row(scope.graph, columns.blocks[0].tensor.name, row, 1), "float64", 1)


def _decides(member: Fitted) -> bool:
    from sklearn.base import is_regressor

    return is_regressor(member) or hasattr(member, "decision_function")


def _score(scope: Scope, member: Fitted, columns: Columns) -> Tensor:
    """Return how sure a binary model is of its second class, `(N, 1)`."""
    constant = _constant(scope, member, columns)
    if constant is not None:
        return constant
    if not hasattr(member, "classes_"):
        raise scope.unsupported(member, "a regressor in place of a classifier")
    if _decides(member):
        score = scope.respond(member, columns, "decision_function")
    else:
        score = scope.graph.pick(scope.respond(member, columns, "predict_proba"), [1])
    score = scope.graph.cast(score, "float64")
    return Tensor(scope.graph.op("Reshape", score.name, scope.graph.ints([-1, 1])), "float64", 1)


def _one_against_rest(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph, members = scope.graph, _members(scope, model)
    if method == "predict_proba":
        return _shares(scope, model, columns)
    if method not in ("predict", "decision_function"):
        raise scope.unsupported(model, f"has no {method}")
    if method == "decision_function" and not all(_decides(member) for _, member in members):
        raise scope.unsupported(model, "a class is constant")
    whole = graph.concat([_score(inner, member, columns) for inner, member in members])
    if method == "decision_function":
        return graph.flat(whole) if len(members) == 1 else whole
    if model.label_binarizer_.y_type_ == "multiclass":
        return Tensor(formulas.argmax(graph, whole.name), "int64", None)
    threshold = 0.0 if _decides(members[0][1]) else 0.5
    hits = graph.op("Cast", graph.op("Greater", whole.name, graph.doubles(threshold)), to=7)
    result = Tensor(hits, "int64", len(members))
    return result if model.multilabel_ else graph.flat(result)


def _shares(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    graph, parts = scope.graph, []
    for inner, member in _members(scope, model):
        part = _constant(inner, member, columns)
        parts.append(part or graph.pick(inner.respond(member, columns, "predict_proba"), [1]))
    kind: Kind = "float32" if {part.kind for part in parts} == {"float32"} else "float64"
    whole = graph.concat([graph.cast(part, "float64") for part in parts])
    if len(parts) == 1:
        whole = Tensor(formulas.pair(graph, whole.name), "float64", 2)
    if model.multilabel_:
        return graph.cast(whole, kind)
    total = graph.op("ReduceSum", whole.name, graph.ints([1]), keepdims=1)
    # A row that every model denies stays a row of zeros.
    nothing = graph.op("Equal", total, graph.doubles(0.0))
    total = graph.op("Where", nothing, graph.doubles(1.0), total)
    return graph.cast(Tensor(graph.op("Div", whole.name, total), "float64", whole.width), kind)


def _one_against_one(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    graph, classes = scope.graph, len(model.classes_)
    if method not in ("predict", "decision_function") or model.pairwise_indices_ is not None:
        raise scope.unsupported(model, f"{method} has no emitter")
    labels, scores = [], []
    for inner, member in _members(scope, model):
        score = _score(inner, member, columns)
        label = _constant(inner, member, columns)
        if label is None:
            index = inner.respond(member, columns, "predict")
            label = graph.cast(
                Tensor(graph.op("Reshape", index.name, graph.ints([-1, 1])), "int64", 1), "float64"
            )
        labels.append(label)
        scores.append(score)
    half = graph.doubles(0.5)
    seconds = [graph.op("Greater", label.name, half) for label in labels]
    whole = class_scores(graph, seconds, [score.name for score in scores], classes)
    if classes == 2:
        value = graph.flat(graph.pick(whole, [1]))
        if method == "decision_function":
            return value
        above = graph.op("Greater", value.name, graph.doubles(0.0 if _decides(model.estimators_[0]) else 0.5))
        return Tensor(graph.op("Cast", above, to=7), "int64", None)
    if method == "predict":
        return Tensor(formulas.argmax_or_nan(graph, whole.name), "int64", None)
    return whole
