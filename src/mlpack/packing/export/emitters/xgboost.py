"""XGBoost: trees and linear boosters in single precision, added up as XGBoost adds them.

Source: XGBoost's CPU predictor (`x < split` goes left, a category in a node's set goes right, sums in float32
from the base score on) and the transformations of its objectives in float32.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from mlpack.packing.export import formulas
from mlpack.packing.export.ensembles import LESS, Trees
from mlpack.packing.export.graph import Block, Columns, Tensor
from mlpack.packing.export.xgboost_model import Boosted, Tree, read_booster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlpack.format.contract import Method
    from mlpack.packing.export.graph import GraphBuilder
    from mlpack.packing.export.registry import Fitted, Scope

__all__ = ["respond"]

_LOGISTIC = ("binary:logistic", "reg:logistic")
_EXPONENTIAL = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_SOFT = ("multi:softprob", "multi:softmax")
_IDENTITY = (
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "reg:expectileerror",
    "binary:logitraw",
    "rank:ndcg",
    "rank:map",
    "rank:pairwise",
)


def respond(scope: Scope, model: Fitted, columns: Columns, method: Method) -> Tensor:
    """Emit a method."""
    boosted = _read(scope, model)
    raw = _raw(scope, model, boosted, columns)
    if method not in ("predict", "predict_proba"):
        raise scope.unsupported(model, f"has no {method}")
    if method == "predict_proba" and not hasattr(model, "n_classes_"):
        raise scope.unsupported(model, "has no predict_proba")
    if not hasattr(model, "n_classes_"):
        if boosted.objective == "multi:softmax":
            best = formulas.argmax(scope.graph, raw.name)
            return scope.graph.cast(Tensor(best, "int64", None), "float32")
        value = _value(scope, model, boosted, raw)
        return scope.graph.flat(value) if value.width == 1 else value
    return _classify(scope, model, boosted, raw, method)


def _classify(scope: Scope, model: Fitted, boosted: Boosted, raw: Tensor, method: Method) -> Tensor:
    """Return what XGBClassifier makes of the booster's answer."""
    graph, width = scope.graph, raw.width or 1
    half = _constant(graph, 0.5)
    if boosted.objective == "multi:softmax" and method == "predict_proba":
        return Tensor(_softmax_in_single(graph, raw.name), "float32", raw.width)
    value = _value(scope, model, boosted, raw)
    if width > 1 and model.n_classes_ != 2:
        if method == "predict_proba":
            return value
        return Tensor(formulas.argmax(graph, value.name), "int64", None)
    if method == "predict":
        above = graph.op("Cast", graph.op("Greater", value.name, half), to=7)
        label = Tensor(above, "int64", value.width)
        return label if width > 1 else graph.flat(label)
    if width > 1:
        return value
    rest = graph.op("Sub", _constant(graph, 1), value.name)
    return Tensor(graph.op("Concat", rest, value.name, axis=1), "float32", 2)


def _read(scope: Scope, model: Fitted) -> Boosted:
    """Return the booster, cut to the rounds that its own `predict` uses."""
    booster, rounds = model, None
    if hasattr(model, "get_booster"):
        booster = model.get_booster()
        rounds = int(model._get_iteration_range(None)[1]) or None  # noqa: SLF001 - what its predict asks
    try:
        return read_booster(booster, rounds)
    except (KeyError, ValueError) as error:
        raise scope.unsupported(model, f"its document cannot be read: {error}") from error


# ------------------------------------------------------------------------------------------ inputs


def _single(scope: Scope, model: Fitted, boosted: Boosted, columns: Columns) -> Tensor:
    """Return the `(N, k)` float32 that the booster sees: codes for categories, NaN for what is missing."""
    graph = scope.graph
    parts = []
    for index in range(columns.width):
        block = graph.select(columns, [index]).blocks[0]
        if index in boosted.categories:
            parts.append(_coded(scope, model, boosted.categories[index], block.tensor))
        elif block.tensor.kind == "string":
            raise scope.unsupported(model, "meets text in a column that it does not treat as categories")
        elif index in boosted.category_columns:
            parts.append(Tensor(graph.op("Floor", graph.cast(block.tensor, "float32").name), "float32", 1))
        else:
            parts.append(block.tensor)
    if all(part.kind != "string" for part in parts) and not boosted.category_columns:
        x = graph.matrix(columns, "float32")
    else:
        x = graph.matrix(Columns(tuple(Block(part, (None,)) for part in parts)), "float32")
    missing = getattr(model, "missing", np.nan)
    if missing is None or np.isnan(missing):
        return x
    gone = graph.op("Equal", x.name, _constant(graph, missing))
    return Tensor(graph.op("Where", gone, _constant(graph, np.nan), x.name), "float32", x.width)


