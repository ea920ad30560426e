"""Voting, stacking and calibration: several models answer, a rule puts the answers together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.graph import Block, Columns, Tensor
from mlpack.packing.export.interpolation import monotonic

if TYPE_CHECKING:
    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import Kind
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond", "transform"]


def transform(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    """Emit `transform` of a stack: the answers side by side."""
    if hasattr(model, "stack_method_"):
        return _stacked(scope, model, columns)
    if getattr(model, "voting", "") == "soft":
        if not model.flatten_transform:
            raise scope.unsupported(model, "flatten_transform=False gives three dimensions")
        shares = [inner.respond(member, columns, "predict_proba") for inner, member in _members(scope, model)]
        return _together(scope, shares)
    hard = hasattr(model, "classes_")
    votes = []
    for inner, member in _members(scope, model):
        if hard:
            vote = Tensor(_encoded(inner, member, columns), "int64", None)
        else:
            vote = inner.respond(member, columns, "predict")
        votes.append(Tensor(scope.graph.op("Reshape", vote.name, scope.graph.ints([-1, 1])), vote.kind, 1))
    return _together(scope, votes)


def _together(scope: Scope, parts: list[Tensor]) -> Columns:
    """Return answers side by side, in the type that NumPy gives them."""
    if len({part.kind for part in parts}) == 1:
        return Columns.of(scope.graph.concat(parts))
    whole = Columns(tuple(Block(part, (None,) * (part.width or 0)) for part in parts))
    return Columns.of(scope.graph.matrix(whole, whole.float_kind))


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit another method of the committee."""
    name = type(model).__name__
    if hasattr(model, "classes_") and isinstance(model.classes_, list):
        raise scope.unsupported(model, "several labels at once")
    if name.startswith("Stacking"):
        return _final(scope, model, columns, method)
    if name == "VotingRegressor" and method == "predict":
        votes = [inner.respond(member, columns, "predict") for inner, member in _members(scope, model)]
        return _average(scope, model, votes)
    if method == "predict" and name == "VotingClassifier" and model.voting == "hard":
        return _majority(scope, model, columns)
    if name == "VotingRegressor" or method not in ("predict", "predict_proba"):
        raise scope.unsupported(model, f"{method} has no emitter")
    shares = (
        _voted(scope, model, columns) if name.startswith("Voting") else _calibrated(scope, model, columns)
    )
    if method == "predict":
        return Tensor(formulas.argmax(scope.graph, shares.name), "int64", None)
    return shares


def _members(scope: Scope, model: Fitted) -> list[tuple[Scope, Fitted]]:
    return [(scope.inner(f"estimators_[{index}]"), member) for index, member in enumerate(model.estimators_)]


def _average(scope: Scope, model: Fitted, votes: list[Tensor]) -> Tensor:
    """Emit NumPy's average of equally shaped values, weighted where the model has weights."""
    graph, weights = scope.graph, model._weights_not_none  # noqa: SLF001
    kinds = {vote.kind for vote in votes}
    if not kinds <= {"float64", "float32"}:
        raise scope.unsupported(model, "averages something other than floats")
    kind: Kind = "float32" if kinds == {"float32"} and weights is None else "float64"
    names = [graph.cast(vote, kind).name for vote in votes]
    if weights is not None:
        pairs = zip(names, weights, strict=True)
        names = [graph.op("Mul", name, graph.doubles(float(weight))) for name, weight in pairs]
    total = names[0]
    for name in names[1:]:
        total = graph.op("Add", total, name)
    count = float(np.sum(weights)) if weights is not None else float(len(votes))
    return Tensor(graph.op("Div", total, graph.const(np.array(count, dtype=kind))), kind, votes[0].width)


def _voted(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    if model.voting != "soft":
        raise scope.unsupported(model, "voting='hard' has no probabilities")
    votes = [inner.respond(member, columns, "predict_proba") for inner, member in _members(scope, model)]
    return _average(scope, model, votes)


def _majority(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    """Emit the first label with the largest weight of votes."""
    graph, total = scope.graph, ""
    weights = model._weights_not_none  # noqa: SLF001
    row = graph.ints([list(range(len(model.classes_)))])
    for index, (inner, member) in enumerate(_members(scope, model)):
        label = _encoded(inner, member, columns)
        hits = graph.op(
            "Cast", graph.op("Equal", graph.op("Reshape", label, graph.ints([-1, 1])), row), to=11
        )
        hits = graph.op("Mul", hits, graph.doubles(1.0 if weights is None else float(weights[index])))
        total = graph.op("Add", total, hits) if total else hits
    return Tensor(formulas.argmax(graph, total), "int64", None)


def _encoded(scope: Scope, member: Fitted, columns: Columns) -> str:
    """Return the label that a member gives; members of a committee are fitted on label numbers."""
    classes = np.asarray(member.classes_)
    if classes.dtype.kind not in "iu":
        raise scope.unsupported(member, "was fitted apart, on labels that are not numbers")
    index = scope.respond(member, columns, "predict").name
    return scope.graph.op("Gather", scope.graph.ints(classes), index)


def _final(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    final = model.final_estimator_
    if hasattr(model, "classes_") and len(final.classes_) != len(model.classes_):
        raise scope.unsupported(model, "the last estimator does not know every class")
    return scope.inner("final_estimator_").respond(final, _stacked(scope, model, columns), method)


def _stacked(scope: Scope, model: Fitted, columns: Columns) -> Columns:
    graph = scope.graph
    binary = hasattr(model, "classes_") and len(model.classes_) == 2
    parts = []
    for (inner, member), method in zip(_members(scope, model), model.stack_method_, strict=True):
        if method == "predict" and len(getattr(member, "classes_", ())):
            part = graph.cast(Tensor(_encoded(inner, member, columns), "int64", None), "float64")
        else:
            part = inner.respond(member, columns, method)
        if part.width is None:
            part = Tensor(graph.op("Reshape", part.name, graph.ints([-1, 1])), part.kind, 1)
        elif method == "predict_proba" and binary:
            part = graph.pick(part, [1])
        parts.append(Block(part, (None,) * (part.width or 0)))
    if model.passthrough:
        if not columns.numeric:
            raise scope.unsupported(model, "passthrough of text columns")
        parts += columns.blocks
    whole = Columns(tuple(parts))
    return Columns.of(graph.matrix(whole, whole.float_kind))


def _calibrated(scope: Scope, model: Fitted, columns: Columns) -> Tensor:
    graph, total = scope.graph, ""
    classes = len(model.classes_)
    for index, member in enumerate(model.calibrated_classifiers_):
        inner = scope.inner(f"calibrated_classifiers_[{index}]")
        shares = _one_calibrated(inner, member, columns, classes)
        total = graph.op("Add", total, shares) if total else shares
    count = graph.doubles(float(len(model.calibrated_classifiers_)))
    return Tensor(graph.op("Div", total, count), "float64", classes)


def _one_calibrated(scope: Scope, member: Fitted, columns: Columns, classes: int) -> str:
    """Return one calibrated classifier's probabilities `(N, classes)`."""
    graph, inside = scope.graph, member.estimator
    if len(inside.classes_) != classes:
        raise scope.unsupported(inside, "has not seen every class")
    method: Method = "decision_function" if hasattr(inside, "decision_function") else "predict_proba"
    scores = scope.respond(inside, columns, method)
    if scores.width is None:
        scores = Tensor(graph.op("Reshape", scores.name, graph.ints([-1, 1])), scores.kind, 1)
    elif classes == 2:
        scores = graph.pick(scores, [1])
    scores = graph.cast(scores, "float64")
    if member.method != "sigmoid":
        graph.guard(scores, nulls=False)  # the calibrators check what they are given
    if member.method == "temperature":
        return _tempered(scope, member, scores, method)
    if member.method == "isotonic":
        width = scores.width or 1
        parts = [
            Tensor(monotonic(scope, item, graph.pick(scores, [index]).name), "float64", 1)
            for index, item in zip(range(width), member.calibrators, strict=True)
        ]
        share = graph.concat(parts).name
    elif member.method == "sigmoid":
        slopes = graph.doubles([[float(item.a_) for item in member.calibrators]])
        offsets = graph.doubles([[float(item.b_) for item in member.calibrators]])
        line = graph.op("Neg", graph.op("Add", graph.op("Mul", slopes, scores.name), offsets))
        share = formulas.sigmoid(graph, line)
    else:
        raise scope.unsupported(inside, f"calibration {member.method!r} has no emitter")
    return formulas.pair(graph, share) if classes == 2 else formulas.rows_to_one(graph, share, classes)


def _tempered(scope: Scope, member: Fitted, scores: Tensor, method: Method) -> str:
    """Return the softmax of logits times one over a temperature."""
    graph = scope.graph
    logits = scores.name
    if method == "predict_proba":
        whole = formulas.pair(graph, logits) if scores.width == 1 else logits
        logits = graph.op("Log", graph.op("Add", whole, graph.doubles(1e-12)))
    elif scores.width == 1:
        logits = graph.op("Concat", graph.op("Neg", logits), logits, axis=1)
    warmth = graph.doubles(float(member.calibrators[0].beta_))
    return formulas.softmax(graph, graph.op("Mul", warmth, logits))