def _coded(scope: Scope, model: Fitted, known: Sequence[str] | Sequence[float], column: Tensor) -> Tensor:
    """Return codes of categories; a missing one is NaN and an unknown one -1, which is in no set."""
    version = str(sys.modules["xgboost"].__version__)
    if tuple(int(part) for part in version.split(".")[:2]) < (3, 3):
        raise scope.unsupported(
            model,
            f"XGBoost {version} takes an unknown category for its neighbour in the alphabet, "
            "which 3.3 mends; or encode the categories in the pipeline",
        )
    if (column.kind == "string") != isinstance(known[0], str):
        raise scope.unsupported(model, "was fitted on categories of another type than the example's")
    codes = [float(code) for code in range(len(known))]
    return formulas.category_codes(scope.graph, column, known, codes, unknown=-1.0)


# ------------------------------------------------------------------------------------------ raw scores


def _raw(scope: Scope, model: Fitted, boosted: Boosted, columns: Columns) -> Tensor:
    """Return the raw scores `(N, K)` in float32."""
    x = _single(scope, model, boosted, columns)
    start = _margins(scope, model, boosted)
    if boosted.weights is not None:
        return _linear(scope, boosted, x, start)
    if any(tree.value.shape[1] > 1 for tree in boosted.trees):
        return _vectors(scope, boosted, x, start)
    ensemble = Trees(kind="float32", mode=LESS)
    for target in range(boosted.targets):
        ensemble.add_constant(float(start[target]), target)
    for tree in boosted.trees:
        value = tree.value[:, 0]
        if tree.factor is not None and hasattr(model, "get_booster"):
            value = (value + start[tree.group]) - start[tree.group]  # as its in-place prediction rounds
        _add(ensemble, tree, value if tree.factor is None else value * tree.factor, tree.group)
    return Tensor(ensemble.emit(scope.graph, x.name, boosted.targets), "float32", boosted.targets)


def _add(ensemble: Trees, tree: Tree, value: np.ndarray, target: int) -> None:
    """Add a tree; where categories of a set go right, the operator's true branch is the right one."""
    swapped = np.array([members is not None for members in tree.members])
    ensemble.add(
        left=np.where(swapped, tree.right, tree.left),
        right=np.where(swapped, tree.left, tree.right),
        feature=tree.feature,
        split=tree.split,
        missing_left=tree.default_left != swapped,
        value=value,
        target=target,
        leaf=tree.leaf,
        members=tree.members,
    )


def _vectors(scope: Scope, boosted: Boosted, x: Tensor, start: np.ndarray) -> Tensor:
    """Return the sums of trees whose leaves hold one weight per target."""
    graph, rows, first = scope.graph, [start.reshape(1, -1)], 1
    ensemble = Trees(kind="float32", mode=LESS)
    for target, tree in enumerate(boosted.trees):
        number = np.zeros(len(tree.leaf))
        number[tree.leaf] = first + np.arange(int(tree.leaf.sum()))
        first += int(tree.leaf.sum())
        rows.append(tree.value[tree.leaf])
        _add(ensemble, tree, number, target)
    if first >= 2**24:
        raise scope.unsupported(boosted, "has more leaves than a float32 can number")
    reached = graph.op("Cast", ensemble.emit(graph, x.name, len(boosted.trees)), to=7)
    table, total = graph.const(np.concatenate(rows)), graph.const(start.reshape(1, -1))
    for target in range(len(boosted.trees)):
        leaf = graph.op("Gather", reached, graph.ints(target), axis=1)
        total = graph.op("Add", total, graph.op("Gather", table, leaf))
    return Tensor(total, "float32", boosted.targets)


def _linear(scope: Scope, boosted: Boosted, x: Tensor, start: np.ndarray) -> Tensor:
    """Return bias plus weights times what is not missing, column after column."""
    graph, weights = scope.graph, boosted.weights
    assert weights is not None  # noqa: S101 - told apart by the caller
    graph.guard(x, nulls=True)
    zero = _constant(graph, 0)
    known = graph.op("Where", graph.op("IsNaN", x.name), zero, x.name)
    total = graph.const(weights[-1:] + start[0])
    for column in range(len(weights) - 1):
        value = graph.op("Gather", known, graph.ints([column]), axis=1)
        total = graph.op("Add", total, graph.op("Mul", value, graph.const(weights[column : column + 1])))
    return Tensor(total, "float32", boosted.targets)


# ------------------------------------------------------------------------------------------ objectives


def _margins(scope: Scope, model: Fitted, boosted: Boosted) -> np.ndarray:
    """Return the base score as a raw score per target, float32 throughout."""
    base = boosted.base_score
    with np.errstate(divide="ignore"):
        if boosted.objective in _LOGISTIC:
            base = -_rounded(np.log, np.float32(1) / base - np.float32(1))
        elif boosted.objective in _EXPONENTIAL:
            base = _rounded(np.log, base)
    if len(base) not in (1, boosted.targets):
        raise scope.unsupported(model, f"has {len(base)} base scores for {boosted.targets} raw scores")
    return np.resize(base, boosted.targets).astype(np.float32)


def _rounded(function: np.ufunc, x: np.ndarray) -> np.ndarray:
    """Return a float32 function as the C library gives it: correctly rounded but for very few values."""
    result: np.ndarray = function(x.astype(np.float64)).astype(np.float32)
    return result


def _value(scope: Scope, model: Fitted, boosted: Boosted, raw: Tensor) -> Tensor:
    """Return the raw scores in the objective's own units."""
    graph, objective = scope.graph, boosted.objective
    if objective in _IDENTITY:
        return raw
    if objective in _LOGISTIC:
        return Tensor(_sigmoid(graph, raw.name), "float32", raw.width)
    if objective in _EXPONENTIAL:
        return Tensor(_exp(graph, raw.name), "float32", raw.width)
    if objective in _SOFT:
        return Tensor(_softmax(graph, raw.name), "float32", raw.width)
    if objective == "binary:hinge":
        above = graph.op("Greater", raw.name, _constant(graph, 0))
        return graph.cast(Tensor(above, "bool", raw.width), "float32")
    raise scope.unsupported(model, f"objective {objective!r} has no closed form here")


def _constant(graph: GraphBuilder, value: float) -> str:
    return graph.const(np.array(value, dtype=np.float32))


def _exp(graph: GraphBuilder, x: str) -> str:
    """Return the exponential of a float32, rounded once: the operator's own in float32 is less exact."""
    return graph.op("Cast", graph.op("Exp", graph.op("Cast", x, to=11)), to=1)


def _sigmoid(graph: GraphBuilder, x: str) -> str:
    one, limit = _constant(graph, 1), _constant(graph, 88.7)
    negative = graph.op("Neg", x)
    negative = graph.op("Where", graph.op("Greater", negative, limit), limit, negative)
    return graph.op("Div", one, graph.op("Add", _exp(graph, negative), one))


def _softmax_in_single(graph: GraphBuilder, x: str) -> str:
    """Return the row-wise softmax as SciPy computes it in float32."""
    powers = _exp(graph, graph.op("Sub", x, graph.op("ReduceMax", x, graph.ints([1]), keepdims=1)))
    return graph.op("Div", powers, graph.op("ReduceSum", powers, graph.ints([1]), keepdims=1))


def _softmax(graph: GraphBuilder, x: str) -> str:
    """Return the row-wise softmax; XGBoost sums in double and divides in float32."""
    powers = _exp(graph, graph.op("Sub", x, graph.op("ReduceMax", x, graph.ints([1]), keepdims=1)))
    total = graph.op("ReduceSum", graph.op("Cast", powers, to=11), graph.ints([1]), keepdims=1)
    return graph.op("Div", powers, graph.op("Cast", total, to=1))
